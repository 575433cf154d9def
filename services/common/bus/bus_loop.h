#ifndef COMMON_BUS_BUS_LOOP_H
#define COMMON_BUS_BUS_LOOP_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Reads the connection's socket on one thread, ours or the program's, and writes it on any thread
 * that sends. The library would read on its own thread, pass each message to another one, and write
 * each message with a system call; where waking a thread costs more than the work it does, most of
 * the time goes there. As the library's external event loop (natsOptions_SetEventLoop) we decide
 * when it reads and writes: the messages of one read are handled by the thread that has read them,
 * in one round, and the messages of many threads are written with one system call.
 */
struct bus_loop;

struct bus_loop_events {
    /* A message has been read. True: the callee owns it; false: the library must deliver it. Called
     * during the read; must not use the connection. */
    bool (*take)(void *ctx, natsMsg *message);
    /* Called after each read; may publish. */
    void (*round)(void *ctx);
    void *ctx;
};

/* `events` is copied. The loop's thread starts with bus_loop_take_back. */
struct bus_loop *bus_loop_create(const struct bus_loop_events *events);

/* After the connection was closed, before it is destroyed. */
void bus_loop_destroy(struct bus_loop **loop);

/*
 * Stops the loop's own thread until bus_loop_take_back. Meanwhile the caller calls bus_loop_work,
 * on one thread at a time, whenever the returned descriptor is readable (level-triggered). The
 * descriptor is owned by the loop.
 */
int bus_loop_lend(struct bus_loop *loop);
void bus_loop_work(struct bus_loop *loop);
void bus_loop_take_back(struct bus_loop *loop);

/* Sets the options of the next connection; one connection at a time. */
natsStatus bus_loop_serve(struct bus_loop *loop, natsOptions *options);

/* The message is written to the socket by the next bus_loop_flush, which the caller must call. */
natsStatus bus_loop_publish(struct bus_loop *loop, natsConnection *nats, natsMsg *message);

/*
 * Writes the published messages to the socket, unless another thread is doing so. Blocks while the
 * socket's buffer is full, except on the thread that reads: the server may be waiting for that
 * thread, and the write is resumed when the socket is writable. Gives up at the end of
 * bus_loop_end_by.
 */
void bus_loop_flush(struct bus_loop *loop);

/* Whether the calling thread is the one that reads, and must not wait for the server. */
bool bus_loop_reads_here(const struct bus_loop *loop);

/* bus_end_by: nothing may wait longer; who waits looks again after BUS_LOOP_LOOK_MS. */
enum { BUS_LOOP_LOOK_MS = 100 };
void bus_loop_end_by(struct bus_loop *loop, int64_t until_us);
int64_t bus_loop_end_us(const struct bus_loop *loop); /* INT64_MAX: there is none */
bool bus_loop_is_over(const struct bus_loop *loop);
int64_t bus_loop_clip_ms(const struct bus_loop *loop, int64_t ms); /* as bus_clip_ms */

/* Returns when all messages read before the call have been handled, or after `timeout_ms`. Not on
 * the thread that reads (asserted). */
void bus_loop_settle(struct bus_loop *loop, int64_t timeout_ms);

#endif
