#ifndef PRESENCE_PRESENCE_H
#define PRESENCE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/bus/bus.h"
#include "services/common/base/status.h"
#include "services/presence/presence_table.h"

/*
 * Who is online, kept in a bucket of the bus (key: user, value: the set of gateways) that all
 * instances share, changed by compare-and-swap. Whoever wins the swap that makes a user's set
 * non-empty or empty publishes event.presence.online or .offline; a winner that died in between
 * leaves the mark "not announced", which any instance makes good after two seconds. If the winner
 * died between publishing and taking the mark off, the event comes twice, with the same number,
 * and the gateways drop the second; they also drop what is older than what they have pushed. No
 * instance holds anything that another cannot take over. All functions may be called from any
 * thread.
 */
struct presence;

/* `replicas`: on how many servers of the bus the bucket lies. */
enum status presence_start(struct bus *bus, int64_t replicas,
                           struct presence **presence_out) MUST_CHECK;
void presence_stop(struct presence **presence);

/* To be told of every (re)connection of the bus: the bucket may be gone with the server. */
void presence_bus_connected(struct presence *presence);

/* The first sockets of these users at this gateway, or the last ones closed: each user once. What
 * is no tag is left out. Safe to repeat. STATUS_UNAVAILABLE: not all now, try again. */
enum status presence_set(struct presence *presence, const char *gateway_id, char *const *tags,
                         size_t count, bool online) MUST_CHECK;

/* Everything a gateway holds, as in presence.proto. */
enum status presence_announce(struct presence *presence, const char *gateway_id, char *const *tags,
                              size_t count) MUST_CHECK;

/* Is the bucket open? */
bool presence_is_ready(struct presence *presence);

bool presence_is_online(struct presence *presence, const char *tag);

/* The user's state and its change; false when nothing is known of the user. */
bool presence_look_up(struct presence *presence, const char *tag, uint64_t *change_out,
                      bool *online_out);

#endif
