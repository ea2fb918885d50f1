/* info.c: facts of the host and the store. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "config.h"
#include "engine/delegate.h"
#include "engine/engine.h"
#include "engine/parts.h"
#include "kernel/cgroup.h"
#include "kernel/fs.h"

#define OS_RELEASE_MAX 65536

static int count_containers(struct engine *en, json_t *o, struct err *e)
{
	struct engine_container *v = NULL;
	size_t n = 0, running = 0;

	if (engine_container_list(en, 1, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		running += v[i].state == ENGINE_RUNNING;
	engine_container_list_free(v, n);
	json_object_set_new(o, "Containers", json_integer((json_int_t)n));
	json_object_set_new(o, "ContainersRunning", json_integer((json_int_t)running));
	json_object_set_new(o, "ContainersPaused", json_integer(0));
	json_object_set_new(o, "ContainersStopped", json_integer((json_int_t)(n - running)));
	return 0;
}

static int count_images(struct engine *en, json_t *o, struct err *e)
{
	struct engine_image *v = NULL;
	size_t n = 0;

	if (engine_image_list(en, &v, &n, e) < 0)
		return -1;
	engine_image_list_free(v, n);
	json_object_set_new(o, "Images", json_integer((json_int_t)n));
	return 0;
}

/* PRETTY_NAME="..." of os-release(5) */
static void set_system_name(json_t *o)
{
	auto_buf struct buf b = BUF_MAX(OS_RELEASE_MAX);
	char *line, *save, *value = NULL;

	if (fd_read_file(AT_FDCWD, "/etc/os-release", &b) == 0 && b.data)
		for (line = strtok_r(b.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (str_after(line, "PRETTY_NAME="))
				value = line + strlen("PRETTY_NAME=");
	if (value && *value == '"') {
		value++;
		value[strcspn(value, "\"")] = '\0';
	}
	json_object_set_new(o, "OperatingSystem", jsonx_string(value ? value : ""));
}

static void set_host(json_t *o)
{
	struct cgroup_host host = {0};
	struct sysinfo si;
	struct utsname u;
	int v2;

	uname(&u);
	json_object_set_new(o, "KernelVersion", jsonx_string(u.release));
	json_object_set_new(o, "Architecture", jsonx_string(u.machine));
	json_object_set_new(o, "OSType", json_string("linux"));
	json_object_set_new(o, "Name", jsonx_string(u.nodename));
	set_system_name(o);
	json_object_set_new(o, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	if (sysinfo(&si) == 0)
		json_object_set_new(
			o, "MemTotal", json_integer((json_int_t)si.totalram * si.mem_unit));
	v2 = delegate_probe(&host, NULL) == 0 && host.layout == CGROUP_V2;
	json_object_set_new(
		o, "CgroupDriver", json_string(host.delegated ? "systemd" : "cgroupfs"));
	json_object_set_new(o, "CgroupVersion",
		json_string(host.layout == CGROUP_NONE ? ""
			    : v2		       ? "2"
						       : "1"));
	cgroup_host_done(&host);
}

json_t *engine_info(struct engine *en, struct err *e)
{
	json_t *o = json_object();
	char type[24];
	auto_fd int root = open(en->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (count_containers(en, o, e) < 0 || count_images(en, o, e) < 0) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "ServerVersion", json_string(HULL_VERSION));
	json_object_set_new(o, "Driver", json_string("overlay"));
	json_object_set_new(
		o, "BackingFilesystem", json_string(root >= 0 ? fs_type_name(root, type) : ""));
	json_object_set_new(o, "DockerRootDir", jsonx_string(en->root));
	json_object_set_new(o, "RunRoot", jsonx_string(en->runroot));
	json_object_set_new(o, "LoggingDriver", json_string("none"));
	json_object_set_new(o, "DefaultRuntime", json_string("hull"));
	json_object_set_new(o, "Runtimes", json_pack("{s:{s:s}}", "hull", "path", "hull"));
	set_host(o);
	json_object_set_new(o, "SecurityOptions",
		json_pack("[s, s]", "name=seccomp,profile=builtin", "name=userns"));
	return o;
}
