#ifndef GATEWAY_PUSH_FEED_H
#define GATEWAY_PUSH_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"

/*
 * What is pushed to one user: every change once, in the order of the user sequence, without holes.
 * The bus may drop a notification, bring it twice, or late through another instance; the feed holds
 * back what comes after a hole until the missing ones are there, from the bus or from the store.
 *
 * Until the position is known, everything is held: a client must not read a state of which the feed
 * does not know what follows. Knows no bus and no time; not thread-safe, the owner locks. A zeroed
 * struct is a feed that knows nothing.
 */
enum { FEED_HELD_MAX = 64 };

struct feed {
    bool known;                     /* is the position? */
    uint64_t position;              /* everything up to it has been pushed */
    uint64_t newest;                /* the greatest number that was ever heard of */
    Messenger__Notification **held; /* by user_seq, rising, all after the position */
    size_t held_count;
};

/* Where notifications go; borrowed for the call. Must not block. While there is no room, a change
 * is kept back as if it were missing: the store has it, and tells it again when there is. */
struct feed_outlet {
    void (*push)(void *ctx, const Messenger__Notification *notification);
    bool (*has_space)(void *ctx);
    void *ctx;
};

/* One from the bus. What has no number (presence) is pushed at once. */
void feed_take(struct feed *feed, Messenger__Notification *notification_take,
               const struct feed_outlet *outlet);

/*
 * The store says how far it has come. The first time it becomes the position: what was held goes
 * out, whether before it or right after it. Later a number beyond the position shows a hole.
 */
void feed_note_newest(struct feed *feed, uint64_t newest, const struct feed_outlet *outlet);

/* Is something known to be missing? */
bool feed_has_hole(const struct feed *feed);

/*
 * All changes after the position up to `complete_to`, read from the store, by user_seq. One that is
 * held goes out as the bus brought it: it knows which session has caused it. False when there was
 * no room for all of them; the rest is missing still.
 */
bool feed_fill(struct feed *feed, Messenger__Notification *const *changes, size_t count,
               uint64_t complete_to, const struct feed_outlet *outlet);

/* Gives up what is missing before the first that is held: the store has nothing of it. */
void feed_skip_hole(struct feed *feed, const struct feed_outlet *outlet);

/* Forgets everything, the position too. */
void feed_forget(struct feed *feed);

#endif
