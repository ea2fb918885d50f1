/* prepare.c: what libcurl, OpenSSL and the resolver need of the file system goes into the box. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "image/fetch/fetch.h"
#include "image/fetch/paths.h"

#define FILE_BYTES_MAX (4 << 20)

/* Of Debian, Alpine and Arch; Fedora; SUSE; the BSDs' place, which some have as well. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static int put(int folder_fd, const char *name, const struct buf *b)
{
	return fd_write_file(folder_fd, name, b->data ? b->data : "", b->len, 0600, 0);
}

/* 1: copied, 0: there is none, or it is no file of such a kind. */
static int copy(int folder_fd, const char *from, const char *name)
{
	auto_buf struct buf b = BUF_MAX(FILE_BYTES_MAX);
	int r = fd_read_file(AT_FDCWD, from, &b);

	if (r < 0 || b.over)
		return 0;
	r = put(folder_fd, name, &b);
	return r < 0 ? r : 1;
}

static const char *env_of(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=' && (*env)[len + 1])
			return *env + len + 1;
	return NULL;
}

static int copy_certificates(int folder_fd, char *const *env, struct err *e)
{
	const char *own = env_of(env, "CURL_CA_BUNDLE");
	int r = 0;

	if (!own)
		own = env_of(env, "SSL_CERT_FILE");
	if (own) {
		r = copy(folder_fd, own, FETCH_CERTIFICATES);
		return r > 0 ? 0
			     : err_set(e, ERR_INVALID, "cannot read the certificates in %.300s",
				       own);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(bundles); i++)
		r = copy(folder_fd, bundles[i], FETCH_CERTIFICATES);
	return 0; /* none: https:// says so, http:// needs none */
}

/* glibc before 2.34 has these apart, and later ones may be asked for others: no library is loaded
 * in the box, where they are not found. */
static void load_resolver(void)
{
	dlopen("libnss_files.so.2", RTLD_NOW);
	dlopen("libnss_dns.so.2", RTLD_NOW);
}

int fetch_prepare(int folder_fd, char *const *env, struct err *e)
{
	static const char sources[] = "hosts: files dns\n";
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_SYSTEM, "libcurl cannot be used");
	load_resolver();
	if (mkdirat(folder_fd, "etc", 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the fetcher's folder");
	r = copy(folder_fd, "/etc/resolv.conf", "etc/resolv.conf");
	if (r >= 0)
		r = copy(folder_fd, "/etc/hosts", "etc/hosts");
	if (r >= 0)
		r = copy(folder_fd, "/etc/gai.conf", "etc/gai.conf");
	if (r >= 0)
		r = fd_write_file(
			folder_fd, "etc/nsswitch.conf", sources, sizeof(sources) - 1, 0600, 0);
	if (r < 0)
		return err_sys(e, r, "fill the fetcher's folder");
	return copy_certificates(folder_fd, env, e);
}
