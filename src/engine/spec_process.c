/* spec_process.c: the program: arguments, environment, user, folder, names, labels, terminal. */
#define _GNU_SOURCE
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "engine/spec.h"
#include "kernel/tty.h"

#define HOSTNAME_MAX 64 /* sethostname(2) */

int spec_signal(const char *text)
{
	const char *name = str_after(text, "SIG") ? text + 3 : text;
	uint32_t n;

	if (parse_u32(text, &n) == 0)
		return n >= 1 && n <= 64 ? (int)n : -1;
	for (int sig = 1; sig < 32; sig++) {
		const char *abbreviation = sigabbrev_np(sig);
		if (abbreviation && streq(name, abbreviation))
			return sig;
	}
	if (streq(name, "RTMIN"))
		return 34; /* as the C library counts, and Docker does */
	if (streq(name, "RTMAX"))
		return 64;
	if (str_after(name, "RTMIN+") && parse_u32(name + 6, &n) == 0 && n <= 15)
		return 34 + (int)n;
	if (str_after(name, "RTMAX-") && parse_u32(name + 6, &n) == 0 && n <= 14)
		return 64 - (int)n;
	return -1;
}

/* The image's entry point counts unless --entrypoint is given, which also drops the image's
 * command. */
static int set_args(struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;
	const struct oci_image *i = s->image ? &s->image->config : NULL;
	struct oci_process *p = &s->oci.process;
	int entrypoint_set = req->entrypoint_set || (req->entrypoint && *req->entrypoint);

	if (entrypoint_set) {
		if (req->entrypoint && *req->entrypoint)
			strv_add(&s->entrypoint, req->entrypoint);
	} else if (i) {
		s->entrypoint = strv_dup(i->entrypoint);
	}
	if (req->args && *req->args)
		s->cmd = strv_dup(req->args);
	else if (i && !entrypoint_set)
		s->cmd = strv_dup(i->cmd);
	strv_extend(&p->args, s->entrypoint);
	strv_extend(&p->args, s->cmd);
	if (!p->args || !*p->args)
		return err_set(e, ERR_INVALID, "no command specified");
	if (**p->args)
		return 0;
	err_set(e, ERR_INVALID, "exec: \"\": no such file or directory: the command is empty text");
	return err_status(e, 127);
}

static int set_names(struct spec *s, struct err *e)
{
	const char *given = s->req->hostname;
	struct utsname u;

	if (s->modes.uts_host) {
		uname(&u);
		s->hostname = xstrdup(u.nodename);
		return 0;
	}
	if (given && *given) {
		for (const char *p = given; *p; p++)
			if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
				return err_set(
					e, ERR_INVALID, "invalid hostname format: %.200s", given);
		if (strlen(given) > HOSTNAME_MAX)
			return err_set(e, ERR_INVALID,
				"the hostname is longer than %d bytes: %.200s", HOSTNAME_MAX,
				given);
	}
	s->hostname = given && *given	 ? xstrdup(given)
		      : s->join.hostname ? xstrdup(s->join.hostname)
					 : xstrndup(s->id, 12);
	s->oci.hostname = xstrdup(s->hostname);
	if (s->req->domainname && *s->req->domainname) {
		if (strlen(s->req->domainname) > HOSTNAME_MAX)
			return err_set(e, ERR_INVALID, "the domain name is longer than %d bytes",
				HOSTNAME_MAX);
		s->oci.domainname = xstrdup(s->req->domainname);
	}
	return 0;
}

static int no_such_id(const char *what, uint32_t id, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		"the container cannot have %s id %u, because you have fewer ids (a line for you in "
		"/etc/subuid and /etc/subgid, with the package uidmap, gives you more)",
		what, id);
}

/* Groups that only the image's files give and that do not exist here are left out. */
static int check_ids_exist(struct spec *s, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->who.n_groups; i++)
		if (userns_map_has(s->gids, s->who.groups[i]) || strv_len(s->req->group_add))
			s->who.groups[kept++] = s->who.groups[i];
	s->who.n_groups = kept;
	if (!userns_map_has(s->uids, s->who.uid))
		return no_such_id("user", s->who.uid, e);
	if (!userns_map_has(s->gids, s->who.gid))
		return no_such_id("group", s->who.gid, e);
	return 0;
}

