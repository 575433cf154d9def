#ifndef COMMON_BUS_BUS_INBOUND_H
#define COMMON_BUS_BUS_INBOUND_H

#include <nats/nats.h>
#include <stdbool.h>

#include "services/common/bus/bus_replies.h"

/*
 * What comes from NATS and whom it is for: replies, which are found by their number, and the
 * messages of subscriptions, which are found by their subject. Taken while a read goes on, handed
 * on after it. Functions of bus.h that are about subscribing are in this file.
 *
 * A subject that two subscriptions of this process match comes once for each, and nothing says
 * which is meant; so these are not taken, and the library delivers them, on threads of its own.
 */
struct bus_inbound;

/* `replies` is borrowed. */
struct bus_inbound *bus_inbound_create(struct bus_replies *replies);
void bus_inbound_destroy(struct bus_inbound **inbound);

/* Before the connection is made: what begins with `prefix` are replies. Borrowed. */
void bus_inbound_set_inbox(struct bus_inbound *inbound, const char *prefix);

/* True when the message has been taken over; else the library is to deliver it. */
bool bus_inbound_take(struct bus_inbound *inbound, natsMsg *message);

/* Hands on what has been taken, in order. On the thread that takes. */
void bus_inbound_hand_on(struct bus_inbound *inbound);

#endif
