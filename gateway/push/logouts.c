#include "gateway/push/logouts.h"

#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "gateway/push/recent_numbers.h"
#include "gateway/socket/no_auth.h"
#include "gateway/socket/registry.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { REMEMBERED = 1024, CHECKED_AT_ONCE = 1000 };

struct logouts {
    struct logouts_options options;
    struct recent_numbers *recent; /* ids of tokens */
    struct bus_subscription *subscription;
};

static void close_sessions(struct logouts *logouts, const char *tag, const char *jti)
{
    char key[TAG_SIZE];

    if (!tag_to_key(tag, key))
        return;
    struct registry_list sessions = registry_of_user(logouts->options.registry, key);
    for (size_t i = 0; i < sessions.count; i++)
        if (strcmp(session_identity(sessions.items[i])->jti, jti) == 0)
            session_close(sessions.items[i], WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));
    registry_list_finish(&sessions);
}

static void handle_logout(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__UserLoggedOut *event =
        wire_unpack(&messenger__user_logged_out__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && *event->jti != '\0') {
        struct logouts *logouts = ctx;
        recent_numbers_raise(logouts->recent, event->jti, 1);
        close_sessions(logouts, event->tag, event->jti);
    }
    wire_free(event);
    bus_message_destroy(&message);
}

enum status logouts_start(const struct logouts_options *options, struct logouts **logouts_out)
{
    struct logouts *logouts = xcalloc(1, sizeof(*logouts));

    logouts->options = *options;
    logouts->recent = recent_numbers_create(REMEMBERED);
    enum status status = bus_subscription_open(options->bus, "event.user.logged_out", NULL,
                                               handle_logout, logouts, &logouts->subscription);
    if (status != STATUS_OK)
        logouts_stop(&logouts);
    else
        *logouts_out = logouts;
    return status;
}

void logouts_stop(struct logouts **logouts)
{
    struct logouts *l = *logouts;

    if (l == NULL)
        return;
    bus_subscription_drain(&l->subscription);
    recent_numbers_destroy(&l->recent);
    free(l);
    *logouts = NULL;
}

bool logouts_is_recent(struct logouts *logouts, const char *jti)
{
    return recent_numbers_has(logouts->recent, jti);
}

/* --- missed events ------------------------------------------------------------------------ */

static enum status check_some(struct logouts *logouts, int64_t timeout_ms,
                              struct session **sessions, size_t count)
{
    Messenger__FindRevokedRequest request = MESSENGER__FIND_REVOKED_REQUEST__INIT;
    Messenger__RevokedTokens *reply;
    struct rpc_context context;

    request.jtis = xcalloc(count, sizeof(*request.jtis));
    for (size_t i = 0; i < count; i++)
        if (!session_is_anonymous(sessions[i]))
            request.jtis[request.n_jtis++] = wire_borrow(session_identity(sessions[i])->jti);
    rpc_context_start(&context, timeout_ms);
    enum status status = rpc_call(logouts->options.bus, &context, "user.FindRevoked", &request.base,
                                  &messenger__revoked_tokens__descriptor, &reply, NULL);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        for (size_t j = 0; j < reply->n_jtis; j++)
            if (strcmp(session_identity(sessions[i])->jti, reply->jtis[j]) == 0)
                session_close(sessions[i], WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));
    wire_free(reply);
    free(request.jtis);
    return status;
}

enum status logouts_check_all(struct logouts *logouts, int64_t timeout_ms)
{
    struct registry_list all = registry_all(logouts->options.registry);
    enum status status = STATUS_OK;

    for (size_t at = 0;
         at < all.count && status == STATUS_OK && !atomic_load(logouts->options.stopping);
         at += CHECKED_AT_ONCE) {
        size_t left = all.count - at;
        status = check_some(logouts, timeout_ms, all.items + at,
                            left < CHECKED_AT_ONCE ? left : CHECKED_AT_ONCE);
    }
    registry_list_finish(&all);
    return status;
}
