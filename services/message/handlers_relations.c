#include "services/message/handlers_relations.h"

#include <stdlib.h>
#include <string.h>

#include "message.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/fanout.h"
#include "services/message/message_service.h"
#include "services/message/views.h"

enum { TAGS_MAX = 1000 };

/* --- decisions ----------------------------------------------------------------------------- */

static bool read_action(Messenger__RelationAction wanted, enum relation_action *action_out)
{
    switch (wanted) {
    case MESSENGER__RELATION_ACTION__RELATION_ACTION_ADD:
        *action_out = RELATION_ADD;
        return true;
    case MESSENGER__RELATION_ACTION__RELATION_ACTION_REMOVE:
        *action_out = RELATION_REMOVE;
        return true;
    case MESSENGER__RELATION_ACTION__RELATION_ACTION_BLOCK:
        *action_out = RELATION_BLOCK;
        return true;
    case MESSENGER__RELATION_ACTION__RELATION_ACTION_UNBLOCK:
        *action_out = RELATION_UNBLOCK;
        return true;
    default:
        return false;
    }
}

/* The owner's relation to the peer. */
static enum status find_relation(struct message_service *service,
                                 const struct relation_change *change,
                                 struct relation *relation_out)
{
    char keys[1][ACCOUNT_NAME_SIZE];

    memcpy(keys[0], change->peer.key, sizeof(keys[0]));
    return message_store_relations(service->store, change->owner.key,
                                   (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, relation_out);
}

static void reply_relation(struct message_service *service, struct rpc_request *call,
                           const struct relation_change *change, const struct relation *before,
                           const char *origin)
{
    Messenger__SetRelationReply reply = MESSENGER__SET_RELATION_REPLY__INIT;
    struct relation after = *before;

    if (change->changed && relation_apply(before->mine, change->action, &after.mine) == STATUS_OK)
        fanout_relation(service->fanout, change, before, &after, origin);
    reply.changed = change->changed;
    rpc_request_reply(call, &reply.base);
}

static const char *relation_problem(enum status status, enum relation_action action)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return "tag: no such user";
    case STATUS_FORBIDDEN:
        return action == RELATION_ADD ? "tag: this user is blocked, or you have added too many"
                                      : "tag: you have blocked too many";
    default:
        return NULL;
    }
}

static bool takes_back(enum relation_action action)
{
    return action == RELATION_REMOVE || action == RELATION_UNBLOCK;
}

void handle_set_relation(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__SetRelationRequest *wanted = request;
    struct relation_change change = { .now_ms = clock_wall_ms() };
    const struct rpc_context *context = rpc_request_context(call);
    struct relation before;
    bool is_gone = false;

    if (!read_action(wanted->action, &change.action)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "action: none of those known");
        return;
    }
    if (tag_same(wanted->owner_tag, wanted->peer_tag)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "tag: this is you");
        return;
    }
    enum status status = user_directory_find_caller(service->users, context, wanted->owner_tag,
                                                    wanted->owner_id, &change.owner);
    if (status == STATUS_OK)
        status = user_directory_find_former(service->users, context, wanted->peer_tag, &change.peer,
                                            &is_gone);
    /* What was decided about an account that is gone can be taken back, nothing else. */
    if (status == STATUS_OK && is_gone && !takes_back(change.action))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = find_relation(service, &change, &before);
    if (status == STATUS_OK && is_gone && before.mine == RELATION_NONE)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = message_store_relate(service->store, &change);
    if (status == STATUS_OK)
        reply_relation(service, call, &change, &before, wanted->origin);
    else
        rpc_request_fail(call, status, relation_problem(status, change.action));
}

/* --- lists --------------------------------------------------------------------------------- */

static void reply_blocked(struct rpc_request *call, const struct blocked_list *list)
{
    Messenger__BlockedList reply = MESSENGER__BLOCKED_LIST__INIT;
    Messenger__BlockedList__Blocked *views = xcalloc(list->count, sizeof(*views));
    Messenger__BlockedList__Blocked **pointers = xcalloc(list->count, sizeof(*pointers));
    char(*tags)[TAG_SIZE] = xcalloc(list->count, sizeof(*tags));

    for (size_t i = 0; i < list->count; i++) {
        account_name_strip(list->items[i].tag, tags[i]);
        messenger__blocked_list__blocked__init(&views[i]);
        views[i].tag = tags[i];
        views[i].since_ms = list->items[i].since_ms;
        pointers[i] = &views[i];
    }
    reply.n_users = list->count;
    reply.users = pointers;
    rpc_request_reply(call, &reply.base);
    free(tags);
    free(pointers);
    free(views);
}

