/* mountinfo.h: inside the kernel folder only: text of /proc/self/mountinfo. */
#pragma once

#define MOUNTINFO_MAX (16UL << 20) /* about a hundred thousand mounts */

/* Undo the octal escapes (space, tab, newline, backslash), in place. */
static inline void mountinfo_unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}
