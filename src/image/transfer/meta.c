/* meta.c: owner, mode, attributes and times of what was unpacked.
 *
 * The order matters: writing takes the set-user-id bit and security.capability away, and so does
 * chown; so content, owner, mode, attributes, times. A call that would change nothing is not made:
 * the umask is 0, so a new file has the mode that it was opened with, and it is root's. */
#define _GNU_SOURCE
#include "image/transfer/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/transfer/whiteout.h"

/* What is beyond, in an archive of that many folders, is set early. */
#define FOLDER_BYTES_MAX ((size_t)8 << 20)

struct meta_folder {
	char *path;
	struct timespec times[2];
};

static int fail(const struct tar_entry *n, int err, const char *what, struct err *e)
{
	return err_sys(e, err, "%s of %.500s", what, n->path);
}

static int chown_one(int dirfd, const char *name, uid_t uid, gid_t gid)
{
	if (name ? fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0
		 : fchown(dirfd, uid, gid) < 0)
		return -errno;
	return 0;
}

/* An open file (name NULL), or a name in a folder. Ids that this user namespace has not (EINVAL)
 * become root's, and the set-id bits go that would now mean root: they are taken from *mode. */
static int set_owner(struct meta *m, int dirfd, const char *name, const struct tar_entry *n,
	mode_t *mode, struct err *e)
{
	int r = chown_one(dirfd, name, n->uid, n->gid);

	if (r == -EINVAL) {
		m->squashed++;
		r = chown_one(dirfd, name, n->uid, (gid_t)-1);
		if (r == -EINVAL) {
			*mode &= ~(mode_t)S_ISUID;
			r = chown_one(dirfd, name, 0, (gid_t)-1);
		}
		if (r == 0)
			r = chown_one(dirfd, name, (uid_t)-1, n->gid);
		if (r == -EINVAL) {
			*mode &= n->type == TAR_FOLDER ? 07777 : ~(mode_t)S_ISGID;
			r = chown_one(dirfd, name, (uid_t)-1, 0);
		}
	}
	return r < 0 ? fail(n, r, "set the owner", e) : 0;
}

static void note_ids(struct meta *m, const struct tar_entry *n)
{
	if (n->uid > m->uid_max)
		m->uid_max = n->uid;
	if (n->gid > m->uid_max)
		m->uid_max = n->gid;
}

static size_t xattr_bytes(const struct tar_entry *n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n->n_xattrs; i++)
		sum += strlen(n->xattrs[i].name) + n->xattrs[i].len;
	return sum;
}

/* An attribute that this file system or this user cannot have is left out, as tar does; a full disk
 * or a capability that would silently be missing is an error. */
static int xattr_failed(struct meta *m, const struct tar_entry *n, const char *name, struct err *e)
{
	int saved = errno;

	if (saved == EOPNOTSUPP || saved == EPERM || saved == EINVAL || saved == EACCES) {
		if (!streq(name, "security.capability")) {
			m->warnings++;
			return 0;
		}
	}
	if (saved == ENOSPC || saved == E2BIG || saved == ERANGE)
		return err_sys(e, saved,
			"set the attribute %.255s of %.500s (a file's attributes take %zu bytes; "
			"ext4 has room for about 4000)",
			name, n->path, xattr_bytes(n));
	return err_sys(e, saved, "set the attribute %.255s of %.500s", name, n->path);
}

static int wanted(struct meta *m, const struct tar_xattr *x)
{
	if (whiteout_foreign_xattr(x->name)) {
		m->warnings++;
		return 0;
	}
	if (streq(x->name, "system.posix_acl_default"))
		m->inherit = 1;
	return 1;
}

static int set_xattrs(struct meta *m, int fd, const struct tar_entry *n, struct err *e)
{
	for (size_t i = 0; i < n->n_xattrs; i++) {
		const struct tar_xattr *x = &n->xattrs[i];

		if (wanted(m, x) && fsetxattr(fd, x->name, x->value, x->len, 0) < 0 &&
			xattr_failed(m, n, x->name, e) < 0)
			return -1;
	}
	return 0;
}

int meta_folder_is_plain(const struct meta *m, const struct tar_entry *n)
{
	return !n->uid && !n->gid && !(n->mode & 07000) && !n->n_xattrs && !m->inherit;
}

