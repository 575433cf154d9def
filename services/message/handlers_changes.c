#include "services/message/handlers_changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/message_rules.h"
#include "services/message/message_service.h"
#include "services/message/views.h"

enum { TAGS_MAX = 1000 };

/* --- changes ------------------------------------------------------------------------------- */

/* A view of a change, for which the gateway's notification serves. */
struct change_view {
    Messenger__Notification proto;
    Messenger__ProfileChange profile;
    struct message_view message;
    char peer_tag[TAG_SIZE];
};

static void change_view_set(struct change_view *view, const struct message_change *change)
{
    Messenger__Notification *n = &view->proto;

    messenger__notification__init(n);
    messenger__profile_change__init(&view->profile);
    message_view_set(&view->message, &change->message);
    account_name_strip(change->peer_tag, view->peer_tag);
    n->user_seq = change->user_seq;
    switch (change->kind) {
    case CHANGE_NEW_MESSAGE:
        n->body_case = MESSENGER__NOTIFICATION__BODY_NEW_MESSAGE;
        n->new_message = &view->message.proto;
        n->new_message->is_request = change->is_request;
        break;
    case CHANGE_MESSAGE_SENT:
        n->body_case = MESSENGER__NOTIFICATION__BODY_MESSAGE_SENT;
        n->message_sent = &view->message.proto;
        break;
    case CHANGE_WAS_READ:
        n->body_case = MESSENGER__NOTIFICATION__BODY_MESSAGE_WAS_READ;
        n->message_was_read = view->peer_tag;
        break;
    case CHANGE_READ:
        n->body_case = MESSENGER__NOTIFICATION__BODY_DIALOG_WAS_READ;
        n->dialog_was_read = view->peer_tag;
        break;
    case CHANGE_CONTACT:
        view->profile.tag = view->peer_tag;
        n->body_case = MESSENGER__NOTIFICATION__BODY_CONTACT_CHANGED;
        n->contact_changed = &view->profile;
        break;
    case CHANGE_SELF:
        n->body_case = MESSENGER__NOTIFICATION__BODY_SELF_CHANGED;
        n->self_changed = &view->profile;
        break;
    }
}

/*
 * Cuts the list so that it fits into one message of the bus: what is left is as complete up to its
 * position as the whole was, and there is more.
 */
static void cut_to_fit(struct change_list *list, uint32_t max_bytes)
{
    struct hashmap *peers = hashmap_create();
    struct reply_budget budget = { .max = max_bytes };
    size_t n = 0, dialogs = 0;

    for (bool fits = true; n < list->count && fits; n += fits) {
        const struct message_change *change = &list->items[n];
        char key[ACCOUNT_NAME_SIZE];
        bool fresh =
            account_name_to_key(change->peer_tag, key) && hashmap_put(peers, key, list) == NULL;
        fits = reply_budget_take(&budget, change->message.text != NULL ? change->message.text : "");
        if (fits && fresh && dialogs < list->dialogs.count) {
            fits = reply_budget_take(&budget, list->dialogs.items[dialogs].last.text) || n == 0;
            dialogs += fits;
        }
    }
    hashmap_destroy(&peers);
    if (n == list->count)
        return;
    while (list->count > n)
        free(list->items[--list->count].message.text);
    while (list->dialogs.count > dialogs)
        free(list->dialogs.items[--list->dialogs.count].last.text);
    list->position = list->items[n - 1].user_seq;
    list->more = true;
}

/* Which of the new messages are a stranger's. */
static enum status mark_requests(struct message_service *service, const char *owner_key,
                                 struct change_list *list)
{
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(list->count, sizeof(*keys));
    struct relation *relations = xcalloc(list->count, sizeof(*relations));
    enum status status = STATUS_OK;
    size_t n = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind == CHANGE_NEW_MESSAGE &&
            account_name_to_key(list->items[i].peer_tag, keys[n]))
            n++;
    if (n > 0)
        status = message_store_relations(service->store, owner_key,
                                         (const char(*)[ACCOUNT_NAME_SIZE])keys, n, relations);
    n = 0;
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++)
        if (list->items[i].kind == CHANGE_NEW_MESSAGE)
            list->items[i].is_request = relation_is_request(&relations[n++], true);
    free(relations);
    free(keys);
    return status;
}

static void reply_changes(struct rpc_request *call, char *epoch, const struct change_list *list,
                          bool consent)
{
    struct change_view *changes = xcalloc(list->count, sizeof(*changes));
    Messenger__Notification **change_pointers = xcalloc(list->count, sizeof(*change_pointers));
    struct dialog_view *dialogs = xcalloc(list->dialogs.count, sizeof(*dialogs));
    Messenger__Dialog **dialog_pointers = xcalloc(list->dialogs.count, sizeof(*dialog_pointers));
    Messenger__ChangeList reply = MESSENGER__CHANGE_LIST__INIT;

    for (size_t i = 0; i < list->count; i++) {
        change_view_set(&changes[i], &list->items[i]);
        change_pointers[i] = &changes[i].proto;
    }
    for (size_t i = 0; i < list->dialogs.count; i++) {
        dialog_view_set(&dialogs[i], &list->dialogs.items[i], consent);
        dialog_pointers[i] = &dialogs[i].proto;
    }
    reply.epoch = epoch;
    reply.position = list->position;
    reply.more = list->more;
    reply.reset = list->reset;
    reply.n_changes = list->count;
    reply.changes = change_pointers;
    reply.n_dialogs = list->dialogs.count;
    reply.dialogs = dialog_pointers;
    rpc_request_reply(call, &reply.base);
    free(dialog_pointers);
    free(dialogs);
    free(change_pointers);
    free(changes);
}

