#include <stdio.h>
#include <stdlib.h>

#include "gateway/api/answer_budget.h"
#include "gateway/api/api_context.h"
#include "gateway/api/dialog_json.h"
#include "gateway/api/methods.h"
#include "gateway/api/profiles.h"
#include "gateway/api/service_call.h"
#include "gateway/json/message_json.h"
#include "gateway/json/user_json.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/rpc/wire.h"
#include "sync.pb-c.h"

enum { LIMIT_MAX = 1000, SYNC_BYTES_MAX = 512 * 1024 };

static void put_user(struct json_writer *w, const char *name, const Messenger__User *user)
{
    json_key(w, name);
    json_begin_object(w);
    user_json_put(w, user);
    json_end_object(w);
}

/* --- hello ------------------------------------------------------------------------------- */

static void put_hello(struct jsonrpc_call *call, const Messenger__ChangeList *where,
                      const Messenger__UserList *who)
{
    struct json_writer *w = &call->result;

    if (who->n_users != 1) { /* the store was exchanged under a token that is still good */
        jsonrpc_fail(call, JSONRPC_SERVER_ERROR, NULL, 0);
        return;
    }
    json_begin_object(w);
    json_put_string(w, "epoch", where->epoch);
    json_put_int(w, "position", (int64_t)where->position);
    put_user(w, "user", who->users[0]);
    json_end_object(w);
}

void methods_hello(struct jsonrpc_call *call)
{
    Messenger__GetChangesRequest where = MESSENGER__GET_CHANGES_REQUEST__INIT;
    Messenger__GetUsersRequest who = MESSENGER__GET_USERS_REQUEST__INIT;
    struct bus *bus = caller_of(call)->api->bus;
    char *tags[] = { wire_borrow(caller_tag(call)) };
    Messenger__ChangeList *position;
    Messenger__UserList *users;
    struct rpc_context context;
    struct rpc_error error, ignored;

    service_call_context(call, &context);
    if (!service_call_wait_known(call, &context))
        return;
    where.owner_tag = tags[0];
    where.limit = 1;
    who.n_tags = 1;
    who.tags = tags;
    struct rpc_pending first = rpc_begin(bus, &context, "message.GetChanges", &where.base);
    struct rpc_pending second = rpc_begin(bus, &context, "user.GetUsers", &who.base);
    enum status status = rpc_end(&first, &messenger__change_list__descriptor, &position, &error);
    enum status other = rpc_end(&second, &messenger__user_list__descriptor, &users,
                                status == STATUS_OK ? &error : &ignored);
    const char *method = status == STATUS_OK ? "user.GetUsers" : "message.GetChanges";
    status = status == STATUS_OK ? other : status;
    if (status == STATUS_OK)
        put_hello(call, position, users);
    else
        service_call_fail(call, &context, method, status, &error);
    wire_free(position);
    wire_free(users);
}

/* --- sync -------------------------------------------------------------------------------- */

/* The message of a change, and the other side's tag; NULL when it is a change of another kind. */
static const Messenger__Message *message_of(const Messenger__Notification *change,
                                            const char **peer_out)
{
    switch (change->body_case) {
    case MESSENGER__NOTIFICATION__BODY_NEW_MESSAGE:
        *peer_out = change->new_message->sender_tag;
        return change->new_message;
    case MESSENGER__NOTIFICATION__BODY_MESSAGE_SENT:
        *peer_out = change->message_sent->receiver_tag;
        return change->message_sent;
    default:
        return NULL;
    }
}

/* For each change the dialog that has its message, or NULL; the caller frees the array. */
static const Messenger__Dialog **sort_messages(const Messenger__ChangeList *list)
{
    const Messenger__Dialog **dialogs = xcalloc(list->n_changes, sizeof(*dialogs));
    struct hashmap *by_peer = hashmap_create();
    char key[TAG_SIZE];
    const char *peer;

    for (size_t i = 0; i < list->n_dialogs; i++)
        if (tag_to_key(list->dialogs[i]->peer_tag, key))
            hashmap_put(by_peer, key, list->dialogs[i]);
    for (size_t i = 0; i < list->n_changes; i++)
        if (message_of(list->changes[i], &peer) != NULL && tag_to_key(peer, key))
            dialogs[i] = hashmap_get(by_peer, key);
    hashmap_destroy(&by_peer);
    return dialogs;
}

