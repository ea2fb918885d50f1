/* cgroup_v2.c: enabling controllers of the unified hierarchy. */
#define _GNU_SOURCE
#include "kernel/cgroup_v2.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"

static const char *const wanted[] = {"cpu", "cpuset", "io", "memory", "pids", "hugetlb"};

/* The controllers that the folder could hand down and does not. */
static char **missing(const char *dir, const char *controller)
{
	auto_free char *has_file = xasprintf("%s/cgroup.controllers", dir);
	auto_free char *on_file = xasprintf("%s/cgroup.subtree_control", dir);
	auto_buf struct buf has_text = BUF_MAX(4096), on_text = BUF_MAX(4096);
	auto_strv char **has = NULL, **on = NULL;
	char **list = NULL;

	if (fd_read_file(AT_FDCWD, has_file, &has_text) < 0 ||
		fd_read_file(AT_FDCWD, on_file, &on_text) < 0)
		return NULL;
	has = strv_split(has_text.data ? has_text.data : "", " \n");
	on = strv_split(on_text.data ? on_text.data : "", " \n");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strv_has(has, wanted[i]) && !strv_has(on, wanted[i]) &&
			(!controller || streq(controller, wanted[i])))
			strv_addf(&list, "+%s", wanted[i]);
	return list;
}

static void enable(const char *dir, const char *controller)
{
	auto_strv char **list = missing(dir, controller);
	auto_free char *file = xasprintf("%s/cgroup.subtree_control", dir);
	auto_free char *all = NULL;

	if (!list)
		return;
	all = strv_join(list, " ");
	if (fd_write_value(AT_FDCWD, file, all) == 0)
		return;
	/* All or nothing; so one by one. */
	strv_foreach (one, list)
		fd_write_value(AT_FDCWD, file, *one);
}

void cgroup_v2_enable(const struct cgroup_host *h, const struct cgroup_hier *hier, const char *path,
	const char *controller)
{
	auto_free char *dir = xasprintf("%s%s", hier->mount, path);
	size_t start = strlen(hier->mount);

	/* What is above a delegated cgroup belongs to systemd: one writer only. */
	if (h->delegated && str_after(path, h->delegated))
		start += strlen(h->delegated);
	else
		enable(hier->mount, controller);
	for (char *p = strchr(dir + start + (start == strlen(hier->mount)), '/'); p;
		p = strchr(p + 1, '/')) {
		*p = '\0';
		enable(dir, controller);
		*p = '/';
	}
}

void cgroup_hand_down(const struct cgroup_host *h, const char *path)
{
	auto_free char *child = xasprintf("%s/.", path);

	for (size_t i = 0; i < h->n; i++)
		if (h->hiers[i].v2)
			cgroup_v2_enable(h, &h->hiers[i], child, NULL);
}

int cgroup_v2_has(const char *mount, const char *path, const char *controller)
{
	auto_free char *file = xasprintf("%s%s/cgroup.controllers", mount, path);
	auto_buf struct buf text = BUF_MAX(4096);
	auto_strv char **has = NULL;

	if (fd_read_file(AT_FDCWD, file, &text) < 0 || !text.data)
		return 0;
	has = strv_split(text.data, " \n");
	return strv_has(has, controller);
}
