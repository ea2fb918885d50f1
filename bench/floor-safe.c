// SPDX-License-Identifier: Apache-2.0
/*
 * The safe floor: the kernel work of a container that hull would call safe, and nothing else.
 *
 *	floor-safe [-f FILTER] [-n BRIDGE [-p]] STATE LAYER[:LAYER...] PROGRAM [ARG...]
 *
 * Counted: the start of this static program; folder, upper and work; user, pid, mount, uts, ipc,
 * network and cgroup namespaces with ids from 524288; id-mapped layers under an overlay; /dev made
 *by the parent; proc, sysfs, devpts, shm, mqueue; a cgroup with a pids limit in every v1 hierarchy
 * that is mounted, or in v2, and its read-only view in /sys/fs/cgroup; lo up; Docker's masked and
 * read-only paths; Docker's 14 capabilities; the seccomp filter out of FILTER; PDEATHSIG; exec, the
 * program itself, the wait; removal of the cgroups and the folder.
 * Not there, though an engine needs it: image look-up, configuration, database, log, monitor, hosts
 * and resolv.conf, users, safe path walks inside the image, roll-back after an error.
 *
 * How it works: the child is cloned first. As soon as its id maps are written it makes its network
 * namespace, while the parent makes everything that takes the host's powers; they meet once, when
 * the parent sends the mounts as descriptors. The order is what the kernel wants:
 *
 * - A network namespace made before the id maps belongs to nobody, and so does the mqueue of an
 *   ipc namespace made before setresuid().
 * - cgroups v1: the child moves itself, by "0" in tasks, while its uid is still the host's 0. A
 *   thread that moves itself is the one migration without the global lock; a write by the parent,
 *or to cgroup.procs, waits 10 to 30 ms for an RCU grace period unless somebody did the same a
 *   moment ago (which hides it in a tight loop). v2: CLONE_INTO_CGROUP.
 * - The layers are attached on a folder of the host's tree, not on its "/": so one umount of the
 *old root takes them along. Stacked on "/", the old root itself would stay behind, in sight.
 * - Last the capabilities, because loading a filter without no_new_privs takes CAP_SYS_ADMIN.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define OWNER 524288
#define ID_MAP "0 524288 65536"
#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_PARENT "hull-bench"
#define SCRATCH "/dev" /* a folder that every host has and nobody needs until the exec */
#define MAX_HIERARCHIES 16
#define LOCKED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

struct cgroups {
	int version;
	int count;
	char name[MAX_HIERARCHIES][64];	 /* "" in v2 */
	char path[MAX_HIERARCHIES][128]; /* our own folder */
};

struct trees {
	int dev;
	int upper; /* the container's folder, with upper and work in it */
	int layer[MAX_LAYERS];
};

static void write_file(const char *path, const char *text)
{
	int fd = must(open(path, O_WRONLY | O_CLOEXEC));

	must(write(fd, text, strlen(text)));
	close(fd);
}

/* --- cgroups --- */

/* Once per boot: the folder that all our cgroups are in, with what its children inherit. */
static void cgroup_parent_make(const char *hierarchy, int version)
{
	static const char *const inherited[] = {"cpuset.cpus", "cpuset.mems"};
	char path[512], text[256];

	snprintf(path, sizeof(path), "%s/" CGROUP_PARENT, hierarchy);
	must(mkdir(path, 0755));
	if (version == 2) {
		snprintf(path, sizeof(path), "%s/cgroup.subtree_control", hierarchy);
		write_file(path, "+pids");
		snprintf(path, sizeof(path), "%s/" CGROUP_PARENT "/cgroup.subtree_control",
			hierarchy);
		write_file(path, "+pids");
		return;
	}
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", hierarchy, inherited[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		n = must(read(fd, text, sizeof(text) - 1));
		text[n] = '\0';
		close(fd);
		snprintf(path, sizeof(path), "%s/" CGROUP_PARENT "/%s", hierarchy, inherited[i]);
		write_file(path, text);
	}
	snprintf(path, sizeof(path), "%s/" CGROUP_PARENT "/cgroup.clone_children", hierarchy);
	write_file(path, "1");
}

