/* mount_word.c: the words of fstab and of OCI mount options. */
#include "kernel/mount.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/sys.h"

struct flag_word {
	const char *word;
	unsigned long set, clear;
};

static const struct flag_word flag_words[] = {
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"nosymfollow", MS_NOSYMFOLLOW, 0},
	{"symfollow", 0, MS_NOSYMFOLLOW},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	/* one setting of three values: naming one takes the others back */
	{"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME},
	{"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
	{"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
	{"atime", 0, MS_NOATIME},
	{"norelatime", 0, MS_RELATIME},
	{"nostrictatime", 0, MS_STRICTATIME},
};

static const struct {
	const char *word;
	unsigned long flag;
} propagation_words[] = {
	{"private", MS_PRIVATE},
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"unbindable", MS_UNBINDABLE},
};

static int flag_word(const char *word, unsigned long *set, unsigned long *clear)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_words); i++) {
		const struct flag_word *f = &flag_words[i];
		if (!streq(word, f->word))
			continue;
		*set = (*set & ~f->clear) | f->set;
		*clear = (*clear & ~f->set) | f->clear;
		return 1;
	}
	return 0;
}

static int propagation_word(const char *word, int recursive, struct mount_words *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++) {
		if (!streq(word, propagation_words[i].word))
			continue;
		w->propagation = propagation_words[i].flag;
		w->propagation_rec = recursive;
		return 1;
	}
	return 0;
}

static int own_word(const char *word, struct mount_words *w)
{
	const struct {
		const char *word;
		int *flag;
	} words[] = {
		{"bind", &w->bind},
		{"rbind", &w->rbind},
		{"idmap", &w->idmap},
		{"ridmap", &w->ridmap},
		{"tmpcopyup", &w->tmpcopyup},
		{"remount", &w->remount},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (streq(word, words[i].word)) {
			*words[i].flag = 1;
			return 1;
		}
	}
	return streq(word, "defaults") || streq(word, "silent") || streq(word, "loud");
}

int mount_word(const char *word, struct mount_words *w)
{
	if (flag_word(word, &w->set, &w->clear) || propagation_word(word, 0, w) ||
		own_word(word, w))
		return 1;
	if (word[0] != 'r')
		return 0;
	return flag_word(word + 1, &w->rec_set, &w->rec_clear) || propagation_word(word + 1, 1, w);
}

int mount_params_split(char *data, struct mount_param *params, size_t max)
{
	size_t n = 0;
	char *save, *word, *equals;

	for (word = strtok_r(data, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (n == max)
			return -E2BIG;
		equals = strchr(word, '=');
		if (equals)
			*equals++ = '\0';
		params[n++] = (struct mount_param){word, equals, -1};
	}
	return (int)n;
}
