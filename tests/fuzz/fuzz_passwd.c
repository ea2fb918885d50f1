/* fuzz_passwd.c: who a container runs as, from an image's own /etc/passwd and /etc/group. */
#include "engine/users.h"
#include "fuzz.h"

enum { USER, GROUP_ADD, PASSWD, GROUP, N_TEXTS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *texts[N_TEXTS] = {NULL};
	struct users_who who = {0};
	struct err e;

	fuzz_texts(data, size, texts, N_TEXTS);
	char *group_add[] = {texts[GROUP_ADD], NULL};
	if (texts[USER] &&
		users_resolve(texts[PASSWD], texts[GROUP], texts[USER],
			texts[GROUP_ADD] && *texts[GROUP_ADD] ? group_add : NULL, &who, &e) == 0) {
		require(who.home && *who.home == '/');
		require(who.uid != UINT32_MAX && who.gid != UINT32_MAX);
		require(who.n_groups >= 1 && who.groups[0] == who.gid);
		for (size_t i = 0; i < who.n_groups; i++)
			require(who.groups[i] != UINT32_MAX);
		/* Numbers need no file. */
		if (strspn(texts[USER], "0123456789") == strlen(texts[USER]) && *texts[USER])
			require(who.uid == strtoul(texts[USER], NULL, 10));
		users_who_done(&who);
	}
	for (size_t k = 0; k < N_TEXTS; k++)
		free(texts[k]);
	return 0;
}