void handle_get_blocked(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetBlockedRequest *wanted = request;
    struct blocked_list list = { 0 };
    struct message_user owner;

    enum status status = user_directory_find_caller(service->users, rpc_request_context(call),
                                                    wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = message_store_blocked(service->store, owner.key, &list);
    if (status == STATUS_OK)
        reply_blocked(call, &list);
    else
        rpc_request_fail(call, status, NULL);
    blocked_list_finish(&list);
}

static void reply_visibility(struct message_service *service, struct rpc_request *call,
                             const struct relation *relations, size_t count)
{
    Messenger__VisibilityList reply = MESSENGER__VISIBILITY_LIST__INIT;
    Messenger__Visibility *views = xcalloc(count, sizeof(*views));
    Messenger__Visibility **pointers = xcalloc(count, sizeof(*pointers));

    for (size_t i = 0; i < count; i++) {
        views_set_visibility(&views[i], &relations[i], service->consent);
        pointers[i] = &views[i];
    }
    reply.n_visibilities = count;
    reply.visibilities = pointers;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

/* A tag that no account has shows nothing, and a user sees all of itself. */
static enum status find_relations(struct message_service *service, struct rpc_request *call,
                                  const Messenger__GetVisibilityRequest *wanted,
                                  struct relation *relations)
{
    size_t count = wanted->n_tags;
    struct message_user owner, *users = xcalloc(count, sizeof(*users));
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(count, sizeof(*keys));

    enum status status = user_directory_find_caller(service->users, rpc_request_context(call),
                                                    wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = user_directory_find_many(service->users, rpc_request_context(call), wanted->tags,
                                          count, users);
    for (size_t i = 0; i < count; i++)
        memcpy(keys[i], users[i].key, sizeof(keys[i]));
    if (status == STATUS_OK)
        status = message_store_relations(service->store, owner.key,
                                         (const char(*)[ACCOUNT_NAME_SIZE])keys, count, relations);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (strcmp(keys[i], owner.key) == 0)
            relations[i] = (struct relation){ .theirs = RELATION_ADDED };
    free(keys);
    free(users);
    return status;
}

void handle_get_visibility(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetVisibilityRequest *wanted = request;

    if (wanted->n_tags == 0 || wanted->n_tags > TAGS_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "tags: 1 to 1000");
        return;
    }
    struct relation *relations = xcalloc(wanted->n_tags, sizeof(*relations));
    enum status status = find_relations(service, call, wanted, relations);
    if (status == STATUS_OK)
        reply_visibility(service, call, relations, wanted->n_tags);
    else
        rpc_request_fail(call, status, NULL);
    free(relations);
}

/* --- privacy ------------------------------------------------------------------------------- */

static bool is_audience(Messenger__Audience audience)
{
    return protobuf_c_enum_descriptor_get_value(&messenger__audience__descriptor, (int)audience) !=
           NULL;
}

/* Writes what differs. */
static enum status change_privacy(struct message_service *service,
                                  const Messenger__SetPrivacyRequest *wanted,
                                  const struct message_user *owner, struct privacy *privacy_out)
{
    struct privacy before;

    enum status status = message_store_privacy(service->store, owner->key, &before);
    if (status != STATUS_OK)
        return status;
    privacy_out->online = views_read_audience(wanted->online, before.online);
    privacy_out->read_marks = views_read_audience(wanted->read_marks, before.read_marks);
    if (privacy_out->online == before.online && privacy_out->read_marks == before.read_marks)
        return STATUS_OK;
    status = message_store_set_privacy(service->store, owner, *privacy_out);
    if (status == STATUS_OK)
        fanout_privacy(service->fanout, owner, before, *privacy_out, wanted->origin);
    return status;
}

void handle_set_privacy(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__SetPrivacyRequest *wanted = request;
    Messenger__Privacy reply;
    struct message_user owner;
    struct privacy privacy;

    if (!is_audience(wanted->online) || !is_audience(wanted->read_marks)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "audience: none of those known");
        return;
    }
    enum status status = user_directory_find_caller(service->users, rpc_request_context(call),
                                                    wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = change_privacy(service, wanted, &owner, &privacy);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        return;
    }
    views_set_privacy(&reply, privacy);
    rpc_request_reply(call, &reply.base);
}
