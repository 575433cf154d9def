#ifndef GATEWAY_WRITER_H
#define GATEWAY_WRITER_H

#include <stdint.h>

/*
 * One thread that says when sockets that were full take bytes again, and that ticks. Nothing here
 * ever blocks on a socket: a stuck client costs the memory of its outbox and nobody's time.
 */
struct writer;

struct writer_options {
    /* The socket of `token` takes bytes again, or is broken. Said once for each writer_arm. The
     * session of that token may be gone. */
    void (*on_writable)(void *ctx, uint64_t token);
    void (*on_tick)(void *ctx, int64_t now_ms); /* about every WRITER_TICK_MS */
    void *ctx;
};
enum { WRITER_TICK_MS = 250 };

struct writer *writer_create(const struct writer_options *options);
void writer_destroy(struct writer **writer);

/* From any thread. The kernel forgets the socket when it is closed. */
void writer_arm(struct writer *writer, int socket, uint64_t token);

#endif
