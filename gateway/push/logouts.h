#ifndef GATEWAY_PUSH_LOGOUTS_H
#define GATEWAY_PUSH_LOGOUTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/socket/session.h"
#include "services/common/base/status.h"

/*
 * Closes the sockets of a session when event.user.logged_out reports that it is over, or that all
 * others of its account are. A socket that is being opened was checked before the event and is
 * registered after it, so the last 1024 events are kept.
 * It also closes the sockets of accounts that do not exist any more (the store of users was
 * replaced by an older one), and of sessions that ended with all others by an event that was lost,
 * within some seconds; those of a session that ended alone within ten minutes; and at once, when
 * another account gets their tag.
 * All functions may be called from any thread.
 */
struct logouts;

struct logouts_options { /* all borrowed until logouts_stop */
    struct bus *bus;
    struct registry *registry;
    const atomic_bool *stopping; /* the gateway is: nothing more is fetched */
};

enum status logouts_start(const struct logouts_options *options,
                          struct logouts **logouts_out) MUST_CHECK;

/* Waits for a running handler or check: at most 2 s. NULL is allowed. */
void logouts_stop(struct logouts **logouts);

/* Closes the sockets of all accounts with this tag but the one with this id. */
void logouts_close_others(struct logouts *logouts, const char *tag, const char *account_id);

/* Closes the sockets whose sessions ended by an event that this gateway did not receive.
 * Blocks, at most `timeout_ms` for each thousand sockets. */
enum status logouts_check_all(struct logouts *logouts, int64_t timeout_ms) MUST_CHECK;

/* Whether the session of this socket is among the last that were reported as over. */
bool logouts_has_ended(struct logouts *logouts, const struct session *session);

/* Whether all others of its account have ended since it was checked: it may be one of them. */
bool logouts_may_have_ended(struct logouts *logouts, const struct session *session);

#endif
