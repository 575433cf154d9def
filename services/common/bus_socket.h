#ifndef COMMON_BUS_SOCKET_H
#define COMMON_BUS_SOCKET_H

#include <nats/nats.h>

/*
 * The socket of the connection to NATS, to hold back what is written (TCP_CORK, tcp(7)). The
 * library does not show it, but tells its local port, by which it is found among this process's
 * descriptors. Where it is not found, as without TCP, nothing is held back. From any thread.
 */
struct bus_socket;

struct bus_socket *bus_socket_create(void);
void bus_socket_destroy(struct bus_socket **socket);

/* Looks for it; to be called after each connect. */
void bus_socket_find(struct bus_socket *socket, natsConnection *nats);

/* What is written in between goes out in as few packets as it fits in. */
void bus_socket_cork(struct bus_socket *socket);
void bus_socket_uncork(struct bus_socket *socket);

#endif
