/* reference.c: image names by the rules, and with the words, of Docker's reference package.
 *
 * How it works: the text is cut from the right (digest after '@', tag after the last ':' behind the
 * last '/'), then the domain is told from the path: the first component is a domain if it has a
 * '.', a ':' or a capital, or is "localhost"; else the domain is docker.io, where a path of one
 * component lives under library/. */
#include "image/reference.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"
#define OFFICIAL_PREFIX "library/"
#define NAME_TOTAL_MAX 255
#define TAG_MAX 128

static int is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static int is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_alnum(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

static int has_upper(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_upper(s[i]))
			return 1;
	return 0;
}

/* '.', '_', '__' or any number of '-' at s: how many characters, 0 for none. */
static size_t separator_len(const char *s, size_t len)
{
	size_t n = 0;

	if (*s == '.')
		return 1;
	if (*s == '_')
		return len > 1 && s[1] == '_' ? 2 : 1;
	while (n < len && s[n] == '-')
		n++;
	return n;
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static int path_component_ok(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t start = i, sep;

		while (i < len && (is_lower(s[i]) || is_digit(s[i])))
			i++;
		if (i == start)
			return 0;
		if (i == len)
			return 1;
		sep = separator_len(s + i, len - i);
		if (!sep)
			return 0;
		i += sep;
	}
}

static int path_ok(const char *s, size_t len)
{
	const char *end = s + len;

	for (;;) {
		const char *slash = memchr(s, '/', (size_t)(end - s));
		size_t n = (size_t)((slash ? slash : end) - s);

		if (!path_component_ok(s, n))
			return 0;
		if (!slash)
			return 1;
		s = slash + 1;
	}
}

/* Letters, digits and inner dashes, in parts joined by dots. */
static int host_ok(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int edge = i == 0 || s[i - 1] == '.' || i + 1 == len || s[i + 1] == '.';

		if (!is_alnum(s[i]) && (edge || (s[i] != '-' && s[i] != '.')))
			return 0;
	}
	return len > 0;
}

static int ipv6_ok(const char *s, size_t len)
{
	if (len < 3 || s[0] != '[' || s[len - 1] != ']')
		return 0;
	for (size_t i = 1; i + 1 < len; i++)
		if (!is_digit(s[i]) && s[i] != ':' && !(s[i] >= 'a' && s[i] <= 'f') &&
			!(s[i] >= 'A' && s[i] <= 'F'))
			return 0;
	return 1;
}

static int domain_ok(const char *s, size_t len)
{
	size_t digits = 0;

	while (digits < len && is_digit(s[len - 1 - digits]))
		digits++;
	if (digits && digits < len && s[len - 1 - digits] == ':')
		len -= digits + 1;
	return host_ok(s, len) || ipv6_ok(s, len);
}

static int tag_ok(const char *s, size_t len)
{
	if (!len || len > TAG_MAX || *s == '.' || *s == '-')
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '.' && s[i] != '-')
			return 0;
	return 1;
}

static int invalid(struct err *e)
{
	return err_set(e, ERR_INVALID, "invalid reference format");
}

/* What the cutting found; pieces of the caller's text. */
struct pieces {
	const char *domain, *path, *tag, *digest;
	size_t domain_len, path_len, tag_len;
};

static int cut_digest(const char *text, size_t *len, struct pieces *p, struct err *e)
{
	const char *at = strchr(text, '@');

	if (!at)
		return 0;
	p->digest = at + 1;
	*len = (size_t)(at - text);
	if (hash_is_digest(p->digest))
		return 0;
	if (str_after(p->digest, "sha512:") || str_after(p->digest, "sha384:"))
		return err_set(e, ERR_INVALID, "unsupported digest algorithm");
	return invalid(e);
}

static void cut_tag(const char *s, size_t *len, struct pieces *p)
{
	size_t i = *len;

	while (i && s[i - 1] != '/' && s[i - 1] != ':')
		i--;
	if (!i || s[i - 1] == '/')
		return;
	p->tag = s + i;
	p->tag_len = *len - i;
	*len = i - 1;
}

/* Is the first component of a path one that is taken for a domain? */
static int looks_like_domain(const char *s, size_t n)
{
	return memchr(s, '.', n) || memchr(s, ':', n) || has_upper(s, n) ||
	       (n == 9 && memcmp(s, "localhost", 9) == 0);
}

/* Runs after the tag is off, so that "a:80/b" has a domain and "a:80" has none. */
static void cut_domain(const char *s, size_t len, struct pieces *p)
{
	const char *slash = memchr(s, '/', len);
	size_t n = slash ? (size_t)(slash - s) : 0;

	p->path = s;
	p->path_len = len;
	if (slash && looks_like_domain(s, n)) {
		p->domain = s;
		p->domain_len = n;
		p->path = slash + 1;
		p->path_len = len - n - 1;
	}
}

