#ifndef GATEWAY_LIMITS_CLIENT_ADDRESS_H
#define GATEWAY_LIMITS_CLIENT_ADDRESS_H

#include <stddef.h>

#include "services/common/base/networks.h"

enum { CLIENT_ADDRESS_SIZE = 64 };

/*
 * Where a request came from. `forwarded` are the values of its X-Forwarded-For headers in their
 * order. Every proxy adds its peer at the right: walking leftwards from our own peer, the first
 * address that is no trusted proxy is the client. What stands left of it, or of something that is
 * no address, is anybody's word. If all are trusted, the left-most one is the client.
 */
void client_address(const struct networks *trusted, const char *peer, const char *const *forwarded,
                    size_t count, char out[CLIENT_ADDRESS_SIZE]);

#endif
