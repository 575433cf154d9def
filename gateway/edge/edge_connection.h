#ifndef GATEWAY_EDGE_EDGE_CONNECTION_H
#define GATEWAY_EDGE_EDGE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/edge/chunked.h"
#include "gateway/edge/edge_listen.h"
#include "gateway/edge/http_head.h"
#include "services/common/base/buffer.h"

/*
 * A connection of a client: one request at a time, from its first byte to the last byte of the
 * answer. It belongs either to the loop, which reads and writes (edge_loop.h), or to the thread
 * that answers the request. Not thread-safe.
 */
enum edge_state {
    EDGE_HEAD,   /* reads a head, or waits for its first byte */
    EDGE_BODY,   /* reads the body */
    EDGE_HELD,   /* the request is being answered */
    EDGE_ANSWER, /* writes the rest of an answer */
    EDGE_LINGER, /* the answer is out; reads on until the client closes */
    EDGE_DEAD,   /* closed; its memory is freed at the end of the loop's round */
};

struct edge_connection {
    int socket;
    char peer[EDGE_ADDRESS_SIZE];
    enum edge_state state;
    int64_t begin_ms, deadline_ms; /* of what it does in this state; see edge_loop.c */
    size_t index;                  /* in the loop's array */
    unsigned events;               /* watched by epoll; 0 = not watched */

    struct buffer in; /* received, not yet consumed */
    struct http_head_scan scan;
    struct http_head head;
    bool has_head;
    bool body_is_complete;
    size_t body_max;
    struct chunked chunked;
    struct buffer body;
    size_t body_counted; /* bytes of it in the loop's sum */
    bool reads_next;     /* given back for its body to be read */

    struct buffer out; /* the answer; `sent` bytes of it are out */
    size_t sent;
    bool closes;                         /* after the answer */
    size_t linger_left;                  /* bytes that are still read and discarded */
    void (*detached)(void *ctx, int fd); /* gets the socket once the answer is out */
    void (*abandoned)(void *ctx);        /* or this is called */
    void *detached_ctx;

    void *request; /* of the answering thread */
};

struct edge_connection *edge_connection_create(int socket, const char *peer);

/* Closes the socket, unless it is -1, and frees all but `request`. */
void edge_connection_destroy(struct edge_connection **connection);

/* The results of the two functions below: more bytes are needed; the head or the body is complete;
 * or the status of HTTP to refuse the request with. */
enum { EDGE_MORE = 0, EDGE_COMPLETE = 200, EDGE_TOO_LARGE = 413 };

/*
 * Of a body or an answer, the bytes from `before` to `now` have passed: the deadline moves by what
 * they take at EDGE_LEAST_BYTES_PER_SECOND. So a large one may take longer on a slow line, and a
 * line that is slower than that is cut off.
 */
enum { EDGE_LEAST_BYTES_PER_SECOND = 32 * 1024 };
void edge_connection_allow(struct edge_connection *connection, size_t before, size_t now);

/* Consumes what has been received of a head. */
int edge_connection_take_head(struct edge_connection *connection);

/* Consumes what has been received of the body, at most `body_max` bytes. */
int edge_connection_take_body(struct edge_connection *connection);

/* Sends 100 (Continue) if the client waits for it (RFC 9110 section 10.1.1): nothing of the body is
 * here yet. Its few bytes always fit in an idle socket's buffer. */
void edge_connection_expect_body(const struct edge_connection *connection);

/* The answer is out: the next bytes are a head. */
void edge_connection_next(struct edge_connection *connection);

/* --- the answering thread --------------------------------------------------------------------- */

/* Adds to the answer. */
void edge_connection_answer(struct edge_connection *connection, const void *bytes, size_t length);

#endif