int meta_set_fd(struct meta *m, int fd, const struct tar_entry *n, int fresh, struct err *e)
{
	mode_t mode = n->mode;
	const struct timespec times[2] = {n->atime, n->mtime};

	note_ids(m, n);
	if ((n->uid || n->gid || m->inherit || !fresh) && set_owner(m, fd, NULL, n, &mode, e) < 0)
		return -1;
	if ((n->mode & 07000 || m->inherit || !fresh) && fchmod(fd, mode) < 0)
		return fail(n, errno, "set the mode", e);
	if (n->type == TAR_FOLDER && n->mode & S_ISGID)
		m->inherit = 1;
	if (n->n_xattrs && set_xattrs(m, fd, n, e) < 0)
		return -1;
	if (n->type != TAR_FOLDER && futimens(fd, times) < 0)
		return fail(n, errno, "set the time", e);
	return 0;
}

/* What has no descriptor that takes attributes: from within its folder, as there is no /proc here.
 */
static int set_xattrs_name(
	struct meta *m, int dirfd, const char *name, const struct tar_entry *n, struct err *e)
{
	if (fchdir(dirfd) < 0)
		return fail(n, errno, "set the attributes", e);
	for (size_t i = 0; i < n->n_xattrs; i++) {
		const struct tar_xattr *x = &n->xattrs[i];

		if (wanted(m, x) && lsetxattr(name, x->name, x->value, x->len, 0) < 0 &&
			xattr_failed(m, n, x->name, e) < 0)
			return -1;
	}
	return 0;
}

int meta_set_name(
	struct meta *m, int dirfd, const char *name, const struct tar_entry *n, struct err *e)
{
	mode_t mode = n->mode;
	const struct timespec times[2] = {n->atime, n->mtime};

	note_ids(m, n);
	if ((n->uid || n->gid || m->inherit) && set_owner(m, dirfd, name, n, &mode, e) < 0)
		return -1;
	if (n->type != TAR_SYMLINK && (n->mode & 07000 || m->inherit) &&
		fchmodat(dirfd, name, mode, 0) < 0)
		return fail(n, errno, "set the mode", e);
	if (n->n_xattrs && set_xattrs_name(m, dirfd, name, n, e) < 0)
		return -1;
	if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(n, errno, "set the time", e);
	return 0;
}

/* ---- folders */

/* "" is the root. A folder that was replaced by something else since is left alone. */
static int set_folder(struct place *p, const struct meta_folder *f, struct err *e)
{
	const char *name = ".";
	int dirfd = p->rootfd;
	struct stat st;

	if (*f->path)
		dirfd = place_look(p, f->path, &name);
	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (utimensat(dirfd, name, f->times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "set the time of %.500s", f->path);
	return 0;
}

static int is_above(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return !n || (strncmp(folder, path, n) == 0 && (path[n] == '/' || !path[n]));
}

/* Set those that path does not lie in, and forget them. Errors show up again at the end. */
static void set_early(struct meta *m, struct place *p, const char *path)
{
	size_t kept = 0;

	m->folder_bytes = 0;
	for (size_t i = 0; i < m->n_folders; i++) {
		struct meta_folder *f = &m->folders[i];

		if (is_above(f->path, path)) {
			m->folder_bytes += strlen(f->path) + sizeof(*f);
			m->folders[kept++] = *f;
			continue;
		}
		set_folder(p, f, NULL);
		free(f->path);
	}
	m->n_folders = kept;
}

void meta_folder_later(struct meta *m, struct place *p, const char *path, const struct tar_entry *n)
{
	m->folder_bytes += strlen(path) + sizeof(*m->folders);
	if (m->folder_bytes > FOLDER_BYTES_MAX)
		set_early(m, p, path);
	if (m->n_folders == m->room_folders) {
		m->room_folders = m->room_folders ? m->room_folders * 2 : 64;
		m->folders = xreallocarray(m->folders, m->room_folders, sizeof(*m->folders));
	}
	m->folders[m->n_folders++] = (struct meta_folder){
		.path = xstrdup(path),
		.times = {n->atime, n->mtime},
	};
}

int meta_folders_set(struct meta *m, struct place *p, struct err *e)
{
	for (size_t i = 0; i < m->n_folders; i++)
		if (set_folder(p, &m->folders[i], e) < 0)
			return -1;
	return 0;
}

void meta_done(struct meta *m)
{
	for (size_t i = 0; i < m->n_folders; i++)
		free(m->folders[i].path);
	free(m->folders);
	m->folders = NULL;
	m->n_folders = m->room_folders = 0;
}