static void cgroup_add(struct cgroups *cg, const char *name)
{
	snprintf(cg->name[cg->count], sizeof(cg->name[0]), "%s", name);
	snprintf(cg->path[cg->count], sizeof(cg->path[0]), CGROUP_ROOT "/%s/" CGROUP_PARENT "/%d",
		name, getpid());
	cg->count++;
}

static void cgroups_find(struct cgroups *cg)
{
	struct dirent *e;
	DIR *dir;

	if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0) {
		cg->version = 2;
		cgroup_add(cg, "");
		return;
	}
	cg->version = 1;
	dir = opendir(CGROUP_ROOT);
	while (dir && (e = readdir(dir)) && cg->count < MAX_HIERARCHIES)
		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
			strcmp(e->d_name, "unified") != 0 &&
			strlen(e->d_name) < sizeof(cg->name[0]))
			cgroup_add(cg, e->d_name);
	closedir(dir);
}

static void pids_limit(const char *cgroup)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/pids.max", cgroup);
	write_file(path, "4096");
}

static void cgroups_make(const struct cgroups *cg)
{
	char path[128];

	for (int i = 0; i < cg->count; i++) {
		if (mkdir(cg->path[i], 0755) < 0) {
			snprintf(path, sizeof(path), CGROUP_ROOT "/%s", cg->name[i]);
			cgroup_parent_make(path, cg->version);
			must(mkdir(cg->path[i], 0755));
		}
		if (cg->version == 2 || strcmp(cg->name[i], "pids") == 0) {
			pids_limit(cg->path[i]);
		}
	}
}

static void cgroups_join(const struct cgroups *cg)
{
	char path[256];

	if (cg->version == 2)
		return;
	for (int i = 0; i < cg->count; i++) {
		snprintf(path, sizeof(path), "%s/tasks", cg->path[i]);
		write_file(path, "0");
	}
}

static void cgroups_remove(const struct cgroups *cg)
{
	for (int i = 0; i < cg->count; i++)
		must(rmdir(cg->path[i]));
}

/* --- mounts as descriptors --- */

static int tree_open(const char *path)
{
	return must(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

static void tree_set(int fd, unsigned long long attributes, int userns)
{
	struct mount_attr attr = {.attr_set = attributes, .userns_fd = (unsigned int)userns};

	must(mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
}

static void tree_attach(int fd, const char *path)
{
	must(move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
}

static int dev_make(void)
{
	int fs = must(fsopen("tmpfs", FSOPEN_CLOEXEC)), fd;

	must(fsconfig(fs, FSCONFIG_SET_STRING, "source", "tmpfs", 0));
	must(fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0));
	must(fsconfig(fs, FSCONFIG_SET_STRING, "size", "65536k", 0));
	must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	fd = must(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID));
	close(fs);
	floor_dev_fill(fd, OWNER);
	must(fchownat(fd, "", OWNER, OWNER, AT_EMPTY_PATH));
	return fd;
}

/* --- the meeting: one message with all trees; EOF when the parent is gone --- */

union trees_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct trees))];
};

static size_t trees_size(const struct floor *f)
{
	return offsetof(struct trees, layer) + (size_t)f->layer_count * sizeof(int);
}

static void trees_send(int socket, const struct floor *f, const struct trees *t)
{
	union trees_control control = {0};
	char text = 't';
	struct iovec byte = {.iov_base = &text, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(trees_size(f))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(trees_size(f));
	memcpy(CMSG_DATA(c), t, trees_size(f));
	must(sendmsg(socket, &msg, MSG_NOSIGNAL));
}

static void trees_receive(int socket, const struct floor *f, struct trees *out)
{
	union trees_control control;
	char text;
	struct iovec byte = {.iov_base = &text, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};

	if (must(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC)) != 1)
		_exit(125);
	memcpy(out, CMSG_DATA(CMSG_FIRSTHDR(&msg)), trees_size(f));
}

/* --- child --- */

