/* plan.c: the OCI configuration as a list of plain operations. No side effects here. */
#define _GNU_SOURCE
#include "runtime/plan.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kernel/caps.h"
#include "kernel/ns.h"
#include "kernel/sys.h"

uint64_t plan_namespace_flag(const char *type)
{
	static const struct {
		const char *type;
		uint64_t flag;
	} types[] = {
		{"pid", CLONE_NEWPID},
		{"network", CLONE_NEWNET},
		{"mount", CLONE_NEWNS},
		{"ipc", CLONE_NEWIPC},
		{"uts", CLONE_NEWUTS},
		{"user", CLONE_NEWUSER},
		{"cgroup", CLONE_NEWCGROUP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(type, types[i].type))
			return types[i].flag;
	return 0;
}

int plan_has_namespace(const struct plan *p, const char *type)
{
	return oci_config_namespace(p->config, type) != NULL;
}

static int add_namespaces(struct plan *p, struct err *e)
{
	/* NEWNET after the id maps (else it belongs to nobody), NEWIPC after the change to root
	 * (else mqueue does), NEWCGROUP after the move into the cgroup (else its root is wrong). */
	const uint64_t late = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP;
	uint64_t seen = 0;

	for (size_t i = 0; i < p->config->n_namespaces; i++) {
		const struct oci_namespace *n = &p->config->namespaces[i];
		uint64_t flag = plan_namespace_flag(n->type);
		if (!flag)
			return err_set(
				e, ERR_UNSUPPORTED, "namespace type \"%s\" is not known", n->type);
		if (seen & flag)
			return err_set(
				e, ERR_INVALID, "namespace type \"%s\" is given twice", n->type);
		seen |= flag;
		if (n->path && flag == CLONE_NEWNET) {
			p->join_net = n->path;
			continue;
		}
		if (n->path)
			return err_set(e, ERR_UNSUPPORTED,
				"joining the %s namespace %s is not supported yet", n->type,
				n->path);
		if (flag & late)
			p->unshare_flags |= flag;
		else
			p->clone_flags |= flag;
	}
	if (!(p->clone_flags & CLONE_NEWNS))
		return err_set(e, ERR_INVALID, "a container needs a mount namespace of its own");
	p->user_ns = (p->clone_flags & CLONE_NEWUSER) != 0;
	return 0;
}

static int host_id(const struct oci_idmaps *maps, uint32_t id, uint32_t *out)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_idmap *m = &maps->v[i];
		if (id >= m->container_id && id - m->container_id < m->size) {
			*out = m->host_id + (id - m->container_id);
			return 0;
		}
	}
	return -1;
}

uint32_t plan_outside(const struct plan *p, const struct oci_idmaps *maps, uint32_t id)
{
	uint32_t outside = id;

	if (p->user_ns)
		host_id(maps, id, &outside);
	return outside;
}

static int check_ids(struct plan *p, struct err *e)
{
	const struct oci_config *c = p->config;
	uint32_t id;

	if (!p->user_ns)
		return 0;
	if (host_id(&c->uids, 0, &p->root_uid) < 0 || host_id(&c->gids, 0, &p->root_gid) < 0)
		return err_set(e, ERR_INVALID, "the id maps leave out root (0)");
	if (host_id(&c->uids, c->process.uid, &id) < 0)
		return err_set(e, ERR_INVALID, "user id %u is outside the container's id range",
			c->process.uid);
	if (host_id(&c->gids, c->process.gid, &id) < 0)
		return err_set(e, ERR_INVALID, "group id %u is outside the container's id range",
			c->process.gid);
	for (size_t i = 0; i < c->process.n_additional_gids; i++)
		if (host_id(&c->gids, c->process.additional_gids[i], &id) < 0)
			return err_set(e, ERR_INVALID,
				"group id %u is outside the container's id range",
				c->process.additional_gids[i]);
	return 0;
}

/* Mount words go to m->words, the file system's own to m->data. */
static int split_options(struct plan_mount *m, char *const *options, struct err *e)
{
	auto_strv char **own = NULL;
	int n;

	strv_foreach (o, options)
		if (**o && !mount_word(*o, &m->words))
			strv_add(&own, *o);
	m->data = strv_join(own, ",");
	n = mount_params_split(m->data, m->params, PLAN_PARAMS_MAX);
	if (n < 0)
		return err_set(e, ERR_INVALID, "mount %s: too many options", m->destination);
	m->n_params = (size_t)n;
	return 0;
}

static int add_mount(struct plan *p, const struct oci_mount *o, struct err *e)
{
	struct plan_mount *m = &p->mounts[p->n_mounts];

	if (!o->destination || !*o->destination)
		return err_set(e, ERR_INVALID, "a mount has no destination");
	m->destination = o->destination;
	m->fstype = o->type ? o->type : "bind";
	m->source = o->source;
	p->n_mounts++;
	if (split_options(m, o->options, e) < 0)
		return -1;
	m->kind = PLAN_NEW;
	if (streq(m->fstype, "bind") || m->words.bind || m->words.rbind) {
		m->kind = PLAN_BIND;
		if (!m->source)
			return err_set(
				e, ERR_INVALID, "bind mount on %s has no source", m->destination);
	} else if (streq(m->fstype, "cgroup") || streq(m->fstype, "cgroup2")) {
		m->kind = PLAN_CGROUP;
	} else if (streq(m->fstype, "tmpfs") && streq(m->destination, "/dev")) {
		m->kind = PLAN_DEV;
		p->dev = (int)(m - p->mounts);
	}
	return 0;
}

