#ifndef GATEWAY_PUSH_RESYNC_H
#define GATEWAY_PUSH_RESYNC_H

#include <stdatomic.h>

#include "event.pb-c.h"

/*
 * While the bus was disconnected, or when it has dropped messages, events may be missed that are
 * not part of a user's sequence (those are the task of feeds.h): contacts that went online or
 * offline, tokens that were revoked. They are fetched, user by user, and delivered if they were
 * missed. So is what a user may see of another one when that has changed. One thread; a call that
 * fails is retried until it succeeds.
 */
struct resync;

struct resync_options { /* all borrowed until resync_destroy */
    struct bus *bus;
    struct deliver *deliver;
    struct registry *registry;
    struct logouts *logouts;
    const atomic_bool *stopping; /* the gateway is: nothing more is fetched */
};

enum { RESYNC_TIMEOUT_MS = 2000 }; /* of each call */

/* `options` is copied. */
struct resync *resync_create(const struct resync_options *options);

/* Waits for the call in progress: at most RESYNC_TIMEOUT_MS after `stopping` was set. */
void resync_destroy(struct resync **resync);

/* Begins to fetch missed events for all users. From any thread; does not block. */
void resync_begin(struct resync *resync);

/* What the user may see of another one has changed: fetches what that is now, and delivers it. From
 * any thread; does not block. */
void resync_visibility(struct resync *resync, const char *key,
                       const Messenger__VisibilityChange *change);

/* A user has received an answer without presence, because the service did not reply: delivers the
 * contacts that are online as soon as it does. From any thread; does not block. */
void resync_presence(struct resync *resync, const char *key);

#endif