static void root_mount(const struct floor *f, const struct trees *t)
{
	char path[64];
	int fs, fd;

	for (int i = 0; i < f->layer_count; i++)
		tree_attach(t->layer[i], SCRATCH);
	tree_attach(t->upper, SCRATCH);
	fs = must(fsopen("overlay", FSOPEN_CLOEXEC));
	must(fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0));
	for (int i = 0; i < f->layer_count; i++)
		must(fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, t->layer[i]));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/upper", t->upper);
	must(fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", path, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/work", t->upper);
	must(fsconfig(fs, FSCONFIG_SET_STRING, "workdir", path, 0));
	must(fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0));
	must(fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0));
	mark("overlay set");
	must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mark("overlay create");
	fd = must(fsmount(fs, FSMOUNT_CLOEXEC, 0));
	tree_attach(fd, SCRATCH);
	must(fchdir(fd));
	mark("overlay mount");
}

static void cgroup_view(const struct cgroups *cg)
{
	char path[128];
	int fd;

	if (cg->version == 2) {
		must(mount("cgroup", "sys/fs/cgroup", "cgroup2", LOCKED | MS_RDONLY, NULL));
		return;
	}
	must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", LOCKED, "mode=755,size=64k"));
	for (int i = 0; i < cg->count; i++) {
		snprintf(path, sizeof(path), "sys/fs/cgroup/%s", cg->name[i]);
		must(mkdir(path, 0755));
		fd = tree_open(cg->path[i]);
		tree_set(fd,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC,
			0);
		tree_attach(fd, path);
		close(fd);
	}
	must(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED, NULL));
}