static int set_user(struct spec *s, struct err *e)
{
	const char *given = s->req->user, *of_image = s->image ? s->image->config.user : NULL;
	struct oci_process *p = &s->oci.process;

	if (s->modes.keep_id && !(given && *given))
		s->user = xasprintf("%u:%u", s->uids->v[0].outside, s->gids->v[0].outside);
	else
		s->user = xstrdup(given && *given ? given : of_image ? of_image : "");
	if (users_look_up(s->layers, s->user, s->req->group_add, &s->who, e) < 0)
		return -1;
	if (s->uids && !s->modes.keep_id && check_ids_exist(s, e) < 0)
		return -1;
	p->uid = s->who.uid;
	p->gid = s->who.gid;
	p->n_additional_gids = s->who.n_groups;
	p->additional_gids = xcalloc(s->who.n_groups, sizeof(uint32_t));
	memcpy(p->additional_gids, s->who.groups, s->who.n_groups * sizeof(uint32_t));
	return 0;
}

static int set_workdir(struct spec *s, struct err *e)
{
	const char *given = s->req->workdir,
		   *of_image = s->image ? s->image->config.working_dir : NULL;
	const char *dir = given && *given ? given : of_image && *of_image ? of_image : "/";

	if (*dir != '/')
		return err_set(e, ERR_INVALID,
			"the working directory '%.300s' is invalid, it needs to be an absolute "
			"path",
			dir);
	s->workdir = mounts_clean_path(dir);
	s->oci.process.cwd = xstrdup(s->workdir);
	return 0;
}

static int add_label(json_t *labels, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	auto_free char *key = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

	if (!*key)
		return err_set(e, ERR_INVALID,
			"invalid argument \"%.200s\" for \"-l, --label\" flag: invalid label "
			"format: \"%.200s\"",
			text, text);
	json_object_set_new(labels, key, jsonx_string(equals ? equals + 1 : ""));
	return 0;
}

/* Labels are shown and filtered by, nothing else: an image's cannot change what hull does
 * (CVE-2026-53488). */
static int set_labels(struct spec *s, struct err *e)
{
	const json_t *of_image = s->image ? s->image->config.labels : NULL;
	auto_strv char **lines = NULL;

	s->labels = of_image ? json_copy((json_t *)of_image) : json_object();
	strv_foreach (f, s->req->label_files)
		if (spec_env_file(*f, 1, &lines, e) < 0)
			return -1;
	strv_foreach (l, lines)
		if (add_label(s->labels, *l, e) < 0)
			return -1;
	strv_foreach (l, s->req->labels)
		if (add_label(s->labels, *l, e) < 0)
			return -1;
	return 0;
}

static void set_terminal(struct spec *s)
{
	struct oci_process *p = &s->oci.process;
	unsigned short rows, columns;

	p->terminal = s->req->tty;
	if (!p->terminal)
		return;
	for (int fd = 0; fd <= 2; fd++) {
		if (tty_get_size(fd, &rows, &columns) < 0 || !rows)
			continue;
		p->console_height = rows;
		p->console_width = columns;
		return;
	}
}

int spec_process(struct spec *s, struct err *e)
{
	const struct oci_image *i = s->image ? &s->image->config : NULL;

	set_terminal(s);
	if (set_args(s, e) < 0 || set_names(s, e) < 0 || set_user(s, e) < 0 ||
		set_workdir(s, e) < 0 || set_labels(s, e) < 0)
		return -1;
	s->oci.hull->init = s->req->init; /* its path is found when the container is made */
	return spec_env_merge(i ? i->env : NULL, s->req->env_files, s->req->env, s->hostname,
		s->who.home, s->req->tty, &s->oci.process.env, &s->config_env, e);
}
