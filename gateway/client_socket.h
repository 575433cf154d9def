#ifndef GATEWAY_CLIENT_SOCKET_H
#define GATEWAY_CLIENT_SOCKET_H

#include "gateway/gateway.h"

/* The life of a client's socket, from the upgrade to the close; `ctx` of each is the gateway. */
extern const struct http_websocket_handlers websocket_handlers;

/* Of socket_loop.h. */
void websocket_ready(void *ctx, uint64_t token, unsigned what);

/* Tells all sockets that the server goes (1001) and waits until they are gone, 3 s at most. */
void websocket_close_all(struct gateway *gateway);

#endif
