#include <string.h>

#include "gateway/api/methods.h"
#include "gateway/api/service_call.h"
#include "services/common/base/clock.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* What every call of this file begins with. */
struct own {
    struct rpc_context context;
    Messenger__AccountName account; /* the caller's; borrows from the call */
};

static void own_begin(const struct jsonrpc_call *call, struct own *own_out)
{
    service_call_context(call, &own_out->context);
    messenger__account_name__init(&own_out->account);
    own_out->account.id = wire_borrow(caller_id(call));
    own_out->account.tag = wire_borrow(caller_tag(call));
}

static const char *caller_session(const struct jsonrpc_call *call)
{
    return session_identity(caller_of(call)->session)->session_id;
}

static char *caller_network(const struct jsonrpc_call *call)
{
    return wire_borrow(session_network(caller_of(call)->session));
}

/* --- sessions ---------------------------------------------------------------------------- */

static void put_session(struct jsonrpc_call *call, const Messenger__Session *session)
{
    struct json_writer *w = &call->result;

    json_begin_object(w);
    json_put_string(w, "id", session->id);
    json_put_string(w, "device", session->device);
    json_put_string(w, "address", session->address);
    json_put_int(w, "created", session->created_ms);
    json_put_int(w, "lastSeen", session->seen_ms);
    json_put_int(w, "expires", clock_s_to_ms(session->expires_at));
    json_put_bool(w, "isCurrent", strcmp(session->id, caller_session(call)) == 0);
    json_end_object(w);
}

static void put_sessions(struct jsonrpc_call *call, const void *reply)
{
    const Messenger__SessionList *list = reply;

    json_begin_array(&call->result);
    for (size_t i = 0; i < list->n_sessions; i++)
        put_session(call, list->sessions[i]);
    json_end_array(&call->result);
}

void methods_list_sessions(struct jsonrpc_call *call)
{
    Messenger__ListSessionsRequest request = MESSENGER__LIST_SESSIONS_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    service_call_then(call, &own.context, "user.ListSessions", &request.base,
                      &messenger__session_list__descriptor, put_sessions);
}

void methods_revoke_session(struct jsonrpc_call *call)
{
    Messenger__EndSessionRequest request = MESSENGER__END_SESSION_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.session_id = wire_borrow(call->params[0].text);
    request.client_network = caller_network(call);
    service_call_then(call, &own.context, "user.EndSession", &request.base,
                      &messenger__empty__descriptor, service_call_put_ok);
}

void methods_revoke_other_sessions(struct jsonrpc_call *call)
{
    Messenger__EndOtherSessionsRequest request = MESSENGER__END_OTHER_SESSIONS_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.kept_session = wire_borrow(caller_session(call));
    request.client_network = caller_network(call);
    service_call_then(call, &own.context, "user.EndOtherSessions", &request.base,
                      &messenger__empty__descriptor, service_call_put_ok);
}

/* --- the password ------------------------------------------------------------------------ */

void methods_change_password(struct jsonrpc_call *call)
{
    Messenger__ChangePasswordRequest request = MESSENGER__CHANGE_PASSWORD_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.old_password = wire_borrow(call->params[0].text);
    request.new_password = wire_borrow(call->params[1].text);
    request.kept_session = wire_borrow(caller_session(call));
    request.client_network = caller_network(call);
    service_call_then(call, &own.context, "user.ChangePassword", &request.base,
                      &messenger__empty__descriptor, service_call_put_ok);
}

/* --- leaving ----------------------------------------------------------------------------- */

void methods_delete_account(struct jsonrpc_call *call)
{
    Messenger__DeleteAccountRequest request = MESSENGER__DELETE_ACCOUNT_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.password = wire_borrow(call->params[0].text);
    request.client_network = wire_borrow(session_network(caller_of(call)->session));
    service_call_then(call, &own.context, "user.DeleteAccount", &request.base,
                      &messenger__empty__descriptor, service_call_put_ok);
}

/* --- invites ----------------------------------------------------------------------------- */

static void put_code(struct jsonrpc_call *call, const void *reply)
{
    const Messenger__OneTimeCode *code = reply;
    struct json_writer *w = &call->result;

    json_begin_object(w);
    json_put_string(w, "id", code->id);
    json_put_string(w, "code", code->code);
    json_put_int(w, "expires", clock_s_to_ms(code->expires_at));
    json_end_object(w);
}

void methods_create_invite(struct jsonrpc_call *call)
{
    Messenger__CreateInviteRequest request = MESSENGER__CREATE_INVITE_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.client_network = caller_network(call);
    service_call_then(call, &own.context, "user.CreateInvite", &request.base,
                      &messenger__one_time_code__descriptor, put_code);
}

static void put_invite(struct json_writer *w, const Messenger__Invite *invite)
{
    json_begin_object(w);
    json_put_string(w, "id", invite->id);
    json_put_int(w, "created", invite->created_ms);
    json_put_int(w, "expires", clock_s_to_ms(invite->expires_at));
    if (*invite->used_by_tag != '\0') {
        json_put_string(w, "usedByTag", invite->used_by_tag);
        json_put_int(w, "used", invite->used_ms);
    }
    json_end_object(w);
}

static void put_invites(struct jsonrpc_call *call, const void *reply)
{
    const Messenger__InviteList *list = reply;

    json_begin_array(&call->result);
    for (size_t i = 0; i < list->n_invites; i++)
        put_invite(&call->result, list->invites[i]);
    json_end_array(&call->result);
}

void methods_list_invites(struct jsonrpc_call *call)
{
    Messenger__ListInvitesRequest request = MESSENGER__LIST_INVITES_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    service_call_then(call, &own.context, "user.ListInvites", &request.base,
                      &messenger__invite_list__descriptor, put_invites);
}

void methods_revoke_invite(struct jsonrpc_call *call)
{
    Messenger__RevokeInviteRequest request = MESSENGER__REVOKE_INVITE_REQUEST__INIT;
    struct own own;

    own_begin(call, &own);
    request.account = &own.account;
    request.id = wire_borrow(call->params[0].text);
    request.client_network = caller_network(call);
    service_call_then(call, &own.context, "user.RevokeInvite", &request.base,
                      &messenger__empty__descriptor, service_call_put_ok);
}
