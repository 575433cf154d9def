#ifndef GATEWAY_PUSH_FEEDS_H
#define GATEWAY_PUSH_FEEDS_H

#include <stdint.h>

#include "gateway/push/feed_sink.h"
#include "services/common/base/status.h"

/*
 * The feeds of all users that have a socket here, kept without holes. A hole is detected by the
 * next push, or when the message service is asked for the user's newest change: at the beginning,
 * after a reconnect of the bus, after the bus has dropped something, and after FEED_CHECK_MS of
 * silence. Changes that stay missing for FEED_GRACE_MS (another instance may just be a little
 * later) are fetched from the message service and pushed, in order, before any later one: page by
 * page, the next page when the sockets have read the last, so that a backlog does not overflow the
 * outbox of a client that reads. Once too much is pending for each socket of a user, notifications
 * of the bus are dropped and fetched later in the same way: a gateway that was suspended receives
 * all of them at once.
 *
 * One thread checks up to FEEDS_CHECKED_MAX feeds with one call; a few threads pull. All functions
 * may be called from any thread; they do not block unless they say so.
 */
enum { FEEDS_CHECKED_MAX = 1000 };

struct bus;
struct feeds;

/* `sink` is copied. */
struct feeds *feeds_create(struct bus *bus, const struct feed_sink *sink);

/* Waits for a call in progress, at most 2 s. */
void feeds_destroy(struct feeds **feeds);

/* Call feeds_open once the user's subscription exists, and feeds_close when it has ended.
 * Notifications received before are dropped: the position fetched first includes them. */
void feeds_open(struct feeds *feeds, const char *key);
void feeds_close(struct feeds *feeds, const char *key);

/* A notification received from the bus; dropped when the user has no feed. */
void feeds_take(struct feeds *feeds, const char *key, Messenger__Notification *notification_take);

/* Calls `call`, which must not block, while nothing else is pushed to the user; not at all when the
 * user has no feed. */
void feeds_in_turn(struct feeds *feeds, const char *key, void (*call)(void *arg), void *arg);

/* The bus may have dropped notifications of any user: checks all feeds. */
void feeds_check_all(struct feeds *feeds);

/*
 * Waits until a feed's position is known: every later change is pushed, so a client that reads a
 * list after this misses nothing. STATUS_UNAVAILABLE when the message service does not answer,
 * STATUS_DEADLINE_EXCEEDED at `deadline_us` (clock_mono_us). Blocks.
 */
enum status feeds_wait_known(struct feeds *feeds, const char *key, int64_t deadline_us) MUST_CHECK;

#endif
