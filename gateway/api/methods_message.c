#include <stdlib.h>
#include <string.h>

#include "gateway/api/answer_budget.h"
#include "gateway/api/api_context.h"
#include "gateway/api/dialog_json.h"
#include "gateway/api/methods.h"
#include "gateway/api/profiles.h"
#include "gateway/api/service_call.h"
#include "gateway/json/message_json.h"
#include "gateway/limits/ratelimit.h"
#include "message.pb-c.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"

/* A client's own id for a message is given with 1 to 64 characters, or not at all. */
static bool good_client_id(struct jsonrpc_call *call, const char **client_id)
{
    *client_id = call->params[2].text;
    if (*client_id == NULL) {
        *client_id = "";
        return true;
    }
    if (**client_id != '\0')
        return true; /* the service knows how long it may be */
    jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "clientMessageId: must have 1 to 64 characters", 0);
    return false;
}

static void put_sent(struct jsonrpc_call *call, const void *reply)
{
    const Messenger__Message *message = ((const Messenger__SendReply *)reply)->message;
    const char *client_id = call->params[2].text;
    struct json_writer *w = &call->result;

    json_begin_object(w);
    json_put_string(w, "status", "OK");
    json_key(w, "message");
    json_begin_object(w);
    message_json_put(w, message, MESSAGE_JSON_SENT);
    if (client_id != NULL)
        json_put_string(w, "clientMessageId", message->client_message_id);
    json_end_object(w);
    json_end_object(w);
}

/* False: the call has failed. A text may be larger than what is left; then the next one waits. */
static bool admit_text(struct jsonrpc_call *call, const char *text)
{
    const struct caller *caller = caller_of(call);
    struct ratelimit *limit = caller->api->text_limit;
    int64_t retry_after_ms = 0;

    if (!ratelimit_admit(limit, session_key(caller->session), &retry_after_ms)) {
        jsonrpc_fail(call, JSONRPC_TOO_MANY, "too many bytes of messages", retry_after_ms);
        return false;
    }
    ratelimit_charge(limit, session_key(caller->session), (int64_t)strlen(text));
    return true;
}

void methods_send_message_to_user(struct jsonrpc_call *call)
{
    Messenger__SendRequest request = MESSENGER__SEND_REQUEST__INIT;
    struct rpc_context context;
    const char *client_id;

    if (!good_client_id(call, &client_id) || !admit_text(call, call->params[1].text)) {
        jsonrpc_finish(call);
        return;
    }
    service_call_context(call, &context);
    request.sender_tag = wire_borrow(caller_tag(call));
    request.sender_id = wire_borrow(caller_id(call));
    request.receiver_tag = wire_borrow(call->params[0].text);
    request.text = wire_borrow(call->params[1].text);
    request.client_message_id = wire_borrow(client_id);
    request.origin = wire_borrow(session_id(caller_of(call)->session));
    service_call_then(call, &context, "message.Send", &request.base,
                      &messenger__send_reply__descriptor, put_sent);
}

/* [start, end) of a call; false, and the call failed, when it is not a range. */
static bool good_range(struct jsonrpc_call *call, uint32_t start, uint32_t end)
{
    enum { ENTRIES_MAX = 1000 };

    if (end > start && end - start <= ENTRIES_MAX)
        return true;
    jsonrpc_fail(call, JSONRPC_INVALID_PARAMS,
                 end <= start ? "endIndex: must be greater than startIndex"
                              : "endIndex: at most 1000 entries a call",
                 0);
    return false;
}

/* --- getDialogsList ---------------------------------------------------------------------- */

static void put_dialog(struct json_writer *w, const Messenger__Dialog *dialog,
                       const struct profiles *profiles)
{
    json_begin_object(w);
    dialog_json_put(w, dialog, profiles);
    json_end_object(w);
}

/*
 * Writes one reply's dialogs. A dialog that moved to the front between two replies pushes the
 * others back by one: `seen` filters duplicates.
 */
