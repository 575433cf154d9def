#include "services/user/access/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/text.h"
#include "services/common/rpc/wire.h"

/* From the check of a token until its successor is made; and clocks differ. */
enum { RENEWAL_S = 10 * 60 };

/* --- checks of what a gateway sends -------------------------------------------------------- */

static bool is_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    return length < size && text_is_utf8(text, length) && !text_has_control(text);
}

const char *sessions_check_new(const Messenger__NewSession *session)
{
    if (!is_text(session->device, USER_DEVICE_SIZE))
        return "device: must be at most 256 bytes of UTF-8 without control characters";
    if (!is_text(session->address, USER_ADDRESS_SIZE))
        return "address: is none";
    if (session->expires_at <= 0)
        return "expires_at: is in the past";
    return NULL;
}

bool sessions_is_id(const char *id)
{
    size_t length = strnlen(id, USER_SESSION_SIZE);

    if (length == 0 || length == USER_SESSION_SIZE)
        return false;
    for (size_t i = 0; i < length; i++)
        if (id[i] <= ' ' || id[i] > '~')
            return false;
    return true;
}

/* --- the end ------------------------------------------------------------------------------- */

bool sessions_is_over(const struct user *user, const struct user_session *session)
{
    return memcmp(session->account.bytes, user->id.bytes, ID_BYTES) != 0 ||
           (session->epoch < user->session_epoch && strcmp(session->id, user->kept_session) != 0);
}

/* When the last token that can have been made from a session has expired, also one of a renewal
 * that is in progress. The stored end is later where tokens lasted longer before. */