static void put_dialogs(struct json_writer *w, const Messenger__ChangeList *list,
                        const struct profiles *profiles)
{
    const Messenger__Dialog **dialog_of = sort_messages(list);
    const char *ignored;

    json_key(w, "dialogs");
    json_begin_array(w);
    for (size_t i = 0; i < list->n_dialogs; i++) {
        json_begin_object(w);
        dialog_json_put(w, list->dialogs[i], profiles);
        json_key(w, "messages");
        json_begin_array(w);
        for (size_t j = 0; j < list->n_changes; j++)
            if (dialog_of[j] == list->dialogs[i])
                message_json_put_listed(w, message_of(list->changes[j], &ignored));
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
    free(dialog_of);
}

static bool has_self(const Messenger__ChangeList *list)
{
    for (size_t i = 0; i < list->n_changes; i++)
        if (list->changes[i]->body_case == MESSENGER__NOTIFICATION__BODY_SELF_CHANGED)
            return true;
    return false;
}

/* The profiles that the answer needs: of each dialog's peer, and one's own when it has changed.
 * NULL when it needs none, or when the call has failed. */
static struct profiles *fetch_people(struct jsonrpc_call *call, const struct rpc_context *context,
                                     const Messenger__ChangeList *list)
{
    Messenger__Visibility **visibilities = xcalloc(list->n_dialogs + 1, sizeof(*visibilities));
    char **tags = xcalloc(list->n_dialogs + 1, sizeof(*tags));
    size_t count = 0;

    for (size_t i = 0; i < list->n_dialogs; i++) {
        visibilities[count] = list->dialogs[i]->visibility;
        tags[count++] = list->dialogs[i]->peer_tag;
    }
    if (has_self(list))
        tags[count++] = wire_borrow(caller_tag(call));
    struct profiles *profiles =
        count > 0 ? profiles_fetch(call, context, tags, visibilities, count) : NULL;
    free(visibilities);
    free(tags);
    return profiles;
}

/* The contacts that are online now: changes of presence are not part of the sequence. */
static void put_online(struct jsonrpc_call *call, const struct rpc_context *context)
{
    Messenger__GetContactsRequest request = MESSENGER__GET_CONTACTS_REQUEST__INIT;
    Messenger__ContactList *contacts = NULL;
    char after[TAG_SIZE + 1] = "";
    bool more = true;

    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.after_tag = after;
    json_key(&call->result, "online");
    json_begin_array(&call->result);
    while (more && service_call(call, context, "message.GetContacts", &request.base,
                                &messenger__contact_list__descriptor, &contacts)) {
        more = contacts->n_tags == LIMIT_MAX;
        if (contacts->n_tags > 0) {
            bool *online = profiles_fetch_online(call, context, contacts->tags, contacts->n_tags);
            for (size_t i = 0; i < contacts->n_tags; i++)
                if (online[i])
                    json_string(&call->result, contacts->tags[i]);
            free(online);
            snprintf(after, sizeof(after), "%s", contacts->tags[contacts->n_tags - 1]);
        }
        wire_free(contacts);
    }
    json_end_array(&call->result);
}

static void put_changes(struct jsonrpc_call *call, const struct rpc_context *context,
                        const Messenger__ChangeList *list)
{
    struct json_writer *w = &call->result;
    struct profiles *profiles = fetch_people(call, context, list);

    if (call->error != 0)
        return;
    json_begin_object(w);
    json_put_string(w, "epoch", list->epoch);
    json_put_int(w, "position", (int64_t)list->position);
    json_put_string(w, "tag", caller_tag(call));
    json_put_bool(w, "more", list->more);
    json_put_bool(w, "reset", list->reset);
    put_dialogs(w, list, profiles);
    const Messenger__User *self = has_self(list) ? profiles_find(profiles, caller_tag(call)) : NULL;
    if (self != NULL)
        put_user(w, "self", self);
    if (!list->more && !list->reset)
        put_online(call, context);
    json_end_object(w);
    profiles_free(&profiles);
}

static Messenger__ChangeList *call_changes(struct jsonrpc_call *call,
                                           const struct rpc_context *context,
                                           const Messenger__GetChangesRequest *request)
{
    Messenger__ChangeList *list = NULL;

    return service_call(call, context, "message.GetChanges", &request->base,
                        &messenger__change_list__descriptor, &list)
               ? list
               : NULL;
}

/* A small page first: after a restart of a gateway, all of its clients ask at the same time, and
 * most have missed little. A client that has missed more gets a larger one, if the budget allows.
 * NULL: the call has failed. */
static Messenger__ChangeList *fetch_changes(struct jsonrpc_call *call,
                                            const struct rpc_context *context,
                                            Messenger__GetChangesRequest *request)
{
    request->max_bytes = answer_budget_next(call);
    Messenger__ChangeList *list =
        request->max_bytes > 0 ? call_changes(call, context, request) : NULL;
    if (list == NULL || !list->more || list->n_changes >= request->limit ||
        !answer_budget_try(call, SYNC_BYTES_MAX))
        return list;
    wire_free(list);
    request->max_bytes = SYNC_BYTES_MAX;
    return call_changes(call, context, request);
}

void methods_sync(struct jsonrpc_call *call)
{
    Messenger__GetChangesRequest request = MESSENGER__GET_CHANGES_REQUEST__INIT;
    Messenger__ChangeList *list;
    struct rpc_context context;

    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.epoch = wire_borrow(call->params[0].text);
    request.since = call->params[1].position;
    request.limit = call->params[2].number;
    request.dialogs = true;
    if (request.limit == 0 || request.limit > LIMIT_MAX) {
        jsonrpc_fail(call, JSONRPC_INVALID_PARAMS, "limit: must be 1 to 1000", 0);
        return;
    }
    service_call_context(call, &context);
    if (!service_call_wait_known(call, &context))
        return;
    list = fetch_changes(call, &context, &request);
    if (list != NULL)
        put_changes(call, &context, list);
    wire_free(list);
    answer_budget_settle(call);
}
