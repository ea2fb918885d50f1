/* seccomp.c: the cache of compiled filters.
 *
 * How it works: HULL_ROOT/seccomp/KEY.bpf, KEY being a hash of everything the filter follows from:
 * the profile, the capabilities, the kernel's release (profiles have conditions on it) and hull's
 * version. Of hull's own profile, a file of the system that only root can change, the inode's
 * identity and times stand for the bytes: reading and hashing 30 KiB would cost a fifth of what the
 * rest of this costs ten times over. What is found is used only if it is a file of ours that nobody
 * else may write. */
#define _GNU_SOURCE
#include "engine/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "config.h"
#include "engine/helpers.h"
#include "kernel/fs.h"
#include "kernel/program.h"

#define PROFILE_MAX (4 << 20)
#define FILTER_MAX (32768 * 8)
#define NAME_LEN (HASH_HEX + sizeof(".bpf"))

extern char **environ;

static int key_of_profile(struct buf *b, const char *path, int own, struct err *e)
{
	auto_buf struct buf text = BUF_MAX(PROFILE_MAX);
	char hex[HASH_HEX + 1];
	struct stat st;
	int r;

	if (own) {
		if (stat(path, &st) < 0)
			return err_sys(e, errno, "open the profile %s", path);
		buf_printf(b, "own %ju %ju %jd %jd.%ld %jd.%ld", (uintmax_t)st.st_dev,
			(uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
		return 0;
	}
	r = fd_read_file(AT_FDCWD, path, &text);
	if (r < 0)
		return err_sys(e, r, "opening seccomp profile (%s) failed", path);
	hash_sha256_hex(text.data ? text.data : "", text.len, hex);
	buf_puts(b, hex);
	return 0;
}

static int make_name(
	const struct seccomp_wanted *w, const char *path, char out[NAME_LEN], struct err *e)
{
	auto_buf struct buf b = BUF_MAX(1 << 20);
	struct utsname u;

	if (key_of_profile(&b, path, !w->profile, e) < 0)
		return -1;
	strv_foreach (name, w->allow)
		buf_printf(&b, " allow %s", *name);
	uname(&u);
	buf_printf(&b, " caps %" PRIx64 " kernel %s %s hull " HULL_VERSION, w->caps, u.release,
		u.machine);
	hash_sha256_hex(b.data, b.len, out);
	str_copy(out + HASH_HEX, NAME_LEN - HASH_HEX, ".bpf");
	return 0;
}

/* "KEY.bpf" -> "KEY.sum" */
static char *sum_name(const char *name)
{
	return xasprintf("%.*s.sum", HASH_HEX, name);
}

/* The digest of a filter, and what it was made for. */
static char *sum_text(const char *data, size_t len)
{
	char hex[HASH_HEX + 1];
	struct utsname u;

	uname(&u);
	hash_sha256_hex(data, len, hex);
	return xasprintf("%s %s %s " HULL_VERSION "\n", hex, u.release, u.machine);
}

/* 1 when the file may be trusted. */
static int is_cached(int folder_fd, const char *name)
{
	struct stat st;

	return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & 077) && st.st_size > 0 &&
	       st.st_size <= FILTER_MAX && st.st_size % 8 == 0;
}

/* The program's last line on stderr is the reason why. */
static int read_complaint(int fd, const char *profile, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(4096);
	const char *text;

	if (lseek(fd, 0, SEEK_SET) == 0)
		fd_read_all(fd, &b);
	while (b.len && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	text = b.len ? b.data : "hull-seccomp failed without a word";
	if (str_after(text, "hull-seccomp: "))
		text += strlen("hull-seccomp: ");
	return err_set(e, ERR_INVALID, "cannot use the seccomp profile %s: %.600s", profile, text);
}

static char **compiler_argv(const struct seccomp_wanted *w, const char *path)
{
	char **argv = NULL;

	strv_add(&argv, "hull-seccomp");
	strv_add(&argv, path);
	strv_add(&argv, "--caps");
	strv_addf(&argv, "%" PRIx64, w->caps);
	strv_foreach (name, w->allow)
		strv_addf(&argv, "--allow=%s", *name);
	return argv;
}

static int spawn_compiler(const char *program, const struct seccomp_wanted *w, const char *profile,
	int out_fd, int log_fd, struct err *e)
{
	auto_strv char **argv = compiler_argv(w, profile);
	const int stdio[] = {-1, out_fd, log_fd};
	int status = 0, r = program_run(program, argv, stdio, &status);

	if (r < 0)
		return err_sys(e, r, "start %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return read_complaint(log_fd, profile, e);
}

/* For `hull system check`: the hot path does not read it. Before the filter has its name, so that
 * no filter is without. */
static int write_sum(int folder_fd, const char *tmp, const char *name, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(FILTER_MAX);
	auto_free char *text = NULL, *file = sum_name(name);
	int r = fd_read_file(folder_fd, tmp, &b);

	if (r < 0)
		return err_sys(e, r, "read a compiled filter");
	text = sum_text(b.data ? b.data : "", b.len);
	r = fd_write_file(folder_fd, file, text, strlen(text), 0600, 0);
	return r < 0 ? err_sys(e, r, "write a file in the folder " ENGINE_SECCOMP) : 0;
}

const char *seccomp_cache_judge(int folder_fd, const char *name)
{
	auto_buf struct buf b = BUF_MAX(FILTER_MAX), sum = BUF_MAX(1024);
	auto_free char *file = sum_name(name), *text = NULL;

	if (!is_cached(folder_fd, name) || fd_read_file(folder_fd, name, &b) < 0)
		return "it is no file that hull would use";
	if (fd_read_file(folder_fd, file, &sum) < 0 || sum.len < HASH_HEX)
		return "its checksum is missing";
	text = sum_text(b.data ? b.data : "", b.len);
	if (memcmp(text, sum.data, HASH_HEX) != 0)
		return "its bytes do not have its checksum";
	return streq(text, sum.data) ? NULL : "it was made for another kernel, or another hull";
}

static int compile(int folder_fd, const char *name, const struct seccomp_wanted *w,
	const char *profile, struct err *e)
{
	auto_free char *program = helpers_find("hull-seccomp", e);
	auto_free char *tmp = xasprintf("%s.tmp%d", name, (int)getpid());
	auto_fd int out = -1, log = -1;

	if (!program)
		return -1;
	unlinkat(folder_fd, tmp, 0); /* left by a killed one of the same pid */
	out = openat(folder_fd, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, errno, "make a file in the folder " ENGINE_SECCOMP);
	log = fs_scratch_file(folder_fd);
	if (log < 0)
		err_sys(e, log, "make a file for the words of hull-seccomp");
	else if (spawn_compiler(program, w, profile, out, log, e) == 0 &&
		 write_sum(folder_fd, tmp, name, e) == 0) {
		if (renameat(folder_fd, tmp, folder_fd, name) == 0)
			return 0;
		err_sys(e, errno, "name a compiled filter");
	}
	unlinkat(folder_fd, tmp, 0);
	return -1;
}

int seccomp_filter(
	struct engine *en, const struct seccomp_wanted *w, char **out_path, struct err *e)
{
	auto_free char *path = w->profile ? xstrdup(w->profile) : helpers_find("seccomp.json", e);
	auto_fd int folder = -1;
	char name[NAME_LEN];

	if (!path || make_name(w, path, name, e) < 0 ||
		engine_folder(en->root_fd, ENGINE_SECCOMP, &folder, e) < 0)
		return -1;
	if (!is_cached(folder, name)) {
		if (compile(folder, name, w, path, e) < 0)
			return -1;
		if (!is_cached(folder, name))
			return err_set(e, ERR_SYSTEM,
				"hull-seccomp made no usable filter of the profile %s", path);
	}
	*out_path = xasprintf("%s/" ENGINE_SECCOMP "/%s", en->root, name);
	return 0;
}
