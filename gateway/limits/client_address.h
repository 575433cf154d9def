#ifndef GATEWAY_LIMITS_CLIENT_ADDRESS_H
#define GATEWAY_LIMITS_CLIENT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/networks.h"

enum { CLIENT_ADDRESS_SIZE = 64 };

/*
 * The address of the client that sent a request. `forwarded` are the values of its X-Forwarded-For
 * headers, in order. Each proxy appends its peer: from our own peer leftwards, the first address
 * that is not a trusted proxy is the client. Entries to the left of it, or of an entry that is not
 * an address, may be forged. If all are trusted, the left-most one is the client. An entry may have
 * a port, and an IPv6 address brackets. The result is in canonical form.
 */
void client_address(const struct networks *trusted, const char *peer, const char *const *forwarded,
                    size_t count, char out[CLIENT_ADDRESS_SIZE]);

/*
 * One spelling for each address: without brackets and port, IPv6 as RFC 5952 writes it, an IPv4
 * address inside IPv6 (::ffff:192.0.2.3) as IPv4. False: it is not an address.
 */
bool client_address_canonical(const char *text, char out[CLIENT_ADDRESS_SIZE]);

/* What is counted as one client: an IPv4 address, or the /64 network of an IPv6 address, which one
 * customer of a provider has whole. `address` is canonical; another text is its own group. */
void client_address_group(const char *address, char out[CLIENT_ADDRESS_SIZE]);

/* Whether a canonical address is of this machine. */
bool client_address_is_loopback(const char *address);

#endif
