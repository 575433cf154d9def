#ifndef GATEWAY_PUSH_FEED_H
#define GATEWAY_PUSH_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"

/*
 * The notifications of one user: every change once, in the order of the user sequence, without
 * holes. The bus may drop a notification, duplicate it, or deliver it late through another
 * instance; the feed holds back those after a hole until the missing ones arrive from the bus or
 * from the store.
 *
 * A long step in the numbers is where a process of the message service began, perhaps on a store
 * that was turned back (services/message/store/sqlite/lineage.h). A change that is received late,
 * with a number within it, is then one that the store has lost, and clients may have read it in a
 * list: the store is asked whether it knows the number.
 *
 * Until the position is known, all notifications are held back. Has no bus and no clock; not
 * thread-safe, the owner locks. A zeroed struct is a feed without a position.
 */
enum { FEED_HELD_MAX = 64, FEED_LONG_STEP = 1 << 16 };

struct feed {
    bool known;                     /* whether the position is */
    bool doubtful;                  /* the store had fewer changes than were pushed */
    uint64_t position;              /* everything up to it has been pushed */
    uint64_t newest;                /* the greatest number seen */
    uint64_t asked;                 /* the position when the store was asked for the newest */
    uint64_t step_from, step_to;    /* the last long step of the position */
    uint64_t suspect;               /* a change received from within it; 0: none */
    Messenger__Notification **held; /* by user_seq, rising, all after the position */
    size_t held_count;
};

/* Where notifications go; borrowed for the call. Must not block. While there is no space, a change
 * is dropped and counts as missing: it is fetched from the store when there is. */
struct feed_outlet {
    void (*push)(void *ctx, const Messenger__Notification *notification);
    bool (*has_space)(void *ctx);
    void *ctx;
};

/* A notification received from the bus. One without a number (presence) is pushed at once. */
void feed_take(struct feed *feed, Messenger__Notification *notification_take,
               const struct feed_outlet *outlet);

/* The store is being asked for its newest number: feed_note_newest follows, unless it fails. */
void feed_note_asked(struct feed *feed);

/*
 * The newest number in the store. The first one becomes the position, and all held notifications
 * are pushed. Later, a number beyond the position reveals a hole, and one below the position of
 * feed_note_asked that the store may have been turned back: then the position is doubtful until
 * the store has confirmed it (feed_fill), or the feed is forgotten.
 */
void feed_note_newest(struct feed *feed, uint64_t newest, const struct feed_outlet *outlet);

/* Whether a change is known to be missing. */
bool feed_has_hole(const struct feed *feed);

/* Whether the store must be asked for changes: a hole, or a doubt. After which number: */
bool feed_needs_pull(const struct feed *feed);
uint64_t feed_pulls_after(const struct feed *feed);

/*
 * The store knows the number of feed_pulls_after. All changes after it up to `complete_to`, read
 * from the store, by user_seq. A change that is held back is pushed as it was received from the
 * bus, which names the session that caused it. False when there was no space for all of them; the
 * rest is still missing.
 */
bool feed_fill(struct feed *feed, Messenger__Notification *const *changes, size_t count,
               uint64_t complete_to, const struct feed_outlet *outlet);

/* Gives up the changes missing before the first one held back: the store does not have them. */
void feed_skip_hole(struct feed *feed, const struct feed_outlet *outlet);

/* Discards everything, including the position. */
void feed_forget(struct feed *feed);

#endif
