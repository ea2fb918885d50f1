/* files.c: /etc/resolv.conf, /etc/hostname and /etc/hosts of a container. */
#define _GNU_SOURCE
#include "engine/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/spec.h"

#define FILE_MAX_BYTES (1 << 20)

const char *const files_names[] = {"resolv.conf", "hostname", "hosts", NULL};

static int is_address(const char *text)
{
	struct in6_addr a;

	return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

static int is_host_name(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		       strlen(s);
}

int files_extra_hosts(char *const *add_hosts, char ***out, struct err *e)
{
	strv_foreach (h, add_hosts) {
		size_t len = strcspn(*h, "=:");
		auto_free char *name = xstrndup(*h, len);
		auto_free char *ip = (*h)[len] ? xstrdup(*h + len + 1) : NULL;
		size_t n = ip ? strlen(ip) : 0;

		if (!ip || !is_host_name(name))
			return err_set(e, ERR_INVALID, "bad format for add-host: \"%.300s\"", *h);
		if (n > 2 && ip[0] == '[' && ip[n - 1] == ']') {
			memmove(ip, ip + 1, n - 2);
			ip[n - 2] = '\0';
		}
		if (streq(ip, "host-gateway"))
			return err_set(e, ERR_UNSUPPORTED,
				"--add-host %s: a container without a network has no gateway to "
				"its host",
				*h);
		if (!is_address(ip))
			return err_set(
				e, ERR_INVALID, "invalid IP address in add-host: \"%.300s\"", ip);
		strv_addf(out, "%s\t%s", ip, name);
	}
	return 0;
}

int files_check_dns(char *const *dns, struct err *e)
{
	strv_foreach (d, dns)
		if (!is_address(*d))
			return err_set(e, ERR_INVALID,
				"invalid argument \"%.200s\" for \"--dns\" flag: %.200s is not an "
				"ip "
				"address",
				*d, *d);
	return 0;
}

void files_hosts_text(struct buf *b, char *const *extra_hosts, const char *host_text)
{
	static const char own[] = "127.0.0.1\tlocalhost\n"
				  "::1\tlocalhost ip6-localhost ip6-loopback\n"
				  "fe00::\tip6-localnet\n"
				  "ff00::\tip6-mcastprefix\n"
				  "ff02::1\tip6-allnodes\n"
				  "ff02::2\tip6-allrouters\n";

	buf_puts(b, host_text ? host_text : own);
	if (b->len && b->data[b->len - 1] != '\n')
		buf_putc(b, '\n');
	strv_foreach (h, extra_hosts)
		buf_printf(b, "%s\n", *h);
}

/* The first word of a line of resolv.conf, and what follows. */
static int split_line(const char *line, size_t len, const char *word, const char **out_rest)
{
	size_t n = strlen(word);

	if (len <= n || memcmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '\t'))
		return 0;
	*out_rest = line + n + strspn(line + n, " \t");
	return 1;
}

/* A resolver on the host's loopback cannot be reached from another network namespace. */
static int is_loopback(const char *address)
{
	return str_after(address, "127.") || str_after(address, "::1") ||
	       str_after(address, "::ffff:127.");
}

static int keep_line(const char *line, size_t len, int host_network, char *const *dns,
	char *const *search, char *const *options)
{
	const char *rest;

	if (split_line(line, len, "nameserver", &rest))
		return !dns && (host_network || !is_loopback(rest));
	if (split_line(line, len, "search", &rest) || split_line(line, len, "domain", &rest))
		return !search;
	if (split_line(line, len, "options", &rest))
		return !options;
	return len && *line != '#' && *line != ';';
}

static void add_joined(struct buf *b, const char *word, char *const *values)
{
	auto_free char *joined = values ? strv_join(values, " ") : NULL;

	if (joined && *joined && !streq(joined, ".")) /* "--dns-search .": no search at all */
		buf_printf(b, "%s %s\n", word, joined);
}

/* A name without a dot is a container's: it is asked for as it is, not with the search domains
 * first. Whoever gives ndots knows better. */
static void add_ndots(struct buf *b)
{
	if (!b->data || !strstr(b->data, "ndots:"))
		buf_puts(b, "options ndots:0\n");
}

void files_resolv_text(struct buf *b, const char *host_text, int host_network, char *const *dns,
	char *const *search, char *const *options)
{
	while (host_text && *host_text) {
		size_t len = strcspn(host_text, "\n");

		if (keep_line(host_text, len, host_network, dns, search, options)) {
			buf_add(b, host_text, len);
			buf_putc(b, '\n');
		}
		host_text += len + (host_text[len] == '\n');
	}
	strv_foreach (d, dns)
		buf_printf(b, "nameserver %s\n", *d);
	add_joined(b, "search", search);
	add_joined(b, "options", options);
}

static int write_one(
	int folder_fd, const char *name, const struct buf *b, uid_t owner, struct err *e)
{
	/* The folder is new and ours: nothing can be in the way. */
	auto_fd int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "make the container's file %s", name);
	r = fd_write_all(fd, b->data ? b->data : "", b->len);
	/* 0644 whatever the umask; the mode belongs to a file the container reads as anyone. */
	if (r == 0 && (fchmod(fd, 0644) < 0 || (owner && fchown(fd, owner, owner) < 0)))
		r = -errno;
	return r < 0 ? err_sys(e, r, "write the container's file %s", name) : 0;
}

int files_write(const struct spec *s, int folder_fd, uid_t owner, struct err *e)
{
	auto_buf struct buf host = BUF_MAX(FILE_MAX_BYTES), hosts = BUF_MAX(2 * FILE_MAX_BYTES),
			    text = BUF_MAX(2 * FILE_MAX_BYTES);
	int host_network = s->modes.network == NETWORK_HOST;

	fd_read_file(AT_FDCWD, "/etc/resolv.conf", &host);
	files_resolv_text(&text, host.data, host_network,
		s->name_servers ? s->name_servers : s->req->dns, s->req->dns_search,
		s->req->dns_option);
	if (s->resolver && !s->req->dns && !(text.data && strstr(text.data, "nameserver ")))
		buf_printf(&text, "nameserver %s\n", s->resolver);
	if (s->name_servers)
		add_ndots(&text);
	if (write_one(folder_fd, "resolv.conf", &text, owner, e) < 0)
		return -1;
	buf_clear(&text);
	buf_printf(&text, "%s\n", s->hostname);
	if (write_one(folder_fd, "hostname", &text, owner, e) < 0)
		return -1;
	buf_clear(&text);
	buf_clear(&host);
	if (host_network)
		fd_read_file(AT_FDCWD, "/etc/hosts", &host);
	files_hosts_text(&hosts, s->extra_hosts, host_network && host.len ? host.data : NULL);
	return write_one(folder_fd, "hosts", &hosts, owner, e);
}
