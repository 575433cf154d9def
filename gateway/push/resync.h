#ifndef GATEWAY_PUSH_RESYNC_H
#define GATEWAY_PUSH_RESYNC_H

#include <stdatomic.h>

/*
 * When the bus was away, or has dropped something, facts may have gone by that have no place in
 * anybody's sequence (which feeds.h looks after): contacts who came or went, tokens that were
 * revoked. They are asked for, user by user, and told if they were not. One thread; what cannot be
 * asked now is asked again until it can.
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

/* Waits for the call that is under way: RESYNC_TIMEOUT_MS at most, since `stopping` of the
 * gateway was set. */
void resync_destroy(struct resync **resync);

/* From any thread; does not block. */
void resync_begin(struct resync *resync);

/* A user was given an answer in which nobody is online, for nobody knew: those who are will be told
 * as soon as it is known. Likewise. */
void resync_presence(struct resync *resync, const char *key);

#endif
