#ifndef PRESENCE_PRESENCE_H
#define PRESENCE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus.h"
#include "services/presence/presence_table.h"

/*
 * Which users are online, kept in a bucket of the bus (key: user, value: the set of gateways) that
 * all instances share and change by compare-and-swap. The instance whose swap makes a user's set
 * non-empty or empty publishes event.presence.online or .offline, or, while an earlier event of the
 * user is in flight, leaves that to the instance that receives its acknowledgement
 * (presence_entry.h). If an instance dies meanwhile, the entry keeps the mark "not announced", and
 * any instance publishes the event again after two seconds, with the same number: the gateways drop
 * the duplicate. No instance has state that another cannot rebuild. All functions may be called
 * from any thread.
 */
struct presence;

/* `replicas`: the number of NATS servers that keep the bucket. */
enum status presence_start(struct bus *bus, int64_t replicas,
                           struct presence **presence_out) MUST_CHECK;
void presence_stop(struct presence **presence);

/* To be called after each (re)connect of the bus: the bucket may have been lost with the server. */
void presence_bus_connected(struct presence *presence);

/* The first sockets of these users at this gateway were opened, or the last ones closed; each user
 * at most once. Invalid tags are skipped. Idempotent. STATUS_UNAVAILABLE: not all were changed;
 * retry. Nothing is begun after `deadline_us` (clock_mono_us). */
enum status presence_set(struct presence *presence, const char *gateway_id, char *const *tags,
                         size_t count, bool online, int64_t deadline_us) MUST_CHECK;

/* All users that a gateway holds, as in presence.proto; otherwise as presence_set. */
enum status presence_announce(struct presence *presence, const char *gateway_id, char *const *tags,
                              size_t count, int64_t deadline_us) MUST_CHECK;

/* Whether the users' states are known: the bucket is open, or is being opened again
 * (presence_bucket_is_known). */
bool presence_is_ready(struct presence *presence);

/* `change_out`: the number of the last change from offline to online or back; 0 without one. */
bool presence_is_online(struct presence *presence, const char *tag, uint64_t *change_out);

/* The last event that was published of the user: its number and state. A newer change follows as an
 * event. False for a user that was never online. */
bool presence_last_event(struct presence *presence, const char *tag, uint64_t *change_out,
                         bool *online_out);

#endif