static bool put_dialogs(struct jsonrpc_call *call, const struct rpc_context *context,
                        const Messenger__DialogList *list, struct hashmap *seen)
{
    Messenger__Visibility **visibilities = xcalloc(list->n_dialogs, sizeof(*visibilities));
    char **tags = xcalloc(list->n_dialogs, sizeof(*tags));

    for (size_t i = 0; i < list->n_dialogs; i++) {
        tags[i] = list->dialogs[i]->peer_tag;
        visibilities[i] = list->dialogs[i]->visibility;
    }
    struct profiles *profiles =
        list->n_dialogs > 0 ? profiles_fetch(call, context, tags, visibilities, list->n_dialogs)
                            : NULL;
    for (size_t i = 0; profiles != NULL && i < list->n_dialogs; i++)
        if (hashmap_put(seen, list->dialogs[i]->conversation_id, call) == NULL)
            put_dialog(&call->result, list->dialogs[i], profiles);
    profiles_free(&profiles);
    free(visibilities);
    free(tags);
    return call->error == 0;
}

void methods_get_dialogs_list(struct jsonrpc_call *call)
{
    Messenger__GetDialogsRequest request = MESSENGER__GET_DIALOGS_REQUEST__INIT;
    Messenger__DialogList *reply;
    struct rpc_context context;
    bool more = true;

    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.start = call->params[0].number;
    request.end = call->params[1].number;
    if (!good_range(call, request.start, request.end))
        return;
    service_call_context(call, &context);
    if (!service_call_wait_known(call, &context))
        return;
    struct hashmap *seen = hashmap_create();
    json_begin_array(&call->result);
    while (more && (request.max_bytes = answer_budget_next(call)) > 0 &&
           service_call(call, &context, "message.GetDialogs", &request.base,
                        &messenger__dialog_list__descriptor, &reply)) {
        more = put_dialogs(call, &context, reply, seen) && reply->more && reply->n_dialogs > 0;
        request.start += (uint32_t)reply->n_dialogs;
        wire_free(reply);
    }
    json_end_array(&call->result);
    answer_budget_settle(call);
    hashmap_destroy(&seen);
}

/* --- getMessagesWithUser ----------------------------------------------------------------- */

void methods_get_messages_with_user(struct jsonrpc_call *call)
{
    Messenger__GetMessagesRequest request = MESSENGER__GET_MESSAGES_REQUEST__INIT;
    Messenger__MessageList *reply;
    struct rpc_context context;
    bool more = true;

    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.peer_tag = wire_borrow(call->params[0].text);
    request.start = call->params[1].number;
    request.end = call->params[2].number;
    if (!good_range(call, request.start, request.end))
        return;
    service_call_context(call, &context);
    if (!service_call_wait_known(call, &context))
        return;
    json_begin_array(&call->result);
    while (more && (request.max_bytes = answer_budget_next(call)) > 0 &&
           service_call(call, &context, "message.GetMessages", &request.base,
                        &messenger__message_list__descriptor, &reply)) {
        /* A message that arrives between two replies must not shift the count. */
        if (request.newest_seq == 0 && reply->n_messages > 0)
            request.newest_seq = reply->messages[0]->seq + request.start;
        for (size_t i = 0; i < reply->n_messages; i++)
            message_json_put_listed(&call->result, reply->messages[i]);
        more = reply->more && reply->n_messages > 0;
        request.start += (uint32_t)reply->n_messages;
        wire_free(reply);
    }
    json_end_array(&call->result);
    answer_budget_settle(call);
}

/* --- markMessagesWithUserAsRead ---------------------------------------------------------- */

void methods_mark_messages_with_user_as_read(struct jsonrpc_call *call)
{
    Messenger__MarkReadRequest request = MESSENGER__MARK_READ_REQUEST__INIT;
    struct rpc_context context;

    if (call->params[1].position == 0) {
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "upToSeq: at least 1", 0);
        jsonrpc_finish(call);
        return;
    }
    service_call_context(call, &context);
    if (call->params[1].position != METHODS_NO_SEQ)
        request.up_to_seq = call->params[1].position;
    request.reader_tag = wire_borrow(caller_tag(call));
    request.reader_id = wire_borrow(caller_id(call));
    request.sender_tag = wire_borrow(call->params[0].text);
    request.origin = wire_borrow(session_id(caller_of(call)->session));
    service_call_then(call, &context, "message.MarkRead", &request.base,
                      &messenger__mark_read_reply__descriptor, service_call_put_ok);
}
