#ifndef USER_ACCESS_SESSIONS_H
#define USER_ACCESS_SESSIONS_H

#include "services/user/user_service.h"
#include "user.pb-c.h"

/*
 * The sessions of accounts (struct user_session): how they begin, how long they last, how they end.
 *
 * A session begins with a log-in. A token of which no session is stored begins one, too, as long as
 * the account's sessions have never been ended together: it is of an older version, or the store
 * was turned back to a state before the log-in.
 *
 * A session ends when it is ended itself (its id is revoked until its last token expires), or with
 * all others of its account: then the account's `session_epoch` rises above its own.
 */
enum {
    SESSIONS_MAX = 200, /* of an account; beyond it the one not seen for the longest
                           time ends */
    SESSIONS_SEEN_STEP_MS = 5 * 60 * 1000, /* how exactly it is recorded when one was seen */
};

/* What is wrong with a NewSession, which may be hostile; NULL: nothing. */
const char *sessions_check_new(const Messenger__NewSession *session);

/* Whether it may be the id of a session: 1 to 32 printable characters of ASCII. */
bool sessions_is_id(const char *id);

/*
 * Begins a session of the user, who was read before the password was verified: if all sessions were
 * ended meanwhile, it is over. When the store does not answer, STATUS_OK if the token may begin it
 * later.
 */
enum status sessions_begin(struct user_service *service, const struct user *user,
                           const Messenger__NewSession *session,
                           char id_out[USER_SESSION_SIZE]) MUST_CHECK;

/*
 * Whether the session of a token of this user is over, apart from being revoked; `id` is one.
 * Begins it if it may begin with the token. Records that it was seen; if it `renews`, the new end
 * is stored when STATUS_OK is returned.
 */
enum status sessions_check(struct user_service *service, const struct user *user, const char *id,
                           const Messenger__CheckTokenRequest *token, bool renews,
                           bool *over_out) MUST_CHECK;

/* The same for an open socket, by the session's id alone; begins none. */
enum status sessions_look_for(struct user_service *service, const struct user *user, const char *id,
                              bool *over_out) MUST_CHECK;

/* Whether it ended with all others of the user, who is its account's; or is another account's. */
bool sessions_is_over(const struct user *user, const struct user_session *session);

/* Ends one, and publishes it. `jti`: its token, or "". `expires_at_s` is when a known token of it
 * expires: others may have been made from it, and all are refused until they have expired. */
enum status sessions_end(struct user_service *service, const char *tag, const char *id,
                         const char *jti, int64_t expires_at_s) MUST_CHECK;

/* Publishes that all sessions of the user, as read before, but one have ended. */
void sessions_publish_end_of_others(struct user_service *service, const struct user *before,
                                    const char *kept_session);

#endif
