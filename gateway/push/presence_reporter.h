#ifndef GATEWAY_PUSH_PRESENCE_REPORTER_H
#define GATEWAY_PUSH_PRESENCE_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/socket/registry.h"
#include "services/common/bus/bus.h"

/*
 * Reports to the presence service which users are online here. It reports states, not events: a
 * user whose first socket opened or last one closed is marked, and when the mark is processed, the
 * registry has the state. A report that fails is retried. After a reconnect, when the service has
 * given this gateway up or has rebuilt the bucket, and once a minute, all users are announced,
 * which replaces the marks. So it does when there are more than PRESENCE_MARKS_MAX marks. Once a
 * second it publishes that this gateway is alive. No socket waits for it.
 */
enum { PRESENCE_MARKS_MAX = 16384 };

struct presence_reporter;

/* `gateway_id` is borrowed until presence_reporter_destroy. */
struct presence_reporter *presence_reporter_create(struct bus *bus, struct registry *registry,
                                                   const char *gateway_id,
                                                   int64_t offline_grace_ms);

/* Announces once more, so that all departed users are offline. Waits at most 3 s in all for a
 * service that does not answer, and for the drain of its subscription (bus_subscription.h). */
void presence_reporter_destroy(struct presence_reporter **reporter);

/* Whether all users have been announced since the last (re)connection. */
bool presence_reporter_is_settled(struct presence_reporter *reporter);

/* The user's first socket was opened, or the last one closed. From any thread; does not block. */
void presence_reporter_changed(struct presence_reporter *reporter, const char *key,
                               const char *tag);

/* All users must be announced again. From any thread; does not block. */
void presence_reporter_announce(struct presence_reporter *reporter);

#endif
