#ifndef GATEWAY_HTTP_HTTP_SERVER_H
#define GATEWAY_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"

/*
 * The HTTP server; the only file that knows the library (civetweb). One thread of it serves one
 * connection at a time; a WebSocket's only up to the handshake, and then the socket is handed over.
 * Handlers run on that thread and may block; they answer every request exactly once.
 */
struct http_server;
struct http_request;

struct http_websocket_handlers {
    /*
     * An upgrade is asked for. Either makes `*socket_out` and returns true (the handshake is done
     * then, and `open` or `abandon` comes), or answers the request and returns false.
     */
    bool (*upgrade)(void *ctx, struct http_request *request, void **socket_out);
    /* The handshake went out. `fd` is handed over: what comes next on it is the first frame. */
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

/* STATUS_UNAVAILABLE when the port is taken or may not be used; it has logged why. */
enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out) MUST_CHECK;
int http_server_port(const struct http_server *server);

/* Waits until every connection's thread has ended; that nobody connects meanwhile costs no time. */
void http_server_stop(struct http_server **server);

#endif
