/* paths.h: where the fetcher finds in its box what it put there. */
#pragma once

#define FETCH_CERTIFICATES "certificates.pem"
