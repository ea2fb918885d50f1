/* inspect.h: what the inspect commands share. */
#pragma once

enum inspect_what {
	INSPECT_ANY,
	INSPECT_CONTAINER,
	INSPECT_IMAGE,
	INSPECT_VOLUME,
	INSPECT_NETWORK
};
