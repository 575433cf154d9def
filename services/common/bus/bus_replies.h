#ifndef COMMON_BUS_BUS_REPLIES_H
#define COMMON_BUS_BUS_REPLIES_H

#include <nats/nats.h>

/*
 * Who waits for which reply. All replies of a process come to one subscription, <inbox>.<number>;
 * the number, in hex, finds the waiter. Each waits by itself: a reply wakes one thread, and that
 * has no lock to share with others who wait. Of requests for which no thread waits, one thread
 * watches the deadlines. Functions of bus.h that are about requests are in this file.
 */
struct bus_replies;

struct bus_replies *bus_replies_create(void);

/* Whose request is still under way hears that it was in vain. */
void bus_replies_destroy(struct bus_replies **replies);

/* A reply has come. Takes it over. */
void bus_replies_take(struct bus_replies *replies, natsMsg *reply_take);

/* The connection went away: whoever waits, or only the one with this number, waits in vain. */
void bus_replies_break_all(struct bus_replies *replies);
void bus_replies_break(struct bus_replies *replies, uint64_t number);

#endif
