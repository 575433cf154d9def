#ifndef GATEWAY_PUSH_FEEDS_H
#define GATEWAY_PUSH_FEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/push/feed.h"
#include "services/common/bus/bus.h"
#include "services/common/base/status.h"

/*
 * The feeds of all users who have a socket here, kept without holes. A hole is seen on the next
 * push, or when the message service is asked how far a feed's user has come: at the beginning,
 * after a reconnect of the bus, after the bus has dropped something, and after FEEDS_CHECK_MS of
 * silence. What stays missing for FEEDS_GRACE_MS (another instance may just be a little later) is
 * pulled from the message service and pushed, in order, before anything after it: page by page, the
 * next when the sockets have taken the last, so that who reads is not drowned in what was missed.
 * What the bus brings is left to the store likewise, once too much waits for each of the sockets: a
 * gateway that stood still is given all of it at once.
 *
 * One thread asks, for up to FEEDS_ASK_MOST users at a time; a few threads pull. From any thread,
 * and nothing here blocks unless it says so.
 */
enum { FEEDS_CHECK_MS = 5000, FEEDS_GRACE_MS = 50, FEEDS_ASK_MOST = 1000 };
enum { FEEDS_PATIENCE_MS = 1000 }; /* with a socket that is slower than another of the same user */

struct feeds;

struct feeds_options {
    struct bus *bus;
    /* To all sockets of a user, in order. Must not block. */
    void (*push)(void *ctx, const char *key, const Messenger__Notification *notification);
    /* How many of a user's sockets have taken what was pushed to them, and how many have not yet;
     * both are 0 before. */
    void (*count_calm)(void *ctx, const char *key, size_t *calm_out, size_t *busy_out);
    /* May more be pushed? Not when all of a user's sockets are far behind. */
    bool (*has_room)(void *ctx, const char *key);
    /* What a user (NULL: everybody) has missed cannot be told: another store is there. The sockets
     * should close, so that their clients begin anew. */
    void (*lose)(void *ctx, const char *key);
    void *ctx;
};

struct feeds *feeds_create(const struct feeds_options *options);

/* Waits for what is being asked, 2 s at most. */
void feeds_destroy(struct feeds **feeds);

/* Once there is a subscription, and when it has ended. What the bus brings before is dropped: the
 * position that is read first includes it. */
void feeds_open(struct feeds *feeds, const char *key);
void feeds_close(struct feeds *feeds, const char *key);

/* A notification of the bus. */
void feeds_take(struct feeds *feeds, const char *key, Messenger__Notification *notification_take);

/* Calls, unless nobody is there, while nothing else is pushed to the user. Must not block. */
void feeds_in_turn(struct feeds *feeds, const char *key, void (*call)(void *arg), void *arg);

/* Something may have been dropped, of whomever. */
void feeds_check_all(struct feeds *feeds);

/*
 * Waits until a feed's position is known: whatever the store tells later than that is pushed, so a
 * client that reads now misses nothing. STATUS_UNAVAILABLE when the message service does not tell,
 * STATUS_DEADLINE_EXCEEDED at `deadline_us` (clock_mono_us). Blocks.
 */
enum status feeds_wait_known(struct feeds *feeds, const char *key, int64_t deadline_us) MUST_CHECK;

#endif
