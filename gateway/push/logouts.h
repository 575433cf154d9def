#ifndef GATEWAY_PUSH_LOGOUTS_H
#define GATEWAY_PUSH_LOGOUTS_H

#include "gateway/gateway.h"

/*
 * Closes the sockets of a token when event.user.logged_out says that it was revoked. A socket that
 * is just being opened with it was checked before the event, and is added after: so the latest
 * revoked tokens are remembered.
 */
enum status logouts_start(struct gateway *gateway) MUST_CHECK;
void logouts_stop(struct gateway *gateway);

/* Closes the sockets of tokens that were revoked without our hearing of it. Blocks, for
 * `timeout_ms` with each thousand of them; none is asked for when the gateway stops. */
enum status logouts_check_all(struct gateway *gateway, int64_t timeout_ms) MUST_CHECK;

/* Was this token among those revoked lately? */
bool logouts_is_recent(struct gateway *gateway, const char *jti);

#endif
