/* store_parts.h: what the files of the network store share. */
#pragma once

#include "network/store.h"

/* The tables that both files have. offset: the address's distance from its subnet's; -1: none. A
 * range of ports is one row; n >= 1. host is "" for every address. */
#define STORE_TABLES(file)                                                                        \
	"CREATE TABLE " file                                                                      \
	".places(container TEXT NOT NULL, number INTEGER NOT NULL, network TEXT "                 \
	"NOT NULL, offset4 INTEGER, offset6 INTEGER, addr4 TEXT NOT NULL, addr6 TEXT NOT NULL, "  \
	"mac "                                                                                    \
	"TEXT NOT NULL, interface TEXT NOT NULL, aliases TEXT NOT NULL, PRIMARY KEY(container, "  \
	"number)) WITHOUT ROWID;"                                                                 \
	"CREATE UNIQUE INDEX " file                                                               \
	".places_offset4 ON places(network, offset4) WHERE offset4 >= 0;"                         \
	"CREATE UNIQUE INDEX " file                                                               \
	".places_offset6 ON places(network, offset6) WHERE offset6 >= 0;"                         \
	"CREATE TABLE " file                                                                      \
	".ports(container TEXT NOT NULL, host TEXT NOT NULL, proto INTEGER NOT "                  \
	"NULL, host_port INTEGER NOT NULL, port INTEGER NOT NULL, n INTEGER NOT NULL, "           \
	"direct INTEGER NOT NULL, PRIMARY KEY(container, proto, host_port, host)) WITHOUT ROWID;" \
	"CREATE INDEX " file ".ports_host ON ports(proto, host_port);"                            \
	"CREATE INDEX " file ".ports_ranges ON ports(proto, host_port) WHERE n > 1;"

/* Columns: an address (or none) and a list of words, as cidr_dup and network_store_words_text wrote
 * them.
 */
struct link_addr network_store_addr(sqlite3_stmt *st, int column);
char **network_store_words(sqlite3_stmt *st, int column);
char *network_store_words_text(char *const *v); /* caller frees */
