/* recipe_parts.h: shared by the files that write and read recipes. */
#pragma once

#define RECIPE_MAGIC "hullrcp1"
#define RECIPE_MAGIC_LEN 8

enum recipe_record {
	RECIPE_BYTES = 'R',
	RECIPE_FILE = 'F',
	RECIPE_PIECE = 'P',
	RECIPE_END = 'E',
};
