#ifndef GATEWAY_PUSH_PRESENCE_REPORTER_H
#define GATEWAY_PUSH_PRESENCE_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/socket/registry.h"
#include "services/common/bus/bus.h"

/*
 * Tells the presence service who is online here. It does not send events but states: a user who
 * came or went is marked, and when the mark is worked off it is the registry that says which of the
 * two it is. What cannot be told is kept and told later; after a reconnect, when the service has
 * given this gateway up, and once a minute, everything is told anew. It also says every second
 * that this gateway lives. No socket ever waits for it.
 */
struct presence_reporter;

/* `gateway_id` is borrowed for ever. */
struct presence_reporter *presence_reporter_create(struct bus *bus, struct registry *registry,
                                                   const char *gateway_id,
                                                   int64_t offline_grace_ms);

/* Tells once more that all who are gone are gone. Waits 3 s at most, in all, for one who does not
 * answer. */
void presence_reporter_destroy(struct presence_reporter **reporter);

/* Has the service been told everything since the last (re)connection? */
bool presence_reporter_is_settled(struct presence_reporter *reporter);

/* The user came or went. From any thread; does not block. */
void presence_reporter_changed(struct presence_reporter *reporter, const char *key,
                               const char *tag);

/* Everything is to be told anew. From any thread. */
void presence_reporter_announce(struct presence_reporter *reporter);

#endif
