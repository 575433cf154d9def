#ifndef GATEWAY_HTTP_HTTP_SERVER_H
#define GATEWAY_HTTP_HTTP_SERVER_H

#include <stdbool.h>

#include "services/common/base/status.h"

/*
 * The HTTP server, by civetweb. Each of its threads serves one connection at a time; that of a
 * WebSocket up to the handshake, after which `open` owns the socket. Handlers run on that thread
 * and may block; they answer every request exactly once.
 */
struct http_server;
struct http_request;

struct http_websocket_handlers {
    /*
     * A client requests an upgrade. Either creates `*socket_out` and returns true: then the
     * handshake is sent, and `open` or `abandon` is called. Or answers the request and returns
     * false.
     */
    bool (*upgrade)(void *ctx, struct http_request *request, void **socket_out);
    /* The handshake has been sent. Owns `fd`; the next bytes on it are the first frame. */
    void (*open)(void *ctx, void *socket, int fd);
    /* The handshake failed. */
    void (*abandon)(void *ctx, void *socket);
    void *ctx;
};

struct http_server_options {
    const char *host; /* address to listen on; "" = all */
    int port;         /* 0 = any */
    void (*on_request)(void *ctx, struct http_request *request);
    void *ctx; /* of on_request */
    struct http_websocket_handlers websocket;
};

/* STATUS_UNAVAILABLE, logged, when the port is in use or not permitted. */
enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out) MUST_CHECK;
int http_server_port(const struct http_server *server);

/* Waits until every connection's thread has ended. */
void http_server_stop(struct http_server **server);

#endif
