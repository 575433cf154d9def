#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/answer_budget.h"
#include "gateway/api/methods.h"
#include "gateway/api/service_call.h"
#include "gateway/json/message_json.h"
#include "gateway/json/privacy_json.h"
#include "gateway/json/user_json.h"
#include "message.pb-c.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* Each function adds lines of one kind; false when a service did not answer, and the call failed.
 */
typedef bool put_lines(struct jsonrpc_call *call, const struct rpc_context *context,
                       Messenger__AccountName *account);

static void begin_line(struct json_writer *w, const char *type)
{
    json_begin_object(w);
    json_put_string(w, "type", type);
}

static bool put_account(struct jsonrpc_call *call, const struct rpc_context *context,
                        Messenger__AccountName *account)
{
    Messenger__GetAccountRequest request = MESSENGER__GET_ACCOUNT_REQUEST__INIT;
    Messenger__Account *reply;

    request.account = account;
    if (!service_call(call, context, "user.GetAccount", &request.base,
                      &messenger__account__descriptor, &reply))
        return false;
    begin_line(&call->result, "account");
    if (reply->user != NULL)
        user_json_put(&call->result, reply->user);
    json_put_string(&call->result, "email", reply->email);
    json_end_object(&call->result);
    wire_free(reply);
    return true;
}

static bool put_sessions(struct jsonrpc_call *call, const struct rpc_context *context,
                         Messenger__AccountName *account)
{
    Messenger__ListSessionsRequest request = MESSENGER__LIST_SESSIONS_REQUEST__INIT;
    struct json_writer *w = &call->result;
    Messenger__SessionList *reply;

    request.account = account;
    if (!service_call(call, context, "user.ListSessions", &request.base,
                      &messenger__session_list__descriptor, &reply))
        return false;
    for (size_t i = 0; i < reply->n_sessions; i++) {
        const Messenger__Session *session = reply->sessions[i];
        begin_line(w, "session");
        json_put_string(w, "device", session->device);
        json_put_string(w, "address", session->address);
        json_put_int(w, "created", session->created_ms);
        json_put_int(w, "lastSeen", session->seen_ms);
        json_end_object(w);
    }
    wire_free(reply);
    return true;
}

static bool put_invites(struct jsonrpc_call *call, const struct rpc_context *context,
                        Messenger__AccountName *account)
{
    Messenger__ListInvitesRequest request = MESSENGER__LIST_INVITES_REQUEST__INIT;
    struct json_writer *w = &call->result;
    Messenger__InviteList *reply;

    request.account = account;
    if (!service_call(call, context, "user.ListInvites", &request.base,
                      &messenger__invite_list__descriptor, &reply))
        return false;
    for (size_t i = 0; i < reply->n_invites; i++) {
        begin_line(w, "invite");
        json_put_int(w, "created", reply->invites[i]->created_ms);
        if (*reply->invites[i]->used_by_tag != '\0')
            json_put_string(w, "usedByTag", reply->invites[i]->used_by_tag);
        json_end_object(w);
    }
    wire_free(reply);
    return true;
}

static bool put_privacy(struct jsonrpc_call *call, const struct rpc_context *context,
                        Messenger__AccountName *account)
{
    Messenger__SetPrivacyRequest request = MESSENGER__SET_PRIVACY_REQUEST__INIT;
    Messenger__Privacy *reply;

    request.owner_tag = account->tag;
    request.owner_id = account->id;
    if (!service_call(call, context, "message.SetPrivacy", &request.base,
                      &messenger__privacy__descriptor, &reply))
        return false;
    begin_line(&call->result, "privacy");
    privacy_json_put(&call->result, reply);
    json_end_object(&call->result);
    wire_free(reply);
    return true;
}

static bool put_blocked(struct jsonrpc_call *call, const struct rpc_context *context,
                        Messenger__AccountName *account)
{
    Messenger__GetBlockedRequest request = MESSENGER__GET_BLOCKED_REQUEST__INIT;
    Messenger__BlockedList *reply;

    request.owner_tag = account->tag;
    request.owner_id = account->id;
    if (!service_call(call, context, "message.GetBlocked", &request.base,
                      &messenger__blocked_list__descriptor, &reply))
        return false;
    for (size_t i = 0; i < reply->n_users; i++) {
        begin_line(&call->result, "blocked");
        json_put_string(&call->result, "tag", reply->users[i]->tag);
        json_put_int(&call->result, "blockedAt", reply->users[i]->since_ms);
        json_end_object(&call->result);
    }
    wire_free(reply);
    return true;
}

/*
 * Where a piece begins: "<seq> <tag>", after this message of the conversation with that user; or in
 * the audit log, which is the last part: "audit", or "audit <place>" after the entry at that place.
 */
enum { CURSOR_SIZE = 96, PLACE_MAX = 64 };

#define AUDIT_CURSOR "audit"

static bool is_audit(const char *cursor)
{
    size_t length = strlen(AUDIT_CURSOR);

    return strncmp(cursor, AUDIT_CURSOR, length) == 0 && strlen(cursor) <= length + 1 + PLACE_MAX &&
           (cursor[length] == '\0' || (cursor[length] == ' ' && cursor[length + 1] != '\0'));
}

