#ifndef PRESENCE_GATEWAY_WATCH_H
#define PRESENCE_GATEWAY_WATCH_H

#include <stdbool.h>

#include "services/common/bus/bus.h"
#include "services/presence/presence_entry.h"

/*
 * Which gateways are alive: each publishes event.gateway.alive once a second. Measured with this
 * process's clock, so that clocks need not agree. From any thread.
 */
enum {
    GATEWAY_DEAD_MS = 6000,
    GATEWAY_RETURN_MS = 4000, /* the same after a pause in which none could be received */
};

struct gateway_watch;

enum status gateway_watch_start(struct bus *bus, struct gateway_watch **watch_out) MUST_CHECK;
void gateway_watch_stop(struct gateway_watch **watch);

/* A gateway that has users in the table: it counts as alive when it is first noted. */
void gateway_watch_note(struct gateway_watch *watch, const char *gateway_id);

/* This process was the one that could not receive: all gateways count as alive for
 * GATEWAY_RETURN_MS. */
void gateway_watch_forgive(struct gateway_watch *watch);

/* A gateway that has been silent for GATEWAY_DEAD_MS; false: there is none. */
bool gateway_watch_find_dead(struct gateway_watch *watch, char id_out[GATEWAY_ID_SIZE]);

/* Removes a gateway from the list: it has no users any more. */
void gateway_watch_forget(struct gateway_watch *watch, const char *gateway_id);

#endif
