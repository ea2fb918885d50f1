/* probe.c: what the tests let run inside a container: small questions to the kernel, one each per
 * first argument. Static, so that it runs in every image. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static int say(long result)
{
	if (result >= 0)
		printf("ok\n");
	else if (errno == EPERM)
		printf("EPERM\n");
	else if (errno == ENOSYS)
		printf("ENOSYS\n");
	else
		printf("errno %d (%s)\n", errno, strerror(errno));
	return 0;
}

static long number(const char *s)
{
	return s ? strtol(s, NULL, 0) : 0;
}

/* syscall NR [ARG...] */
static int do_syscall(char **a)
{
	long v[6] = {0};

	for (int i = 0; i < 6 && a[0] && a[i + 1]; i++)
		v[i] = number(a[i + 1]);
	return say(syscall(number(a[0]), v[0], v[1], v[2], v[3], v[4], v[5]));
}

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? (int)-r : 0;
	return r < 0 ? -1 : r;
}
#endif

/* int80 NR [ARG...]: the same through the door of 32-bit programs, which has numbers of its own */
static int do_int80(char **a)
{
#ifdef __x86_64__
	return say(int80(number(a[0]), number(a[1]), number(a[1] ? a[2] : NULL),
		number(a[1] && a[2] ? a[3] : NULL)));
#else
	return 2;
#endif
}

/* socketcall FAMILY TYPE: socket(2) as old 32-bit programs call it, its arguments in memory */
static int do_socketcall(char **a)
{
#ifdef __x86_64__
	unsigned *v = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (v == MAP_FAILED)
		return 2;
	v[0] = (unsigned)number(a[0]);
	v[1] = (unsigned)number(a[1]);
	v[2] = 0;
	return say(int80(102, 1, (long)v, 0));
#else
	return 2;
#endif
}

/* status FIELD: that line's value in /proc/self/status */
static int do_status(char **a)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[4096];
	size_t n = strlen(a[0]);

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, a[0], n) == 0 && line[n] == ':')
			fputs(line + n + 1 + strspn(line + n + 1, "\t "), stdout);
	return 0;
}

/* fds: every open descriptor with what it is, one per line */
static int do_fds(char **a)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char target[4096];

	(void)a;
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		if (e->d_name[0] == '.' || number(e->d_name) == dirfd(d))
			continue;
		target[n < 0 ? 0 : n] = 0;
		printf("%s %s\n", e->d_name, target);
	}
	return 0;
}

/* env: the environment as it is, one entry per line */
static int do_env(char **a)
{
	(void)a;
	for (char **e = environ; *e; e++)
		puts(*e);
	return 0;
}

/* socket FAMILY TYPE [PROTOCOL] */
static int do_socket(char **a)
{
	return say(socket((int)number(a[0]), (int)number(a[1]), (int)number(a[1] ? a[2] : NULL)));
}

/* alloc MIB: touch that much memory */
static int do_alloc(char **a)
{
	size_t size = (size_t)number(a[0]) << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return say(-1);
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	return say(0);
}

/* forks N: at most N children at one time; prints how many there were */
static int do_forks(char **a)
{
	long made = 0, max = number(a[0]);

	setpgid(0, 0); /* the kill below must not reach our caller */
	for (; made < max; made++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	printf("%ld\n", made);
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

/* cwd: what the kernel says, "(unreachable)" included */
static int do_cwd(char **a)
{
	char path[4096] = "";

	(void)a;
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return say(-1);
	puts(path);
	return 0;
}

static volatile sig_atomic_t got;

static void on_signal(int n)
{
	got = n;
}

/* signal: say "ready", then the number of the first signal that comes; exits with it */
static int do_signal(char **a)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t all, old;

	(void)a;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	for (int n = 1; n < 32; n++)
		if (n != SIGCHLD)
			sigaction(n, &sa, NULL);
	puts("ready");
	fflush(stdout);
	sigemptyset(&old);
	while (!got)
		sigsuspend(&old);
	printf("got %d\n", got);
	return got;
}

/* orphan: a grandchild whose parent is gone ends; is it still there half a second later? */
static int do_orphan(char **a)
{
	int p[2];
	char path[64], state[256] = "";
	pid_t grandchild = 0;
	FILE *f;

	(void)a;
	if (pipe(p) < 0)
		return 1;
	if (fork() == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		(void)!write(p[1], &pid, sizeof(pid));
		_exit(0);
	}
	(void)!read(p[0], &grandchild, sizeof(grandchild));
	wait(NULL);
	usleep(500000);
	snprintf(path, sizeof(path), "/proc/%d/stat", grandchild);
	f = fopen(path, "r");
	if (f)
		(void)!fgets(state, sizeof(state), f);
	puts(strstr(state, ") Z ") ? "zombie" : "reaped");
	return 0;
}

/* open PATH MODE: r, w, rw or c (create); closes again */
static int do_open(char **a)
{
	int flags = O_RDONLY;

	if (a[1] && strcmp(a[1], "w") == 0)
		flags = O_WRONLY;
	if (a[1] && strcmp(a[1], "rw") == 0)
		flags = O_RDWR;
	if (a[1] && strcmp(a[1], "c") == 0)
		flags = O_WRONLY | O_CREAT;
	return say(open(a[0], flags, 0644));
}

/* mknod PATH MAJOR MINOR: a character device */
static int do_mknod(char **a)
{
	return say(mknod(a[0], S_IFCHR | 0666, makedev(number(a[1]), number(a[2]))));
}

/* mount TYPE TARGET */
static int do_mount(char **a)
{
	return say(mount("none", a[1], a[0], 0, NULL));
}

/* winsize: rows and columns of standard input */
static int do_winsize(char **a)
{
	struct winsize w;

	(void)a;
	if (ioctl(0, TIOCGWINSZ, &w) < 0)
		return say(-1);
	printf("%d %d\n", w.ws_row, w.ws_col);
	return 0;
}

/* resize: say "ready", and the size when SIGWINCH comes */
static int do_resize(char **a)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigaction(SIGWINCH, &sa, NULL);
	puts("ready");
	fflush(stdout);
	while (got != SIGWINCH)
		sigsuspend(&old);
	return do_winsize(a);
}

