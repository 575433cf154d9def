#include <stdlib.h>

#include "gateway/api/methods.h"
#include "gateway/api/profiles.h"
#include "gateway/api/service_call.h"
#include "gateway/json/privacy_json.h"
#include "gateway/json/user_json.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"

/* --- decisions --------------------------------------------------------------------------- */

static void set_relation(struct jsonrpc_call *call, Messenger__RelationAction action)
{
    Messenger__SetRelationRequest request = MESSENGER__SET_RELATION_REQUEST__INIT;
    struct rpc_context context;

    service_call_context(call, &context);
    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.peer_tag = wire_borrow(call->params[0].text);
    request.action = action;
    request.origin = wire_borrow(session_id(caller_of(call)->session));
    service_call_then(call, &context, "message.SetRelation", &request.base,
                      &messenger__set_relation_reply__descriptor, service_call_put_ok);
}

void methods_add_contact(struct jsonrpc_call *call)
{
    set_relation(call, MESSENGER__RELATION_ACTION__RELATION_ACTION_ADD);
}

void methods_remove_contact(struct jsonrpc_call *call)
{
    set_relation(call, MESSENGER__RELATION_ACTION__RELATION_ACTION_REMOVE);
}

void methods_block_user(struct jsonrpc_call *call)
{
    set_relation(call, MESSENGER__RELATION_ACTION__RELATION_ACTION_BLOCK);
}

void methods_unblock_user(struct jsonrpc_call *call)
{
    set_relation(call, MESSENGER__RELATION_ACTION__RELATION_ACTION_UNBLOCK);
}

/* --- listBlocked ------------------------------------------------------------------------- */

/* With names, by which the caller knows whom to unblock. */
static void put_blocked(struct json_writer *w, const Messenger__BlockedList__Blocked *blocked,
                        const struct profiles *profiles)
{
    Messenger__User unknown = MESSENGER__USER__INIT;
    const Messenger__User *user = profiles_find(profiles, blocked->tag);

    unknown.tag = blocked->tag;
    json_begin_object(w);
    user_json_put(w, user != NULL ? user : &unknown);
    json_put_int(w, "blockedAt", blocked->since_ms);
    json_end_object(w);
}

/* Some of a list. */
static bool put_some(struct jsonrpc_call *call, const struct rpc_context *context,
                     Messenger__BlockedList__Blocked *const *users, size_t count)
{
    char **tags = xcalloc(count, sizeof(*tags));

    for (size_t i = 0; i < count; i++)
        tags[i] = users[i]->tag;
    struct profiles *profiles = profiles_fetch(call, context, tags, NULL, count);
    for (size_t i = 0; profiles != NULL && i < count; i++)
        put_blocked(&call->result, users[i], profiles);
    bool done = profiles != NULL;
    profiles_free(&profiles);
    free(tags);
    return done;
}

void methods_list_blocked(struct jsonrpc_call *call)
{
    enum { SOME = 1000 };
    Messenger__GetBlockedRequest request = MESSENGER__GET_BLOCKED_REQUEST__INIT;
    Messenger__BlockedList *list;
    struct rpc_context context;
    bool good = true;

    service_call_context(call, &context);
    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    if (!service_call(call, &context, "message.GetBlocked", &request.base,
                      &messenger__blocked_list__descriptor, &list))
        return;
    json_begin_array(&call->result);
    for (size_t i = 0; i < list->n_users && good; i += SOME) {
        size_t left = list->n_users - i;
        good = put_some(call, &context, list->users + i, left < SOME ? left : SOME);
    }
    json_end_array(&call->result);
    wire_free(list);
}

/* --- privacy ----------------------------------------------------------------------------- */

static void put_privacy(struct jsonrpc_call *call, const void *reply)
{
    json_begin_object(&call->result);
    privacy_json_put(&call->result, reply);
    json_end_object(&call->result);
}

static void call_set_privacy(struct jsonrpc_call *call, Messenger__SetPrivacyRequest *request)
{
    struct rpc_context context;

    service_call_context(call, &context);
    request->owner_tag = wire_borrow(caller_tag(call));
    request->owner_id = wire_borrow(caller_id(call));
    request->origin = wire_borrow(session_id(caller_of(call)->session));
    service_call_then(call, &context, "message.SetPrivacy", &request->base,
                      &messenger__privacy__descriptor, put_privacy);
}

void methods_get_privacy(struct jsonrpc_call *call)
{
    Messenger__SetPrivacyRequest request = MESSENGER__SET_PRIVACY_REQUEST__INIT;

    call_set_privacy(call, &request);
}

void methods_set_privacy(struct jsonrpc_call *call)
{
    Messenger__SetPrivacyRequest request = MESSENGER__SET_PRIVACY_REQUEST__INIT;
    const char *problem = NULL;

    if (!privacy_json_parse(call->params[0].text, &request.online))
        problem = "online: must be everyone, contacts or nobody";
    else if (!privacy_json_parse(call->params[1].text, &request.read_marks))
        problem = "readMarks: must be everyone, contacts or nobody";
    else if (*call->params[0].text == '\0' && *call->params[1].text == '\0')
        problem = "nothing to change";
    if (problem == NULL) {
        call_set_privacy(call, &request);
        return;
    }
    jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, problem, 0);
    jsonrpc_finish(call);
}