/* hull-init comes from the host, as a file that is bound over one of the image's. */
static void add_init(struct plan *p)
{
	struct plan_mount *m = &p->mounts[p->n_mounts++];

	m->kind = PLAN_BIND;
	m->destination = PLAN_INIT_PATH;
	m->fstype = "bind";
	m->source = p->config->hull->init_path;
	m->words = (struct mount_words){.set = MS_RDONLY | MS_NODEV, .bind = 1, .idmap = 1};
}

static int check_process(const struct plan *p, struct err *e)
{
	const struct oci_process *pr = &p->config->process;

	if (!pr->args || !pr->args[0])
		return err_set(e, ERR_INVALID, "process.args is empty: there is no program to run");
	if (!pr->cwd || pr->cwd[0] != '/')
		return err_set(e, ERR_INVALID, "process.cwd must be an absolute path");
	for (size_t i = 0; i < pr->n_rlimits; i++)
		if (ns_rlimit_number(pr->rlimits[i].type) < 0)
			return err_set(e, ERR_INVALID, "unknown limit \"%s\"", pr->rlimits[i].type);
	return 0;
}

int plan_make(const struct oci_config *config, struct plan *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	out->config = config;
	out->dev = -1;
	out->terminal = config->process.terminal;
	if (add_namespaces(out, e) < 0 || check_process(out, e) < 0 || check_ids(out, e) < 0)
		return -1;
	if (!config->root_path && !(config->hull && config->hull->layers))
		return err_set(e, ERR_INVALID, "the configuration has no root file system");
	out->mounts = xcalloc(config->n_mounts + 2, sizeof(*out->mounts));
	for (size_t i = 0; i < config->n_mounts; i++)
		if (add_mount(out, &config->mounts[i], e) < 0)
			return -1;
	if (config->hull && config->hull->init && config->hull->init_path)
		add_init(out);
	return 0;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_mounts; i++)
		free(p->mounts[i].data);
	free(p->mounts);
	memset(p, 0, sizeof(*p));
}

static void text_ids(struct buf *b, const char *what, const struct oci_idmaps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		buf_printf(b, "%s %u %u %u\n", what, maps->v[i].container_id, maps->v[i].host_id,
			maps->v[i].size);
}

static void text_root(struct buf *b, const struct oci_config *c)
{
	if (!c->hull || !c->hull->layers) {
		buf_printf(b, "root folder %s\n", c->root_path);
		return;
	}
	strv_foreach (l, c->hull->layers)
		buf_printf(b, "root layer %s\n", *l);
	if (c->hull->upper)
		buf_printf(b, "root upper %s%s\n", c->hull->upper,
			c->hull->volatile_upper ? " volatile" : "");
}

static void text_mounts(struct buf *b, const struct plan *p)
{
	static const char *const kinds[] = {"new", "dev", "bind", "cgroup"};

	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct plan_mount *m = &p->mounts[i];
		buf_printf(b, "mount %s %s", kinds[m->kind], m->destination);
		if (m->kind == PLAN_BIND)
			buf_printf(b, " from %s%s%s", m->source, m->words.rbind ? " rbind" : "",
				m->words.idmap || m->words.ridmap ? " idmap" : "");
		else
			buf_printf(b, " %s", m->fstype);
		for (size_t j = 0; j < m->n_params; j++)
			buf_printf(b, " %s%s%s", m->params[j].key, m->params[j].value ? "=" : "",
				m->params[j].value ? m->params[j].value : "");
		buf_puts(b, m->words.set & MS_RDONLY ? " ro\n" : "\n");
	}
}

char *plan_text(const struct plan *p)
{
	auto_buf struct buf b = BUF_MAX(4 << 20);
	const struct oci_config *c = p->config;

	for (size_t i = 0; i < c->n_namespaces; i++)
		buf_printf(&b, "namespace %s\n", c->namespaces[i].type);
	text_ids(&b, "uid-map", &c->uids);
	text_ids(&b, "gid-map", &c->gids);
	if (c->cgroups_path)
		buf_printf(&b, "cgroup %s\n", c->cgroups_path);
	text_root(&b, c);
	text_mounts(&b, p);
	strv_foreach (s, c->masked_paths)
		buf_printf(&b, "mask %s\n", *s);
	strv_foreach (s, c->readonly_paths)
		buf_printf(&b, "read-only %s\n", *s);
	if (c->root_readonly)
		buf_puts(&b, "read-only /\n");
	buf_printf(&b, "user %u:%u\n", c->process.uid, c->process.gid);
	if (c->process.caps_set)
		buf_printf(&b, "capabilities %016" PRIx64 "\n", c->process.caps_bounding);
	if (c->hull && c->hull->seccomp_filter)
		buf_printf(&b, "seccomp %s\n", c->hull->seccomp_filter);
	strv_foreach (a, c->process.args)
		buf_printf(&b, "%s%s", a == c->process.args ? "exec " : " ", *a);
	buf_putc(&b, '\n');
	return buf_steal(&b);
}
