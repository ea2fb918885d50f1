/* spec_keep_id.c: --userns=keep-id: the user is nobody else inside, and root inside is one of the
 * user's further ids. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/spec.h"

/* n ids from `inside` on are those from `here` on; one line must not cross a seam of the map above.
 */
static void add(struct oci_idmaps *out, const struct userns_map *m, uint64_t inside, uint64_t here,
	uint64_t n)
{
	for (size_t i = 0; i < m->n; i++) {
		const uint64_t first = m->v[i].inside, end = first + m->v[i].count;
		const uint64_t from = here > first ? here : first;
		const uint64_t to = here + n < end ? here + n : end;

		if (from < to)
			oci_idmaps_add(out, (uint32_t)(inside + (from - here)), (uint32_t)from,
				(uint32_t)(to - from));
	}
}

/* Id 0 here is the user: it becomes `own`; the others close ranks. */
static void keep(struct oci_idmaps *out, const struct userns_map *m, uint64_t own)
{
	uint64_t n = 0, below;

	for (size_t i = 0; i < m->n; i++)
		n += m->v[i].count;
	below = own < n - 1 ? own : n - 1;
	add(out, m, 0, 1, below);
	add(out, m, own, 0, 1);
	add(out, m, own + 1, own + 1, own + 1 < n ? n - own - 1 : 0);
}

void spec_keep_id_maps(const struct userns_map *u, const struct userns_map *g,
	struct oci_idmaps *out_uids, struct oci_idmaps *out_gids)
{
	keep(out_uids, u, u->v[0].outside);
	keep(out_gids, g, g->v[0].outside);
}

int spec_keep_id(struct spec *s, struct err *e)
{
	const struct userns_map *u = s->uids, *g = s->gids;

	if (!u || !u->n || !g->n || u->v[0].inside || g->v[0].inside || !u->v[0].outside)
		return err_set(
			e, ERR_INVALID, "--userns=keep-id is for ordinary users, and you are root");
	if (u->n == 1 && u->v[0].count == 1)
		return err_set(e, ERR_UNSUPPORTED,
			"--userns=keep-id needs more than your own id: a line for you in "
			"/etc/subuid and "
			"/etc/subgid, and the package uidmap");
	spec_keep_id_maps(u, g, &s->oci.uids, &s->oci.gids);
	return 0;
}
