/* list.c: rows of `hull ps`. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/container_store.h"
#include "engine/engine.h"
#include "engine/net.h"
#include "engine/parts.h"
#include "engine/remove.h"
#include "engine/state.h"

static void container_done(struct engine_container *c)
{
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->image_id);
	free(c->command);
	free(c->network);
	json_decref(c->labels);
	free(c->ports);
	strv_free(c->mounts);
}

void engine_container_list_free(struct engine_container *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_done(&v[i]);
	free(v);
}

/* "sh -c 'x y'" as Docker joins it: what has a blank in it gets quotes. */
static char *command_text(const json_t *config)
{
	auto_strv char **args = jsonx_strv(config, "Args"), **words = NULL;

	strv_add(&words, jsonx_str(config, "Path", ""));
	strv_foreach (a, args)
		strv_addf(&words, strchr(*a, ' ') ? "'%s'" : "%s", *a);
	return strv_join(words, " ");
}

static void from_config(struct engine_container *c, const json_t *config)
{
	const json_t *labels = jsonx_obj(jsonx_obj(config, "Config"), "Labels"), *m;
	size_t i;

	c->command = command_text(config);
	c->network = xstrdup(jsonx_str(jsonx_obj(config, "HostConfig"), "NetworkMode", "none"));
	c->labels = labels ? json_incref((json_t *)labels) : NULL;
	json_array_foreach (jsonx_arr(config, "Mounts"), i, m)
		strv_add(&c->mounts, jsonx_str(m, "Name", jsonx_str(m, "Source", "")));
}

static int from_row(struct engine *en, struct container_row *row, const struct container_state *s,
	struct engine_container *c, struct err *e)
{
	auto_free char *text = container_store_config(en->db, row->id, e);
	/* A damaged one must still be listed, or it could not be removed. */
	auto_json json_t *config = text ? jsonx_parse(text, strlen(text), "a container", NULL)
					: NULL;

	if (!text)
		return -1;
	*c = (struct engine_container){
		.id = take_ptr(row->id),
		.name = take_ptr(row->name),
		.image = take_ptr(row->image),
		.image_id = take_ptr(row->image_id),
		.created_ns = row->created_ns,
		.started_ns = s->started_ns,
		.finished_ns = s->finished_ns,
		.state = s->phase == PHASE_RUNNING  ? ENGINE_RUNNING
			 : s->phase == PHASE_EXITED ? ENGINE_EXITED
			 : s->phase == PHASE_DEAD   ? ENGINE_DEAD
						    : ENGINE_CREATED,
		.status = s->status,
		.pid = s->pid,
	};
	from_config(c, config);
	if (c->state == ENGINE_RUNNING)
		c->ports = net_ports_text(en, c->id);
	return 0;
}

/* 1 when it was added, 0 when not; a container that is removed at this moment is no error. */
static int add_row(struct engine *en, struct container_row *row, int all,
	struct engine_container *c, struct err *e)
{
	struct container_state s;
	struct err gone = {0};
	int r = 0;

	container_state_read(en, row, &s);
	if (s.phase == PHASE_GARBAGE)
		engine_container_cleanup(en, row->id, NULL);
	else if (all || s.phase == PHASE_RUNNING)
		r = from_row(en, row, &s, c, &gone) == 0 ? 1 : -1;
	container_state_done(&s);
	if (r < 0 && gone.kind != ERR_NOT_FOUND) {
		if (e)
			*e = gone;
		return -1;
	}
	return r > 0;
}

int engine_container_list(
	struct engine *en, int all, struct engine_container **out, size_t *out_n, struct err *e)
{
	struct container_row *rows = NULL;
	struct engine_container *v;
	size_t n_rows = 0, n = 0;
	int r = 0;

	if (container_store_list(en->db, &rows, &n_rows, e) < 0)
		return -1;
	containers_sweep(en, rows, n_rows);
	v = xcalloc(n_rows + 1, sizeof(*v));
	for (size_t i = 0; i < n_rows; i++) {
		if (r >= 0)
			r = add_row(en, &rows[i], all, &v[n], e);
		n += r > 0;
		container_row_done(&rows[i]);
	}
	free(rows);
	if (r < 0) {
		engine_container_list_free(v, n);
		return -1;
	}
	*out = v;
	*out_n = n;
	return 0;
}