static bool read_cursor(const char *cursor, Messenger__ExportRequest *request)
{
    char *end;

    request->after_seq = strtoull(cursor, &end, 10);
    request->peer_tag = end + 1;
    return *cursor >= '0' && *cursor <= '9' && *end == ' ' && tag_is_valid(end + 1);
}

static void put_entry(struct json_writer *w, const Messenger__AuditEntry *entry)
{
    begin_line(w, "audit");
    json_put_int(w, "at", entry->at_ms);
    json_put_int(w, "last", entry->last_ms);
    json_put_int(w, "count", entry->count);
    json_put_string(w, "kind", entry->kind);
    json_put_string(w, "outcome", entry->outcome);
    json_put_string(w, "by", entry->by);
    json_put_string(w, "address", entry->address);
    json_put_string(w, "device", entry->device);
    json_end_object(w);
}

/* 0: there is no budget for any, and the call failed. */
static uint32_t budget_entries(struct jsonrpc_call *call)
{
    enum { ENTRY_BYTES = 1024, ENTRIES_MAX = ANSWER_PIECE_MAX / ENTRY_BYTES };

    if (answer_budget_try(call, ANSWER_PIECE_MAX))
        return ENTRIES_MAX;
    uint32_t bytes = answer_budget_next(call);
    return bytes == 0 || bytes >= ENTRY_BYTES ? bytes / ENTRY_BYTES : 1;
}

static bool put_audit(struct jsonrpc_call *call, const struct rpc_context *context,
                      const char *cursor, char next_out[CURSOR_SIZE])
{
    Messenger__ListOwnAuditRequest request = MESSENGER__LIST_OWN_AUDIT_REQUEST__INIT;
    Messenger__AccountName account = MESSENGER__ACCOUNT_NAME__INIT;
    const char *place = strchr(cursor, ' ');
    Messenger__AuditEntries *reply;

    account.id = wire_borrow(caller_id(call));
    account.tag = wire_borrow(caller_tag(call));
    request.account = &account;
    request.before = wire_borrow(place != NULL ? place + 1 : "");
    request.limit = budget_entries(call);
    if (request.limit == 0 || !service_call(call, context, "user.ListOwnAudit", &request.base,
                                            &messenger__audit_entries__descriptor, &reply))
        return false;
    for (size_t i = 0; i < reply->n_entries; i++)
        put_entry(&call->result, reply->entries[i]);
    if (*reply->next != '\0')
        snprintf(next_out, CURSOR_SIZE, AUDIT_CURSOR " %.*s", PLACE_MAX, reply->next);
    wire_free(reply);
    return true;
}

static bool put_messages(struct jsonrpc_call *call, const struct rpc_context *context,
                         Messenger__ExportRequest *request, char next_out[CURSOR_SIZE])
{
    Messenger__ExportReply *reply;

    request->owner_tag = wire_borrow(caller_tag(call));
    request->owner_id = wire_borrow(caller_id(call));
    request->max_bytes = ANSWER_PIECE_MAX;
    if (!answer_budget_try(call, ANSWER_PIECE_MAX) &&
        (request->max_bytes = answer_budget_next(call)) == 0)
        return false;
    if (!service_call(call, context, "message.Export", &request->base,
                      &messenger__export_reply__descriptor, &reply))
        return false;
    for (size_t i = 0; i < reply->n_messages; i++) {
        begin_line(&call->result, "message");
        message_json_put(&call->result, reply->messages[i], MESSAGE_JSON_LISTED);
        json_end_object(&call->result);
    }
    snprintf(next_out, CURSOR_SIZE, "%s", AUDIT_CURSOR);
    if (*reply->next_peer != '\0')
        snprintf(next_out, CURSOR_SIZE, "%llu %s", (unsigned long long)reply->next_after,
                 reply->next_peer);
    wire_free(reply);
    return true;
}

/* What is not of a conversation, before the first of them. */
static bool put_beginning(struct jsonrpc_call *call, const struct rpc_context *context)
{
    static put_lines *const kinds[] = { put_account, put_sessions, put_invites, put_privacy,
                                        put_blocked };
    Messenger__AccountName account = MESSENGER__ACCOUNT_NAME__INIT;

    account.id = wire_borrow(caller_id(call));
    account.tag = wire_borrow(caller_tag(call));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!kinds[i](call, context, &account))
            return false;
    return true;
}

void methods_export_my_data(struct jsonrpc_call *call)
{
    Messenger__ExportRequest request = MESSENGER__EXPORT_REQUEST__INIT;
    const char *cursor = call->params[0].text;
    struct json_writer *w = &call->result;
    char next[CURSOR_SIZE] = "";
    struct rpc_context context;

    if (*cursor != '\0' && !is_audit(cursor) && !read_cursor(cursor, &request)) {
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "cursor: is none of an answer's `next`", 0);
        return;
    }
    service_call_context(call, &context);
    json_begin_object(w);
    json_key(w, "lines");
    json_begin_array(w);
    bool good = *cursor != '\0' || put_beginning(call, &context);
    if (good && is_audit(cursor))
        good = put_audit(call, &context, cursor, next);
    else if (good)
        good = put_messages(call, &context, &request, next);
    if (good) {
        json_end_array(w);
        json_put_string(w, "next", next);
        json_end_object(w);
    }
    answer_budget_settle(call);
}
