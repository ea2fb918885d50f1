/* networks.h: what the files about networks as such share. Inside the engine's folder only. */
#pragma once

/* bridge, host, none: there from the start, never removed. */
int network_is_predefined(const char *name);
/* What Docker calls the end of a container in a network: 64 hex digits. */
void network_endpoint_id(const char *network, const char *container, char out[65]);
