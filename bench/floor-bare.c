// SPDX-License-Identifier: Apache-2.0
/*
 * The bare floor: the least that a container with namespaces, an overlay and the usual file
 * systems costs on this kernel.
 *
 *	floor-bare [-n BRIDGE] STATE LAYER[:LAYER...] PROGRAM [ARG...]
 *
 * Counted: the start of this (static) program, the folder with upper and work, one clone3 with new
 * pid, mount, uts, ipc, network and cgroup namespaces, overlay, proc, sysfs, /dev with its nodes,
 * devpts, shm, mqueue, pivot_root, the exec and the program itself, the wait, the removal of the
 *folder. Not there: user namespace, cgroup, masks, capabilities, seccomp, lo, monitor, log,
 *database, image look-up. It is no safe container and no measure of one: floor-safe is.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void child(const struct floor *f, int socket)
{
	char options[4096 * 4];
	size_t n = 0;
	int dev;

	n += (size_t)snprintf(options + n, sizeof(options) - n, "lowerdir=");
	for (int i = 0; i < f->layer_count && n < sizeof(options); i++)
		n += (size_t)snprintf(
			options + n, sizeof(options) - n, "%s%s", i ? ":" : "", f->layers[i]);
	if (n < sizeof(options))
		snprintf(options + n, sizeof(options) - n,
			",upperdir=%s/upper,workdir=%s/work,volatile", f->folder, f->folder);

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	mark("private");
	must(mount("overlay", f->folder, "overlay", 0, options));
	mark("overlay");
	must(chdir(f->folder));
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	mark("proc");
	must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL));
	mark("sysfs");
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"));
	mark("tmpfs");
	dev = must(open("dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
	floor_dev_fill(dev, 0);
	mark("nodes");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,gid=5"));
	mark("devpts");
	must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"mode=1777,size=65536k"));
	mark("shm");
	must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	mark("mqueue");
	must(syscall(SYS_pivot_root, ".", "."));
	mark("pivot_root");
	must(umount2(".", MNT_DETACH));
	mark("umount");
	must(chdir("/"));
	if (socket >= 0) {
		if (must(read(socket, options, 1)) != 1)
			_exit(125);
		floor_cable_configure();
		mark("cable");
	}
	marks_print("child");
	floor_exec(f->argv);
}

int main(int argc, char **argv)
{
	const char *bridge = NULL;
	struct floor f = {0};
	int status, pair[2] = {-1, -1};
	pid_t pid;

	mark("start");
	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		bridge = argv[2];
		argv += 2;
		must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	}
	floor_parse(&f, argv + 1);
	floor_folder_make(&f);
	mark("folder");
	pid = must(floor_clone(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
				       CLONE_NEWNET | CLONE_NEWCGROUP,
		0));
	if (pid == 0)
		child(&f, pair[1]);
	if (bridge) {
		floor_cable_plug(bridge, pid);
		must(send(pair[0], "c", 1, MSG_NOSIGNAL));
	}
	mark("clone");
	status = floor_wait(pid);
	mark("wait");
	floor_folder_remove(&f);
	mark("removed");
	marks_print("parent");
	return status;
}
