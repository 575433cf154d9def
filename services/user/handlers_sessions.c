#include "services/user/handlers_sessions.h"

#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/caller.h"
#include "services/user/sessions.h"

static const char no_account[] = "the account does not exist";
static const char no_session[] = "id: no such session";

/* --- the list ---------------------------------------------------------------------------- */

static void set_view(const struct user_session *session, Messenger__Session *view)
{
    messenger__session__init(view);
    view->id = wire_borrow(session->id);
    view->device = wire_borrow(session->device);
    view->address = wire_borrow(session->address);
    view->created_ms = session->created_ms;
    view->seen_ms = session->seen_ms;
    view->expires_at = session->expires_at_s;
}

static void reply_sessions(struct rpc_request *call, const struct user *user,
                           const struct user_session_list *list)
{
    Messenger__Session *views = xcalloc(list->count, sizeof(*views));
    Messenger__Session **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__SessionList reply = MESSENGER__SESSION_LIST__INIT;
    int64_t now_s = clock_wall_ms() / 1000;

    for (size_t i = 0; i < list->count; i++) {
        if (sessions_is_over(user, &list->items[i]) || list->items[i].expires_at_s <= now_s)
            continue;
        set_view(&list->items[i], &views[reply.n_sessions]);
        pointers[reply.n_sessions] = &views[reply.n_sessions];
        reply.n_sessions++;
    }
    reply.sessions = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

void handle_list_sessions(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ListSessionsRequest *wanted = request;
    struct user_session_list list;
    struct user user;

    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = user_store_sessions(service->store, &user.id, SESSIONS_MAX, &list);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, no_account);
        return;
    }
    reply_sessions(call, &user, &list);
    free(list.items);
}

/* --- one --------------------------------------------------------------------------------- */

static enum status end_session(struct user_service *service, const struct user *user,
                               const char *id)
{
    struct user_session session;

    if (!sessions_is_id(id))
        return STATUS_NOT_FOUND;
    enum status status = user_store_get_session(service->store, id, &session);
    if (status == STATUS_OK && sessions_is_over(user, &session))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = sessions_end(service, user->tag, id, "", session.expires_at_s);
    return status;
}

void handle_end_session(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__EndSessionRequest *wanted = request;
    struct user user;

    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = end_session(service, &user, wanted->session_id);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? no_session : no_account);
}

/* --- all others -------------------------------------------------------------------------- */

/* Again, when a password or the sessions were changed at the same time. */
static enum status end_others(struct user_service *service,
                              const Messenger__EndOtherSessionsRequest *wanted)
{
    enum { TRIES = 8 };
    enum status status = STATUS_CONFLICT;
    struct user user;

    for (int i = 0; i < TRIES && status == STATUS_CONFLICT; i++) {
        struct user_credentials change = { &user, NULL, true, wanted->kept_session };
        status = caller_load_account(service, wanted->account, &user);
        if (status == STATUS_OK)
            status = user_store_set_credentials(service->store, &change);
    }
    if (status == STATUS_OK)
        sessions_publish_end_of_others(service, &user, wanted->kept_session);
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

void handle_end_other_sessions(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    const Messenger__EndOtherSessionsRequest *wanted = request;

    if (!sessions_is_id(wanted->kept_session)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "kept_session: is none");
        return;
    }
    enum status status = end_others(ctx, wanted);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, no_account);
}
