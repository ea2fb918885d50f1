/* exec.c: why a program did not start, in words. */
#define _GNU_SOURCE
#include "compat/exec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define HEAD_MAX 4096 /* what execve looks at is less: 256 bytes, and the program headers */

const char *compat_machine_name(unsigned machine, int is64, char buf[24])
{
	switch (machine) {
	case EM_X86_64:
		return is64 ? "x86_64" : "x32";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "arm";
	case EM_RISCV:
		return is64 ? "riscv64" : "riscv32";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390x";
	case EM_MIPS:
		return "mips";
	case 258: /* EM_LOONGARCH */
		return "loongarch64";
	default:
		snprintf(buf, 24, "machine %u", machine);
		return buf;
	}
}

static int failed(struct err *e, int status, int errnum)
{
	e->errnum = errnum;
	e->status = status;
	return -1;
}

/* "#! /bin/foo -x" -> "/bin/foo" */
static int script_interpreter(const char *head, char out[256])
{
	if (memcmp(head, "#!", 2) != 0)
		return 0;
	head += 2 + strspn(head + 2, " \t");
	snprintf(out, 256, "%.*s", (int)strcspn(head, " \t\r\n"), head);
	return out[0] != '\0';
}

/* The PT_INTERP of a program of this machine's byte order, when it lies in the first page. */
static int elf_interpreter(const char *head, size_t len, char out[256])
{
	const Elf64_Ehdr *h64 = (const void *)head;
	const Elf32_Ehdr *h32 = (const void *)head;
	int is64 = head[EI_CLASS] == ELFCLASS64;
	size_t off = is64 ? h64->e_phoff : h32->e_phoff;
	size_t size = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t n = is64 ? h64->e_phnum : h32->e_phnum;

	for (size_t i = 0; i < n && off < len && size <= len - off; i++, off += size) {
		Elf64_Phdr p64;
		Elf32_Phdr p32;
		size_t at, count;
		memcpy(&p64, head + off, is64 ? size : 0);
		memcpy(&p32, head + off, is64 ? 0 : size);
		if ((is64 ? p64.p_type : p32.p_type) != PT_INTERP)
			continue;
		at = is64 ? p64.p_offset : p32.p_offset;
		count = is64 ? p64.p_filesz : p32.p_filesz;
		if (at >= len || count > len - at || count == 0 || count > 255)
			return 0;
		snprintf(out, 256, "%.*s", (int)count, head + at);
		return 1;
	}
	return 0;
}

static ssize_t read_head(const char *path, char head[HEAD_MAX + 1])
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, head, HEAD_MAX);

	n = n < 0 ? 0 : n;
	head[n] = '\0';
	return n;
}

/* *out_script: by "#!" */
static int interpreter_of(const char *head, size_t len, char out[256], int *out_script)
{
	*out_script = len > 2 && script_interpreter(head, out);
	return *out_script || (len >= sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0 &&
				      elf_interpreter(head, len, out));
}

int compat_exec_interpreter(const char *path, char out[256])
{
	char head[HEAD_MAX + 1];
	int script;

	return interpreter_of(head, (size_t)read_head(path, head), out, &script);
}

static int missing_interpreter(const char *path, const char *head, size_t len, struct err *e)
{
	char interpreter[256];
	int script;

	if (!interpreter_of(head, len, interpreter, &script))
		return 0;
	if (access(interpreter, F_OK) == 0)
		return 0;
	err_set(e, ERR_NOT_FOUND,
		"exec: \"%s\": its interpreter %s is missing in the image: no such file or "
		"directory%s",
		path, interpreter,
		script ? "" : " (the program is made for another C library or distribution)");
	failed(e, 127, ENOENT);
	return 1;
}

static int wrong_format(const char *path, const char *head, size_t len, struct err *e)
{
	char buf[24];
	struct utsname u;

	if (len >= sizeof(Elf32_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0) {
		const Elf32_Ehdr *h = (const void *)head;
		uname(&u);
		err_set(e, ERR_UNSUPPORTED,
			"exec: \"%s\": exec format error: the program is for %s, this kernel runs "
			"%s "
			"(qemu-user with binfmt_misc could run it)",
			path, compat_machine_name(h->e_machine, head[EI_CLASS] == ELFCLASS64, buf),
			u.machine);
	} else {
		err_set(e, ERR_UNSUPPORTED,
			"exec: \"%s\": exec format error: neither a program nor a script with a "
			"\"#!\" line",
			path);
	}
	return failed(e, 126, ENOEXEC);
}

int compat_exec_explain(const char *path, int errnum, struct err *e)
{
	char head[HEAD_MAX + 1];
	ssize_t n = read_head(path, head);
	struct stat st;

	if (errnum == ENOENT && n > 0 && missing_interpreter(path, head, (size_t)n, e))
		return -1;
	if (errnum == ENOENT && n > 0 && head[0] == '#') {
		err_set(e, ERR_NOT_FOUND,
			"exec: \"%s\": no such file or directory: its interpreter", path);
		return failed(e, 127, errnum);
	}
	if (errnum == ENOEXEC && n > 0)
		return wrong_format(path, head, (size_t)n, e);
	if (errnum == ENOENT || errnum == ENOTDIR) {
		err_set(e, ERR_NOT_FOUND, "exec: \"%s\": stat %s: %s", path, path,
			errnum == ENOENT ? "no such file or directory" : "not a directory");
		return failed(e, 127, errnum);
	}
	if (errnum == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(e, ERR_INVALID, "exec: \"%s\": is a directory: permission denied", path);
		return failed(e, 126, EISDIR);
	}
	if (errnum == EACCES) {
		err_set(e, ERR_DENIED, "exec: \"%s\": permission denied%s", path,
			stat(path, &st) == 0 && !(st.st_mode & 0111) ? " (it is not executable)"
								     : "");
		return failed(e, 126, errnum);
	}
	err_sys(e, errnum, "exec: \"%s\"", path);
	return failed(e, 126, errnum);
}
