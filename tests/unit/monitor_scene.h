/* monitor_scene.h: the built hull-monitor between a played engine and a played container. No root
 * needed: the container is a plain child that speaks runtime/sync.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/protocol.h"
#include "runtime/sync.h"

struct scene {
	pid_t monitor, child; /* child: as MON_STARTED said */
	int client;
	int folder_fd;
	char err_text[ERR_TEXT_MAX]; /* of MON_ERROR */
	struct mon_exit exit;
	int started, ended; /* frames seen; end of file seen */
	int console;	    /* of MON_STDIN */
	size_t n_out, n_err;
	uint32_t sum_out; /* of bytes and their places */
	char out[4096], err[256];
};

struct plan {
	void (*child)(int sync); /* returns: exit status 99 */
	const char *extra[32];	 /* words for the monitor */
	int terminal, no_client, no_files;
};

/* For the group: finds hull-monitor in the build folder, makes scene_folder. */
extern char scene_folder[];
int scene_setup(void **state);
int scene_teardown(void **state);

/* In the child: the container's side of sync.h. */
void scene_say(int sync, uint32_t type);
void scene_wait_start(int sync);
void scene_run_shell(int sync, const char *script); /* READY, START, exec */

/* In the test: the engine and the client. */
void scene_start(struct scene *s, const struct plan *plan);
int scene_next(struct scene *s, int timeout_ms); /* one frame or the end; 0 when nothing came */
void scene_until_started(struct scene *s);
void scene_until_output(struct scene *s, const char *tail);
void scene_send_signal(struct scene *s, int32_t sig);
void scene_finish(struct scene *s); /* read to the end, wait for the monitor */
void scene_run(struct scene *s, const struct plan *plan); /* start and finish */
int scene_monitor_status(struct scene *s, int timeout_ms);
int scene_gone_within(pid_t pid, int ms);
int64_t scene_now_ms(void);
char *scene_read_file(const char *name); /* in scene_folder, or absolute; NULL: none */
void scene_assert_record(const char *part);
