#ifndef COMMON_BASE_NETWORKS_H
#define COMMON_BASE_NETWORKS_H

#include <stdbool.h>

/*
 * A list of IPv4 and IPv6 addresses and ranges: "127.0.0.1, 10.0.0.0/8, fd00::/8". An IPv4 address
 * written as an IPv6 one (::ffff:10.0.0.1) is the IPv4 address. Constant once made.
 */
struct networks;

enum { NETWORKS_ENTRY_SIZE = 64 };

/* Entries are separated by commas or spaces. NULL when one is invalid: `bad_out` then holds it,
 * truncated. */
struct networks *networks_parse(const char *list, char bad_out[NETWORKS_ENTRY_SIZE]);
void networks_destroy(struct networks **networks);

/* False also for what is no address. */
bool networks_contain(const struct networks *networks, const char *address);

/* Whether the text is a single address. */
bool networks_is_address(const char *text);

#endif
