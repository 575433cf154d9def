#ifndef PRESENCE_GATEWAY_WATCH_H
#define PRESENCE_GATEWAY_WATCH_H

#include <stdbool.h>

#include "services/common/bus/bus.h"
#include "services/presence/presence_table.h"

/*
 * Which gateways live: they say so every second (event.gateway.alive). By this process's own clock,
 * so that nobody's time has to agree with anybody's. From any thread.
 */
enum { GATEWAY_DEAD_MS = 6000 };

struct gateway_watch;

enum status gateway_watch_start(struct bus *bus, struct gateway_watch **watch_out) MUST_CHECK;
void gateway_watch_stop(struct gateway_watch **watch);

/* A gateway that somebody is online at: it counts as alive from when it is first seen so. */
void gateway_watch_note(struct gateway_watch *watch, const char *gateway_id);

/* All count as heard of just now: it was we who did not hear. */
void gateway_watch_forgive(struct gateway_watch *watch);

/* Takes a gateway that has been silent for GATEWAY_DEAD_MS off the list; false: there is none. */
bool gateway_watch_take_dead(struct gateway_watch *watch, char id_out[GATEWAY_ID_SIZE]);

#endif