/* tiocsti: push a character into the terminal */
static int do_tiocsti(char **a)
{
	char c = 'X';

	(void)a;
	return say(ioctl(0, TIOCSTI, &c));
}

/* prctl OPTION [ARG] */
static int do_prctl(char **a)
{
	return say(syscall(SYS_prctl, number(a[0]), number(a[0] ? a[1] : NULL), 0, 0, 0));
}

/* close: leave without stdin, stdout, stderr and sleep a little: output must end nevertheless */
static int do_close(char **a)
{
	(void)a;
	puts("closing");
	fflush(stdout);
	close(0);
	close(1);
	close(2);
	usleep(300000);
	return 5;
}

/* blocks PATH: size in bytes, and how many 512-byte blocks it takes */
static int do_blocks(char **a)
{
	struct stat st;

	if (stat(a[0], &st) < 0)
		return say(-1);
	printf("%lld %lld\n", (long long)st.st_size, (long long)st.st_blocks);
	return 0;
}

static void say_address(int fd, const struct sockaddr_in6 *from, int to_sender)
{
	char text[INET6_ADDRSTRLEN + 1];

	inet_ntop(AF_INET6, &from->sin6_addr, text, INET6_ADDRSTRLEN);
	strcat(text, "\n");
	sendto(fd, text, strlen(text), 0, (const struct sockaddr *)(to_sender ? from : NULL),
		to_sender ? sizeof(*from) : 0);
}

static int bound(int type, int port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	int fd = socket(AF_INET6, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -1 : fd;
}

/* serve PORT: who asks by tcp or udp, both families, is told its address, one line */
static int do_serve(char **a)
{
	struct pollfd p[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
	char text[65536];

	/* Who waits for the udp port to be there finds both. */
	p[0].fd = bound(SOCK_STREAM, number(a[0]));
	if (p[0].fd < 0 || listen(p[0].fd, 16) < 0)
		return say(-1);
	p[1].fd = bound(SOCK_DGRAM, number(a[0]));
	if (p[1].fd < 0)
		return say(-1);
	for (;;) {
		struct sockaddr_in6 from = {0};
		socklen_t len = sizeof(from);
		poll(p, 2, -1);
		if (p[0].revents) {
			int client = accept(p[0].fd, (struct sockaddr *)&from, &len);
			say_address(client, &from, 0);
			close(client);
		} else if (recvfrom(p[1].fd, text, sizeof(text), 0, (struct sockaddr *)&from,
				   &len) >= 0) {
			say_address(p[1].fd, &from, 1);
		}
	}
}

static const struct {
	const char *name;
	int (*run)(char **a);
	int n_args;
} table[] = {
	{"syscall", do_syscall, 1},
	{"int80", do_int80, 1},
	{"socketcall", do_socketcall, 2},
	{"status", do_status, 1},
	{"fds", do_fds, 0},
	{"env", do_env, 0},
	{"socket", do_socket, 2},
	{"alloc", do_alloc, 1},
	{"forks", do_forks, 1},
	{"cwd", do_cwd, 0},
	{"signal", do_signal, 0},
	{"orphan", do_orphan, 0},
	{"open", do_open, 2},
	{"mknod", do_mknod, 3},
	{"mount", do_mount, 2},
	{"winsize", do_winsize, 0},
	{"resize", do_resize, 0},
	{"tiocsti", do_tiocsti, 0},
	{"prctl", do_prctl, 1},
	{"close", do_close, 0},
	{"blocks", do_blocks, 1},
	{"serve", do_serve, 1},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(table) / sizeof(*table); i++)
		if (strcmp(argv[1], table[i].name) == 0 && argc - 2 >= table[i].n_args)
			return table[i].run(argv + 2);
	fprintf(stderr, "usage: probe WHAT [ARGUMENT...]\n");
	return 2;
}
