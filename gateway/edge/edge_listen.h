#ifndef GATEWAY_EDGE_EDGE_LISTEN_H
#define GATEWAY_EDGE_EDGE_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>

#include "services/common/base/status.h"

/*
 * Opens the sockets that a host and a port stand for, non-blocking: all addresses of a name, or
 * one address ("127.0.0.1", "::1", "[::1]"). "" and "::" are all addresses of both families where
 * the kernel has IPv6; "" is all of IPv4 where it has not. With port 0 all sockets get one port
 * that is free. STATUS_UNAVAILABLE, logged with the reason, when an address cannot be listened on.
 */
enum { EDGE_LISTEN_MAX = 8, EDGE_ADDRESS_SIZE = 64 };

enum status edge_listen(const char *host, int port, int sockets_out[EDGE_LISTEN_MAX],
                        size_t *count_out, int *port_out) MUST_CHECK;

/* The address of a peer as text; of an IPv4 client of an IPv6 socket, the IPv4 address. */
void edge_listen_peer(const struct sockaddr_storage *address, char out[EDGE_ADDRESS_SIZE]);

#endif
