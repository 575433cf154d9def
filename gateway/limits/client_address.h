#ifndef GATEWAY_LIMITS_CLIENT_ADDRESS_H
#define GATEWAY_LIMITS_CLIENT_ADDRESS_H

#include <stddef.h>

#include "services/common/base/networks.h"

enum { CLIENT_ADDRESS_SIZE = 64 };

/*
 * The address of the client that sent a request. `forwarded` are the values of its X-Forwarded-For
 * headers, in order. Each proxy appends its peer: from our own peer leftwards, the first address
 * that is not a trusted proxy is the client. Entries to the left of it, or of an entry that is not
 * an address, may be forged. If all are trusted, the left-most one is the client.
 */
void client_address(const struct networks *trusted, const char *peer, const char *const *forwarded,
                    size_t count, char out[CLIENT_ADDRESS_SIZE]);

#endif
