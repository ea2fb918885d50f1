/* inspect.h: what the three inspect commands share. */
#pragma once

enum inspect_what { INSPECT_ANY, INSPECT_CONTAINER, INSPECT_IMAGE };