static void paths_protect(void)
{
	static const char *const files[] = {"proc/interrupts", "proc/kcore", "proc/keys",
		"proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug"};
	static const char *const folders[] = {"proc/asound", "proc/acpi", "proc/scsi",
		"sys/firmware", "sys/devices/virtual/powercap"};
	static const char *const readonly[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
	const char *empty = NULL;
	int fd;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (mount("dev/null", files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			die(files[i]);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		/* One empty tmpfs; the other folders show the same one. */
		if ((empty ? mount(empty, folders[i], NULL, MS_BIND, NULL)
			   : mount("tmpfs", folders[i], "tmpfs", LOCKED | MS_RDONLY, "size=0")) ==
			0)
			empty = folders[i];
		else if (errno != ENOENT)
			die(folders[i]);
	}
	for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++) {
		fd = open_tree(AT_FDCWD, readonly[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		tree_set(must(fd), MOUNT_ATTR_RDONLY, 0);
		tree_attach(fd, readonly[i]);
		close(fd);
	}
}

static void lo_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	must(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
}

static void filter_load(int fd)
{
	static struct sock_filter filter[BPF_MAXINSNS];
	struct sock_fprog prog = {.filter = filter};

	if (fd < 0)
		return;
	prog.len = (unsigned short)((size_t)must(read(fd, filter, sizeof(filter))) /
				    sizeof(filter[0]));
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

static void caps_drop(void)
{
	static const int kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
		CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE,
		CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	unsigned long long keep = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep |= 1ull << kept[i];
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(keep >> cap & 1))
			must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = (unsigned int)(keep >> (32 * i));
	must(syscall(SYS_capset, &head, data));
}

static void child(const struct floor *f, const struct cgroups *cg, int socket, int filter_fd,
	const char *bridge)
{
	struct trees t;
	char byte;

	mark("born");
	if (must(read(socket, &byte, 1)) != 1)
		_exit(125);
	mark("maps there");
	must(unshare(CLONE_NEWNET));
	if (bridge)
		must(send(socket, "n", 1, MSG_NOSIGNAL));
	mark("netns");
	must(sethostname("floor", 5));
	lo_up();
	mark("lo");
	trees_receive(socket, f, &t);
	mark("trees there");
	cgroups_join(cg);
	mark("cgroups joined");
	must(setresgid(0, 0, 0));
	must(setresuid(0, 0, 0));
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	must(unshare(CLONE_NEWIPC | CLONE_NEWCGROUP));
	mark("ipc, cgroup ns");
	root_mount(f, &t);
	must(mount("proc", "proc", "proc", LOCKED, NULL));
	must(mount("sysfs", "sys", "sysfs", LOCKED | MS_RDONLY, NULL));
	mark("proc, sysfs");
	tree_attach(t.dev, "dev");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,gid=5"));
	must(mount("shm", "dev/shm", "tmpfs", LOCKED, "mode=1777,size=65536k"));
	must(mount("mqueue", "dev/mqueue", "mqueue", LOCKED, NULL));
	mark("dev");
	cgroup_view(cg);
	mark("cgroup view");
	paths_protect();
	mark("paths");
	must(syscall(SYS_pivot_root, ".", "."));
	mark("pivot_root");
	must(umount2(".", MNT_DETACH));
	must(chdir("/"));
	mark("umount");
	if (bridge) {
		if (must(read(socket, &byte, 1)) != 1)
			_exit(125);
		floor_cable_configure();
		mark("cable");
	}
	filter_load(filter_fd);
	mark("seccomp");
	caps_drop();
	mark("caps");
	marks_print("child");
	floor_exec(f->argv);
}

/* --- parent --- */

static void id_maps_write(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_file(path, ID_MAP);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_file(path, ID_MAP);
}

static void trees_make(const struct floor *f, pid_t pid, struct trees *t)
{
	char path[64];
	int userns;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	userns = must(open(path, O_RDONLY | O_CLOEXEC));
	for (int i = 0; i < f->layer_count; i++) {
		t->layer[i] = tree_open(f->layers[i]);
		tree_set(t->layer[i], MOUNT_ATTR_IDMAP, userns);
	}
	t->upper = tree_open(f->folder);
	tree_set(t->upper, MOUNT_ATTR_IDMAP, userns);
	mark("idmap");
	t->dev = dev_make();
	mark("dev");
}

int main(int argc, char **argv)
{
	static struct floor f;
	static struct cgroups cg;
	static struct trees t;
	unsigned long long flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS;
	int into = -1, filter_fd = -1, pair[2], status, port = 0;
	const char *bridge = NULL;
	char byte;
	pid_t pid;

	mark("start");
	if (argc > 2 && strcmp(argv[1], "-f") == 0) {
		filter_fd = must(open(argv[2], O_RDONLY | O_CLOEXEC));
		argv += 2;
	}
	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		bridge = argv[2];
		argv += 2;
	}
	if (bridge && argv[1] && strcmp(argv[1], "-p") == 0) {
		port = 1;
		argv++;
	}
	floor_parse(&f, argv + 1);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	cgroups_find(&cg);
	if (cg.version == 2) {
		cgroups_make(&cg);
		into = must(open(cg.path[0], O_PATH | O_DIRECTORY | O_CLOEXEC));
		flags |= CLONE_INTO_CGROUP;
	}
	mark("prepared");
	pid = must(floor_clone(flags, into));
	if (pid == 0) {
		close(pair[0]);
		child(&f, &cg, pair[1], filter_fd, bridge);
	}
	close(pair[1]);
	mark("clone");
	id_maps_write(pid);
	must(send(pair[0], "m", 1, MSG_NOSIGNAL));
	mark("maps");
	if (cg.version == 1)
		cgroups_make(&cg);
	mark("cgroups");
	floor_folder_make(&f);
	mark("folder");
	trees_make(&f, pid, &t);
	trees_send(pair[0], &f, &t);
	mark("sent");
	if (bridge) {
		if (must(read(pair[0], &byte, 1)) != 1)
			_exit(125);
		floor_cable_plug(bridge, pid);
		if (port)
			floor_port(1);
		must(send(pair[0], "c", 1, MSG_NOSIGNAL));
		mark("plugged");
	}
	status = floor_wait(pid);
	mark("wait");
	if (port)
		floor_port(0);
	cgroups_remove(&cg);
	mark("cgroups removed");
	floor_folder_remove(&f);
	mark("folder removed");
	marks_print("parent");
	return status;
}
