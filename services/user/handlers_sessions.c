#include "services/user/handlers_sessions.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/access/sessions.h"
#include "services/user/caller.h"
#include "services/user/views.h"

static const char no_account[] = "the account does not exist";
static const char no_session[] = "id: no such session";

/* --- the list ---------------------------------------------------------------------------- */

void handle_get_account(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__GetAccountRequest *wanted = request;
    struct user user;

    enum status status = caller_load_account(ctx, wanted->account, &user);
    if (status == STATUS_OK)
        views_reply_account(call, &user, "");
    else
        rpc_request_fail(call, status, no_account);
    memory_wipe(user.password_hash, sizeof(user.password_hash));
}

void handle_list_sessions(void *ctx, struct rpc_request *call, const void *request)
{
    struct user_service *service = ctx;
    const Messenger__ListSessionsRequest *wanted = request;
    Messenger__SessionList reply = MESSENGER__SESSION_LIST__INIT;
    struct user_session_list list;
    struct user user;

    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = user_store_sessions(service->store, &user.id, SESSIONS_MAX, &list);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, no_account);
        return;
    }
    struct session_views *views = views_make_sessions(&user, &list);
    reply.n_sessions = views->count;
    reply.sessions = views->pointers;
    rpc_request_reply(call, &reply.base);
    views_free_sessions(views);
    free(list.items);
}

/* --- one --------------------------------------------------------------------------------- */

static void note(struct user_service *service, enum audit_kind kind, const struct user *user,
                 const struct client_network *network, const char *session)
{
    audit_log_note(service->audit, &(struct audit_event){ .kind = kind,
                                                          .by = AUDIT_BY_USER,
                                                          .user = user,
                                                          .address = network->name,
                                                          .subject = session });
}

static enum status end_session(struct user_service *service, const struct user *user,
                               const char *id, const struct client_network *network)
{
    struct user_session session;

    if (!sessions_is_id(id))
        return STATUS_NOT_FOUND;
    enum status status = user_store_get_session(service->store, id, &session);
    if (status == STATUS_OK && sessions_is_over(user, &session))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = sessions_end(service, user->tag, id, "", session.expires_at_s);
    if (status == STATUS_OK)
        note(service, AUDIT_SESSION_REVOKED, user, network, id);
    return status;
}

void handle_end_session(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct user_service *service = ctx;
    const Messenger__EndSessionRequest *wanted = request;
    struct client_network network;
    struct user user;

    const char *problem = client_network_check(wanted->client_network, &network);
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = caller_load_account(service, wanted->account, &user);
    if (status == STATUS_OK)
        status = end_session(service, &user, wanted->session_id, &network);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? no_session : no_account);
}

/* --- all others -------------------------------------------------------------------------- */

/* Again, when a password or the sessions were changed at the same time. */
static enum status end_others(struct user_service *service,
                              const Messenger__EndOtherSessionsRequest *wanted,
                              const struct client_network *network)
{
    enum { TRIES = 8 };
    enum status status = STATUS_CONFLICT;
    struct user user;

    for (int i = 0; i < TRIES && status == STATUS_CONFLICT; i++) {
        struct user_credentials change = { .before = &user,
                                           .ends_sessions = true,
                                           .kept_session = wanted->kept_session };
        status = caller_load_account(service, wanted->account, &user);
        if (status == STATUS_OK)
            status = user_store_set_credentials(service->store, &change);
    }
    if (status == STATUS_OK) {
        note(service, AUDIT_OTHER_SESSIONS_REVOKED, &user, network, "");
        sessions_publish_end_of_others(service, &user, wanted->kept_session);
    }
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

void handle_end_other_sessions(void *ctx, struct rpc_request *call, const void *request)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    const Messenger__EndOtherSessionsRequest *wanted = request;
    struct client_network network;

    const char *problem = client_network_check(wanted->client_network, &network);
    if (problem == NULL && !sessions_is_id(wanted->kept_session))
        problem = "kept_session: is none";
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    enum status status = end_others(ctx, wanted, &network);
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, no_account);
}
