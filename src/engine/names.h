/* names.h: names for containers that were given none: adjective_surname, as Docker's. */
#pragma once

#define NAMES_MAX 64

/* with_digit: for when the plain one is taken. */
void names_random(char out[NAMES_MAX], int with_digit);
