/* spec_join.c: --network container:NAME: the network of a container that runs, with its names and
 * name servers. The user namespace stays our own: the other's network can be used, and whoever is
 * to change it or to see raw packets runs with --userns=host. */
#define _GNU_SOURCE
#include <errno.h>

#include "base/mem.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "kernel/ns.h"

#define DEPTH_MAX 16 /* a container that joined one that joined ... */

static int conflict(const char *what, struct err *e)
{
	return err_set(e, ERR_INVALID, "conflicting options: %s", what);
}

/* Docker's words. */
static int check_flags(const struct engine_run *r, struct err *e)
{
	if ((r->hostname && *r->hostname) || (r->domainname && *r->domainname))
		return conflict("hostname and the network mode", e);
	if (r->dns || r->dns_search || r->dns_option)
		return conflict("dns and the network mode", e);
	if (r->add_hosts)
		return conflict("custom host-to-IP mapping and the network mode", e);
	if (r->mac_address && *r->mac_address)
		return conflict("mac-address and the network mode", e);
	if (r->publish || r->publish_all)
		return conflict("port publishing and the container type network mode", e);
	if (r->expose)
		return conflict("port exposing and the container type network mode", e);
	if ((r->ip && *r->ip) || (r->ip6 && *r->ip6) || r->network_aliases)
		return conflict("addresses, aliases and the container type network mode", e);
	return 0;
}

static char *folder_of(const struct engine *en, const struct container_row *row)
{
	return xasprintf(
		"%s/" ENGINE_CONTAINERS "/%s", row->ephemeral ? en->runroot : en->root, row->id);
}

/* The files are those of the one whose network it is, however often it was joined. */
static char *files_of(struct engine *en, const struct container_row *row, int depth)
{
	auto_json json_t *config = jsonx_parse(
		row->config, strlen(row->config), "a container", NULL);
	const char *mode = jsonx_str(jsonx_obj(config, "HostConfig"), "NetworkMode", "");
	const char *other = str_after(mode, "container:");
	struct container_row next;
	char *path;

	if (!other || depth == 0 || container_store_get(en->db, other, &next, NULL) != 1)
		return folder_of(en, row);
	path = next.config ? files_of(en, &next, depth - 1) : folder_of(en, &next);
	container_row_done(&next);
	return path;
}

static int join(
	struct engine *en, const struct container_row *row, int pid, struct spec *s, struct err *e)
{
	auto_json json_t *config = jsonx_parse(row->config, strlen(row->config), "a container", e);
	int fd;

	if (!config)
		return -1;
	fd = ns_open(pid, "net");
	if (fd < 0)
		return err_sys(e, fd, "open the network namespace of container %s", row->name);
	s->join.fd = fd;
	s->join.id = xstrdup(row->id);
	s->join.files = files_of(en, row, DEPTH_MAX);
	s->join.hostname = xstrdup(jsonx_str(jsonx_obj(config, "Config"), "Hostname", row->name));
	return 0;
}

int spec_join(struct engine *en, struct spec *s, struct err *e)
{
	struct container_state state;
	struct container_row row;
	int r;

	if (check_flags(s->req, e) < 0 ||
		container_store_find(en->db, s->modes.network_of, &row, e) < 0)
		return -1;
	container_state_read(en, &row, &state);
	r = state.phase == PHASE_RUNNING
		    ? join(en, &row, state.pid, s, e)
		    : err_set(e, ERR_CONFLICT, "cannot join network of a non running container: %s",
			      row.name);
	container_state_done(&state);
	container_row_done(&row);
	return r;
}