static int is_official(const struct pieces *p)
{
	return !p->domain ||
	       (p->domain_len == strlen(DEFAULT_DOMAIN) &&
		       memcmp(p->domain, DEFAULT_DOMAIN, p->domain_len) == 0) ||
	       (p->domain_len == strlen(LEGACY_DOMAIN) &&
		       memcmp(p->domain, LEGACY_DOMAIN, p->domain_len) == 0);
}

static int check_pieces(const struct pieces *p, const char *prefix, struct err *e)
{
	size_t total = (p->domain && !is_official(p) ? p->domain_len : strlen(DEFAULT_DOMAIN)) + 1 +
		       strlen(prefix) + p->path_len;

	if (has_upper(p->path, p->path_len))
		return err_set(e, ERR_INVALID,
			"invalid reference format: repository name (%s%.*s) must be lowercase",
			prefix, (int)(p->path_len > 300 ? 300 : p->path_len), p->path);
	if (p->domain && !domain_ok(p->domain, p->domain_len))
		return invalid(e);
	if (!path_ok(p->path, p->path_len) || (p->tag && !tag_ok(p->tag, p->tag_len)))
		return invalid(e);
	if (total > NAME_TOTAL_MAX)
		return err_set(e, ERR_INVALID,
			"invalid reference format: repository name must not be more than %d "
			"characters",
			NAME_TOTAL_MAX);
	return 0;
}

/* The pieces behind each other; they were measured before and fit. */
static void join(char *out, size_t size, const char *const *pieces)
{
	size_t len = 0;

	for (; *pieces; pieces++) {
		size_t n = strlen(*pieces);

		if (n >= size - len)
			n = size - len - 1;
		memcpy(out + len, *pieces, n);
		len += n;
	}
	out[len] = '\0';
}

static void copy(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, s, len);
	out[len] = '\0';
}

/* Without what is understood by itself; but "docker.io/x.y/z" must not become the host x.y. */
static void familiar_name(struct reference *r, int official)
{
	const char *name = r->path, *slash = strchr(name, '/');
	const char *rest = str_after(name, OFFICIAL_PREFIX);

	if (official && rest && !strchr(rest, '/'))
		name = rest;
	else if (slash && looks_like_domain(name, (size_t)(slash - name)))
		official = 0;
	join(r->familiar_name, sizeof(r->familiar_name),
		(const char *const[]){official ? "" : r->domain, official ? "" : "/", name, NULL});
}

static void compose(const struct pieces *p, const char *prefix, struct reference *r)
{
	int official = is_official(p);

	if (official)
		copy(r->domain, sizeof(r->domain), DEFAULT_DOMAIN, strlen(DEFAULT_DOMAIN));
	else
		copy(r->domain, sizeof(r->domain), p->domain, p->domain_len);
	copy(r->path, sizeof(r->path), prefix, strlen(prefix));
	copy(r->path + strlen(prefix), sizeof(r->path) - strlen(prefix), p->path, p->path_len);
	if (p->tag)
		copy(r->tag, sizeof(r->tag), p->tag, p->tag_len);
	else if (!p->digest)
		copy(r->tag, sizeof(r->tag), "latest", 6);
	if (p->digest)
		copy(r->digest, sizeof(r->digest), p->digest, strlen(p->digest));

	/* The digest alone says what is meant: a tag beside it is only a label. */
	join(r->full, sizeof(r->full),
		(const char *const[]){r->domain, "/", r->path, p->digest ? "@" : ":",
			p->digest ? r->digest : r->tag, NULL});
	familiar_name(r, official);
	join(r->familiar, sizeof(r->familiar),
		(const char *const[]){r->familiar_name, *r->tag ? ":" : "", r->tag,
			*r->digest ? "@" : "", r->digest, NULL});
}

int reference_parse(const char *text, struct reference *out, struct err *e)
{
	struct pieces p = {0};
	struct reference r = {0};
	size_t len = strlen(text);
	const char *prefix = "";

	if (!len)
		return invalid(e);
	if (len == HASH_HEX && strspn(text, "0123456789abcdef") == len)
		return err_set(e, ERR_INVALID,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			text);
	if (cut_digest(text, &len, &p, e) < 0)
		return -1;
	cut_tag(text, &len, &p);
	cut_domain(text, len, &p);
	if (is_official(&p) && !memchr(p.path, '/', p.path_len))
		prefix = OFFICIAL_PREFIX;
	if (check_pieces(&p, prefix, e) < 0)
		return -1;
	compose(&p, prefix, &r);
	*out = r;
	return 0;
}

int reference_is_id(const char *text)
{
	const char *hex = str_after(text, "sha256:");
	size_t min = hex ? 1 : 12, len;

	hex = hex ? hex : text;
	len = strlen(hex);
	return len >= min && len <= HASH_HEX && strspn(hex, "0123456789abcdef") == len;
}