static enum status find_last_expiry(struct user_service *service, const char *id,
                                    int64_t *expires_at_s)
{
    int64_t latest = clock_wall_ms() / 1000 + service->token_lifetime_s + RENEWAL_S;
    struct user_session session;

    enum status status = user_store_get_session(service->store, id, &session);
    if (status == STATUS_OK && session.expires_at_s > *expires_at_s)
        *expires_at_s = session.expires_at_s;
    if (latest > *expires_at_s)
        *expires_at_s = latest;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status sessions_end(struct user_service *service, const char *tag, const char *id,
                         const char *jti, int64_t expires_at_s)
{
    Messenger__UserLoggedOut event = MESSENGER__USER_LOGGED_OUT__INIT;

    enum status status = find_last_expiry(service, id, &expires_at_s);
    if (status == STATUS_OK)
        status = user_store_revoke(service->store, id, expires_at_s, clock_wall_ms() / 1000);
    if (status == STATUS_OK && *jti != '\0' && strcmp(jti, id) != 0)
        status = user_store_revoke(service->store, jti, expires_at_s, 0);
    if (status == STATUS_OK)
        status = user_store_delete_session(service->store, id);
    if (status != STATUS_OK)
        return status;
    event.tag = wire_borrow(tag);
    event.jti = wire_borrow(*jti != '\0' ? jti : id); /* for gateways of an older version */
    event.session_id = wire_borrow(id);
    wire_publish(service->bus, "event.user.logged_out", &event.base);
    return STATUS_OK;
}

void sessions_publish_end_of_others(struct user_service *service, const struct user *before,
                                    const char *kept_session)
{
    Messenger__UserLoggedOut event = MESSENGER__USER_LOGGED_OUT__INIT;

    event.tag = wire_borrow(before->tag);
    event.session_id = wire_borrow(kept_session);
    event.others = true;
    event.epoch = before->session_epoch + 1;
    wire_publish(service->bus, "event.user.logged_out", &event.base);
}

/* --- the beginning ------------------------------------------------------------------------- */

static struct user_session make_session(const struct user *user, const char *id,
                                        const Messenger__NewSession *new_session)
{
    struct user_session session = { .account = user->id, .epoch = user->session_epoch };

    snprintf(session.id, sizeof(session.id), "%s", id);
    snprintf(session.device, sizeof(session.device), "%s", new_session->device);
    snprintf(session.address, sizeof(session.address), "%s", new_session->address);
    session.created_ms = session.seen_ms = clock_wall_ms();
    session.expires_at_s = new_session->expires_at;
    return session;
}

/* A failure is made up for at the next log-in. */
static void end_excess(struct user_service *service, const struct user *user)
{
    struct user_session_list list;

    if (user_store_sessions(service->store, &user->id, SESSIONS_MAX + 1, &list) != STATUS_OK)
        return;
    for (size_t i = SESSIONS_MAX; i < list.count; i++) {
        const struct user_session *session = &list.items[i];
        if (sessions_end(service, user->tag, session->id, "", session->expires_at_s) != STATUS_OK)
            log_warn("a session too many of %s could not be ended", user->tag);
    }
    free(list.items);
}

enum status sessions_begin(struct user_service *service, const struct user *user,
                           const Messenger__NewSession *new_session, char id_out[USER_SESSION_SIZE])
{
    id_random_hex(id_out, (USER_SESSION_SIZE - 1) / 2);
    struct user_session session = make_session(user, id_out, new_session);
    enum status status =
        user_store_add_session(service->store, &session, session.created_ms / 1000);
    if (status == STATUS_OK) {
        end_excess(service, user);
        return STATUS_OK;
    }
    log_warn("a session could not be stored: %s", status_name(status));
    return user->session_epoch == 0 ? STATUS_OK : status;
}

/* --- checks -------------------------------------------------------------------------------- */

/* When two do it at once, one of them has. */
static enum status begin_with_token(struct user_service *service, const struct user *user,
                                    const char *id, const Messenger__CheckTokenRequest *token)
{
    struct user_session session = make_session(user, id, token->session);

    if (token->issued_at > 0 && token->issued_at < session.seen_ms / 1000)
        session.created_ms = clock_s_to_ms(token->issued_at);
    enum status status = user_store_add_session(service->store, &session, 0);
    return status == STATUS_ALREADY_EXISTS ? STATUS_OK : status;
}

/* A failure does no harm. */
static void note_seen(struct user_service *service, const struct user_session *session,
                      const char *address)
{
    int64_t now_ms = clock_wall_ms();

    if (now_ms - session->seen_ms < SESSIONS_SEEN_STEP_MS)
        return;
    enum status status = user_store_touch_session(service->store, session->id, now_ms, 0, address);
    if (status != STATUS_OK)
        log_debug("cannot record that a session was seen: %s", status_name(status));
}

/* STATUS_NOT_FOUND: none is stored, and it is not over. */
static enum status find_session(struct user_service *service, const struct user *user,
                                const char *id, struct user_session *session_out, bool *over_out)
{
    enum status status = user_store_get_session(service->store, id, session_out);

    *over_out = (status == STATUS_OK && sessions_is_over(user, session_out)) ||
                (status == STATUS_NOT_FOUND && user->session_epoch > 0);
    return *over_out ? STATUS_OK : status;
}

enum status sessions_check(struct user_service *service, const struct user *user, const char *id,
                           const Messenger__CheckTokenRequest *token, bool renews, bool *over_out)
{
    struct user_session session;

    enum status status = find_session(service, user, id, &session, over_out);
    if (*over_out)
        return STATUS_OK;
    if (status == STATUS_OK && renews)
        return user_store_touch_session(service->store, id, clock_wall_ms(),
                                        token->session->expires_at, token->session->address);
    if (status == STATUS_OK)
        note_seen(service, &session, token->session->address);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = begin_with_token(service, user, id, token);
    return renews ? status : STATUS_OK;
}

enum status sessions_look_for(struct user_service *service, const struct user *user, const char *id,
                              bool *over_out)
{
    struct user_session session;

    enum status status = user_store_is_revoked(service->store, id, over_out);
    if (status != STATUS_OK || *over_out)
        return status;
    status = find_session(service, user, id, &session, over_out);
    if (status == STATUS_OK && !*over_out)
        note_seen(service, &session, "");
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
