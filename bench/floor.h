/* SPDX-License-Identifier: Apache-2.0 */
/* What the two floor programs share: the container's folder, its layers, its /dev, the exec. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <linux/sched.h>
#include <sys/types.h>

#define MAX_LAYERS 128

struct floor {
	char *folder;  /* <STATE>/<pid>, holds upper and work */
	char **layers; /* top first */
	int layer_count;
	char **argv; /* the program to run in the container */
};

/* Reads "STATE LAYER[:LAYER...] PROGRAM [ARG...]"; ends the process on a mistake. */
void floor_parse(struct floor *f, char **argv);

/* Makes the folder with upper and work in it. */
void floor_folder_make(struct floor *f);

/* Removes the folder. Nothing but what overlay made in it is expected in the work folder. */
void floor_folder_remove(struct floor *f);

/* Fills an empty tmpfs with what a container expects in /dev, all owned by @owner. */
void floor_dev_fill(int dev_fd, uid_t owner);

/* clone3 without a stack of its own: returns twice, like fork. @cgroup_fd counts with
 * CLONE_INTO_CGROUP. */
pid_t floor_clone(unsigned long long flags, int cgroup_fd);

/* execvpe with the PATH of a container; does not return. */
void floor_exec(char **argv) __attribute__((noreturn));

/* Waits for @pid and turns its end into an exit status. */
int floor_wait(pid_t pid);

/* floor-net.c. Parent: a veth into the bridge, its other end in the namespace of @pid. Child: its
 * addresses and routes. A published port in the table "bench" comes, or goes. */
void floor_cable_plug(const char *bridge, pid_t pid);
void floor_cable_configure(void);
void floor_port(int open);

/* Prints what failed with errno and ends the process. */
void die(const char *what) __attribute__((noreturn));

/* For calls that cannot fail on a machine that is good for this benchmark. */
#define must(call)                                     \
	({                                             \
		__typeof__(call) must_result = (call); \
		if (must_result < 0)                   \
			die(#call);                    \
		must_result;                           \
	})

/* Built with -DFLOOR_MARKS, each process says at its end when it passed each mark. */
#ifdef FLOOR_MARKS
void floor_mark(const char *name);
void floor_marks_print(const char *who);
#define mark(name) floor_mark(name)
#define marks_print(who) floor_marks_print(who)
#else
#define mark(name) ((void)0)
#define marks_print(who) ((void)0)
#endif

#endif
