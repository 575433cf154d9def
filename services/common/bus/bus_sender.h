#ifndef COMMON_BUS_BUS_SENDER_H
#define COMMON_BUS_BUS_SENDER_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/common/bus/bus_loop.h"

/*
 * Writes messages to the connection. The library sends each message by itself, with a system call
 * under a lock that all threads share; where many threads publish, most of the time goes there.
 * Here a thread that finds no other thread sending sends, also the messages that others enqueue
 * meanwhile, so they need not wait; and what has gathered reaches the kernel with one system call
 * (bus_loop.h). Without contention, a message is sent by its own thread before the call returns.
 *
 * Messages of one thread keep their order. While BUS_SENDER_BYTES_MAX or more are pending, senders
 * block: a slow server makes its clients slow. The thread that reads must not block; above the
 * limit its messages are refused instead.
 */
struct bus_sender;

enum { BUS_SENDER_BYTES_MAX = 8 * 1024 * 1024 };

/* A request could not be sent. */
typedef void bus_sender_unsent(void *ctx, uint64_t request);

/* `loop` and `ctx` are borrowed. `on_unsent` is called on the sending thread, without a lock. */
struct bus_sender *bus_sender_create(struct bus_loop *loop, bus_sender_unsent *on_unsent,
                                     void *ctx);
void bus_sender_destroy(struct bus_sender **sender);

/* Before the first message, and after each connect to a server. Borrowed, the same each time. */
void bus_sender_set_connection(struct bus_sender *sender, natsConnection *nats);

/* `request`: the number of the request that the message carries, 0 for none. A message that cannot
 * be sent is reported to `on_unsent` when it is a request; else it is logged and dropped. */
void bus_sender_send(struct bus_sender *sender, natsMsg *message_take, uint64_t request);

/* Messages of this thread may wait until the release, to go out together. False when the thread
 * holds already; one release ends the hold in any case. */
bool bus_sender_hold(struct bus_sender *sender);
void bus_sender_release(struct bus_sender *sender);

/* Returns when every message enqueued before has been sent or refused, or at the end of
 * bus_loop_end_by. */
void bus_sender_settle(struct bus_sender *sender);

#endif
