#ifndef GATEWAY_EDGE_EDGE_LOOP_H
#define GATEWAY_EDGE_EDGE_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/edge/edge_connection.h"
#include "services/common/base/status.h"

/*
 * One thread that accepts all connections, reads requests whole and writes answers. A request is
 * handed on when its last byte is here, so a slow client occupies memory, which is bounded, and no
 * thread:
 *
 * - One deadline for a request, from its first byte: EDGE_HEAD_MS for the head, EDGE_REQUEST_MS for
 *   all of it, however the bytes trickle; then 408. An answer has EDGE_ANSWER_MS to be received.
 *   Large ones get more, by the bytes that have passed: edge_connection_allow.
 * - `connections_max`: a further one takes the place of the one that has been reading for the
 *   longest time. `body_bytes_max` for all bodies being read: likewise, with 503.
 */
enum {
    EDGE_HEAD_MS = 10000,
    EDGE_REQUEST_MS = 25000,
    EDGE_ANSWER_MS = 10000,
    EDGE_IDLE_MS = 15000, /* between two requests */
    EDGE_LINGER_MS = 1000,
};

struct edge_loop;

enum edge_verdict {
    EDGE_READ_BODY, /* read the body, at most `body_max` bytes; then on_request */
    EDGE_ASK_FIRST, /* on_request before the body is read; edge_loop_read_body may follow */
    EDGE_ANSWERED,  /* do not read the body */
};

/* All are called on the loop's thread and must not block. */
struct edge_loop_options {
    const char *host; /* as edge_listen takes it */
    int port;
    size_t connections_max, body_bytes_max;
    /* A connection begins; false: it is closed. `on_end`: it has ended, or was detached. */
    bool (*on_begin)(void *ctx, const char *peer);
    void (*on_end)(void *ctx, const char *peer);
    /* The head is complete. May set `body_max`; it is 0 before. */
    enum edge_verdict (*on_head)(void *ctx, struct edge_connection *connection);
    /* The request is complete. The callee holds the connection until edge_loop_give_back. */
    void (*on_request)(void *ctx, struct edge_connection *connection);
    /* The request is refused with this status; has_head is false when it has none that can be
     * read. To be answered at once; the connection ends afterwards. */
    void (*on_refused)(void *ctx, struct edge_connection *connection, int status);
    /* The request is over, answered or not: `request` is not used any more. Not called if it is
     * NULL. */
    void (*on_over)(void *ctx, struct edge_connection *connection);
    void *ctx;
};

enum status edge_loop_start(const struct edge_loop_options *options,
                            struct edge_loop **loop_out) MUST_CHECK;
int edge_loop_port(const struct edge_loop *loop);

/* Stops listening, closes connections without a complete request, waits until those that are held
 * have been given back and answered, at most 5 s; ends the thread. Giving a connection back later
 * has no effect. */
void edge_loop_stop(struct edge_loop *loop);

/* After edge_loop_stop, when nobody holds a connection any more. */
void edge_loop_destroy(struct edge_loop **loop);

/* The holder has answered, or, after EDGE_ASK_FIRST, has set `body_max` for the body to be read,
 * after which on_request is called again. From any thread; does not block. */
void edge_loop_give_back(struct edge_loop *loop, struct edge_connection *connection,
                         bool read_body);

#endif
