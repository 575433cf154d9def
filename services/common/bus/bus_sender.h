#ifndef COMMON_BUS_BUS_SENDER_H
#define COMMON_BUS_BUS_SENDER_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/common/bus/bus_loop.h"
#include "services/common/bus/bus_replies.h"

/*
 * Brings messages onto the connection. The library sends each by itself, with a system call that is
 * made under a lock of all threads; where many threads publish, most of the time goes there. So
 * here whoever finds nobody sending sends, also for those who come meanwhile, who need not wait;
 * and what has gathered goes to the kernel in one piece (bus_loop.h). At rest, a message is sent
 * by its own thread before the call returns.
 *
 * Messages of one thread keep their order. While much waits (SENDER_BYTES_MOST), whoever brings
 * more waits, too: so does a server that is slow make its clients slow. The thread that reads must
 * not wait: as much later, what it brings cannot be sent.
 */
struct bus_sender;

enum { SENDER_BYTES_MOST = 8 * 1024 * 1024 };

/* `replies` hear which requests could not be sent. Both are borrowed. */
struct bus_sender *bus_sender_create(struct bus_replies *replies, struct bus_loop *loop);
void bus_sender_destroy(struct bus_sender **sender);

/* Before the first message, and after each connect to a server. Borrowed, the same each time. */
void bus_sender_set_connection(struct bus_sender *sender, natsConnection *nats);

/* Takes the message over. `request`: whose it is, 0 for none. That it cannot be sent is told to the
 * replies, or logged. */
void bus_sender_send(struct bus_sender *sender, natsMsg *message_take, uint64_t request);

/* What this thread sends from now on may wait for the end of the same, to go out together. False
 * when it holds already; one release ends it in any case. */
bool bus_sender_hold(struct bus_sender *sender);
void bus_sender_release(struct bus_sender *sender);

/* Returns when all that has been given has been sent. */
void bus_sender_settle(struct bus_sender *sender);

#endif
