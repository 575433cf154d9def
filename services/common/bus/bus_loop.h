#ifndef COMMON_BUS_BUS_LOOP_H
#define COMMON_BUS_BUS_LOOP_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The connection's socket, read by one thread of ours, or of our user's, and written by whoever has
 * something to send. The library would read on a thread of its own, give each message to another to
 * be handled, and write each with a system call of its own; where waking a thread costs more than
 * what it then does, most of the time goes there. As its external event loop
 * (natsOptions_SetEventLoop) we say when it reads and writes: what one read has brought is handled
 * by the thread that has read it, in one round, and what many publish goes out with one system
 * call.
 */
struct bus_loop;

struct bus_loop_events {
    /* A message has been read: true when it has been taken over. Otherwise the library delivers
     * it. While it reads; must not use the connection. */
    bool (*take)(void *ctx, natsMsg *message);
    /* After each read; may publish. */
    void (*round)(void *ctx);
    void *ctx;
};

/* `events` is copied. The loop's thread starts with bus_loop_take_back. */
struct bus_loop *bus_loop_create(const struct bus_loop_events *events);

/* When the connection is closed, before it is destroyed. */
void bus_loop_destroy(struct bus_loop **loop);

/*
 * Ends the loop's own thread, until it is given back: whenever the descriptor is readable (it stays
 * so until then), somebody calls bus_loop_work, one thread at a time. The descriptor is the loop's.
 */
int bus_loop_lend(struct bus_loop *loop);
void bus_loop_work(struct bus_loop *loop);
void bus_loop_take_back(struct bus_loop *loop);

/* For a connection that is about to be made; one at a time. */
natsStatus bus_loop_serve(struct bus_loop *loop, natsOptions *options);

/* What is published goes to the socket with the next flush, which the caller promises. */
natsStatus bus_loop_publish(struct bus_loop *loop, natsConnection *nats, natsMsg *message);

/*
 * Brings to the socket what has been published, or leaves it to a thread that is at it already.
 * While the server takes no more, this waits; but not on the thread that works for the loop, which
 * goes on when it takes more: for the server may in turn wait for us to read.
 */
void bus_loop_flush(struct bus_loop *loop);

/* Whether the calling thread is the one that works for the loop, and must not wait for the server.
 */
bool bus_loop_reads_here(const struct bus_loop *loop);

/* Returns when what was read before the call has been handled, or after `timeout_ms`. Not from the
 * thread that works for the loop. */
void bus_loop_settle(struct bus_loop *loop, int64_t timeout_ms);

#endif
