#ifndef GATEWAY_PUSH_LOGOUTS_H
#define GATEWAY_PUSH_LOGOUTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/common/base/status.h"

/*
 * Closes the sockets of a token when event.user.logged_out reports that it was revoked. A socket
 * that is being opened with the token was checked before the event and is registered after it, so
 * the ids of the last 1024 revoked tokens are kept. All functions may be called from any thread.
 */
struct logouts;

struct logouts_options { /* all borrowed until logouts_stop */
    struct bus *bus;
    struct registry *registry;
    const atomic_bool *stopping; /* the gateway is: nothing more is fetched */
};

enum status logouts_start(const struct logouts_options *options,
                          struct logouts **logouts_out) MUST_CHECK;

/* Waits for a running handler. NULL is allowed. */
void logouts_stop(struct logouts **logouts);

/* Closes the sockets whose tokens were revoked by an event that this gateway did not receive.
 * Blocks, at most `timeout_ms` for each thousand sockets. */
enum status logouts_check_all(struct logouts *logouts, int64_t timeout_ms) MUST_CHECK;

/* Whether this token is among the last 1024 revoked ones. */
bool logouts_is_recent(struct logouts *logouts, const char *jti);

#endif