void handle_get_changes(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetChangesRequest *wanted = request;
    struct change_range range = { wanted->since, wanted->limit, wanted->dialogs };
    struct change_list list = { 0 };
    struct message_user owner;
    char epoch[EPOCH_SIZE];

    if (wanted->limit == 0 || wanted->limit > MESSAGE_PAGE_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "limit: 1 to 1000");
        return;
    }
    enum status status = user_directory_find_caller(service->users, rpc_request_context(call),
                                                    wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = message_store_epoch(service->store, epoch);
    if (status == STATUS_OK && strcmp(epoch, wanted->epoch) != 0)
        range.since = UINT64_MAX; /* no sequence reaches it: only the position is returned */
    if (status == STATUS_OK)
        status = message_store_changes(service->store, owner.key, range, &list);
    if (status == STATUS_OK && service->consent)
        status = mark_requests(service, owner.key, &list);
    if (status == STATUS_OK) {
        cut_to_fit(&list, wanted->max_bytes);
        reply_changes(call, epoch, &list, service->consent);
    } else {
        rpc_request_fail(call, status, NULL);
    }
    change_list_finish(&list);
}

/* --- positions ----------------------------------------------------------------------------- */

void handle_get_positions(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetPositionsRequest *wanted = request;
    Messenger__PositionList reply = MESSENGER__POSITION_LIST__INIT;
    char(*keys)[ACCOUNT_NAME_SIZE], epoch[EPOCH_SIZE];
    struct message_user *users;

    if (wanted->n_tags == 0 || wanted->n_tags > TAGS_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "tags: 1 to 1000");
        return;
    }
    keys = xcalloc(wanted->n_tags, sizeof(*keys));
    reply.n_positions = wanted->n_tags;
    reply.positions = xcalloc(wanted->n_tags, sizeof(*reply.positions));
    users = xcalloc(wanted->n_tags, sizeof(*users));
    enum status status = user_directory_find_many(service->users, rpc_request_context(call),
                                                  wanted->tags, wanted->n_tags, users);
    for (size_t i = 0; i < wanted->n_tags; i++)
        memcpy(keys[i], users[i].key, sizeof(keys[i]));
    free(users);
    if (status == STATUS_OK)
        status = message_store_epoch(service->store, epoch);
    if (status == STATUS_OK)
        status = message_store_positions(service->store, (const char(*)[ACCOUNT_NAME_SIZE])keys,
                                         wanted->n_tags, reply.positions);
    reply.epoch = epoch;
    if (status == STATUS_OK)
        rpc_request_reply(call, &reply.base);
    else
        rpc_request_fail(call, status, NULL);
    free(reply.positions);
    free(keys);
}

/* --- contacts ------------------------------------------------------------------------------ */

/* Replaces the names of the accounts by their tags, leaves out those whom the owner may not see,
 * and sorts. */
static void choose_contacts(struct message_contacts *contacts, bool consent)
{
    size_t kept = 0;
    char name[ACCOUNT_NAME_SIZE];

    for (size_t i = 0; i < contacts->count; i++) {
        struct message_contact *contact = &contacts->items[i];
        if (!relation_i_see_them(&contact->relation, consent))
            continue;
        account_name_strip(memcpy(name, contact->key, sizeof(name)), contact->key);
        contacts->items[kept++] = *contact;
    }
    contacts->count = kept;
    message_contacts_sort(contacts);
}

static void reply_contacts(struct rpc_request *call, const struct message_contacts *contacts,
                           const char *after_key)
{
    Messenger__ContactList reply = MESSENGER__CONTACT_LIST__INIT;
    char(*tags)[TAG_SIZE + 1] = xcalloc(TAGS_MAX, sizeof(*tags));
    char *pointers[TAGS_MAX];

    for (size_t i = 0; i < contacts->count && reply.n_tags < TAGS_MAX; i++) {
        if (strcmp(contacts->items[i].key, after_key) <= 0)
            continue;
        snprintf(tags[reply.n_tags], sizeof(*tags), "@%.*s", TAG_MAX, contacts->items[i].key);
        pointers[reply.n_tags] = tags[reply.n_tags];
        reply.n_tags++;
    }
    reply.tags = pointers;
    rpc_request_reply(call, &reply.base);
    free(tags);
}

void handle_get_contacts(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetContactsRequest *wanted = request;
    struct message_contacts contacts = { 0 };
    struct message_user owner;
    char after[TAG_SIZE] = "";
    enum status status = STATUS_INVALID_ARGUMENT;

    if (wanted->after_tag[0] == '\0' || tag_to_key(wanted->after_tag, after))
        status = user_directory_find_caller(service->users, rpc_request_context(call),
                                            wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = message_store_contacts(service->store, owner.key, &contacts);
    choose_contacts(&contacts, service->consent);
    if (status == STATUS_OK)
        reply_contacts(call, &contacts, after);
    else
        rpc_request_fail(call, status, NULL);
    message_contacts_finish(&contacts);
}
