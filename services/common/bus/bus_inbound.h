#ifndef COMMON_BUS_BUS_INBOUND_H
#define COMMON_BUS_BUS_INBOUND_H

#include <nats/nats.h>
#include <stdbool.h>

#include "services/common/bus/bus_message.h"

/*
 * Routes messages from NATS to their receivers: replies, recognised by the inbox prefix, and the
 * messages of subscriptions, found by subject. A message is taken while a read is in progress and
 * dispatched after it.
 *
 * A subject that two subscriptions of this process match arrives once for each of them, and nothing
 * selects the receiver. Such messages are not taken: the library delivers them, on its own
 * threads.
 */
struct bus_inbound;

/* The handler of one subscription; counted references. */
struct bus_receiver;

/* `on_reply` owns the reply; called by bus_inbound_dispatch. `ctx` is borrowed. */
struct bus_inbound *bus_inbound_create(void (*on_reply)(void *ctx, natsMsg *reply_take), void *ctx);
void bus_inbound_destroy(struct bus_inbound **inbound);

/* Messages whose subject begins with `prefix` are replies. Borrowed. Asserts that it is called once
 * and before any message is taken. */
void bus_inbound_set_inbox(struct bus_inbound *inbound, const char *prefix);

/* Registers a receiver; bus_inbound_remove ends the registration and drops the reference. The
 * subject is copied. */
struct bus_receiver *bus_inbound_add(struct bus_inbound *inbound, const char *subject,
                                     bus_handler *handler, void *ctx);
void bus_inbound_remove(struct bus_inbound *inbound, struct bus_receiver **receiver);

/* True: the message is owned by this now. False: the library must deliver it. */
bool bus_inbound_take(struct bus_inbound *inbound, natsMsg *message);

/* Calls the handlers of the messages taken, in order. On the thread that takes. */
void bus_inbound_dispatch(struct bus_inbound *inbound);

struct bus_receiver *bus_receiver_ref(struct bus_receiver *receiver);
void bus_receiver_unref(struct bus_receiver **receiver);

/* Calls the handler, or frees the message when the receiver has ended. */
void bus_receiver_deliver(struct bus_receiver *receiver, natsMsg *message_take);

/* The handler is not called again, except by a call already in progress. */
void bus_receiver_end(struct bus_receiver *receiver);

#endif
