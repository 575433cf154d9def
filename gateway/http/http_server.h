#ifndef GATEWAY_HTTP_HTTP_SERVER_H
#define GATEWAY_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/status.h"

/*
 * The HTTP server. One thread reads all requests and writes all answers (edge_loop.h). A handler
 * that may block runs on a thread of its own (http_workers.h), once its request is here whole. Each
 * request is answered exactly once.
 */
struct http_server;
struct http_request;

/* What is next for a request whose head is here. */
enum http_next {
    HTTP_NEXT_NOTHING, /* it has been answered */
    HTTP_NEXT_QUICK,   /* read the body, then `on_request` on the same thread: it does not block */
    HTTP_NEXT_WORKER,  /* read the body, then `on_request` on a worker */
    HTTP_NEXT_ASK,     /* `on_request` on a worker before the body is read: see http_want_body */
};

enum { HTTP_SERVER_BODY_MAX = 64 * 1024 /* except of http_want_body */ };

struct http_websocket_handlers {
    /*
     * A client requests an upgrade; on a worker. Either creates `*socket_out` and returns true:
     * then the handshake is sent, and `open` or `abandon` is called. Or answers the request and
     * returns false.
     */
    bool (*upgrade)(void *ctx, struct http_request *request, void **socket_out);
    /* The handshake has been sent. Owns `fd`; the next bytes on it are the first frame. */
    void (*open)(void *ctx, void *socket, int fd);
    /* The handshake failed. */
    void (*abandon)(void *ctx, void *socket);
    void *ctx;
};

struct http_server_options {
    const char *host; /* to listen on; see edge_listen.h */
    int port;         /* 0 = any */
    size_t connections_max;

    /* On the server's thread; they must not block. `admit` may be NULL, with `leave`. */
    bool (*admit)(void *ctx, const char *peer); /* false: the new connection is closed */
    void (*leave)(void *ctx, const char *peer); /* it has ended */
    enum http_next (*on_head)(void *ctx, struct http_request *request);
    void (*on_refused)(void *ctx, struct http_request *request, int status); /* answers */
    void (*on_over)(void *ctx, struct http_request *request);

    void (*on_request)(void *ctx, struct http_request *request);
    void *ctx;
    struct http_websocket_handlers websocket;
};

/* STATUS_UNAVAILABLE, logged, when the port is in use or not permitted. */
enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server_out) MUST_CHECK;
int http_server_port(const struct http_server *server);

/* Stops listening, finishes the requests that are here whole, ends the threads. */
void http_server_stop(struct http_server **server);

#endif
