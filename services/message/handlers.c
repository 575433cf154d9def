#include "services/message/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/fanout.h"
#include "services/message/handlers_changes.h"
#include "services/message/handlers_export.h"
#include "services/message/handlers_relations.h"
#include "services/message/message_rules.h"
#include "services/message/message_service.h"
#include "services/message/usage.h"
#include "services/message/views.h"

/* --- sending ----------------------------------------------------------------------------- */

struct sending {
    struct message_send send;
    struct message_service *service;
    struct rpc_request *call;
    const Messenger__SendRequest *request; /* lives until the call is answered */
};

static void reply_sent(const struct sending *sending)
{
    const struct message_send *send = &sending->send;
    Messenger__SendReply reply = MESSENGER__SEND_REPLY__INIT;
    Messenger__Message message = MESSENGER__MESSAGE__INIT;
    char id[ID_HEX + 1], sender_tag[TAG_SIZE], receiver_tag[TAG_SIZE];

    id_to_hex(&send->id, id);
    account_name_strip(send->sender.tag, sender_tag);
    account_name_strip(send->receiver.tag, receiver_tag);
    message.id = id;
    message.sender_tag = sender_tag;
    message.receiver_tag = receiver_tag;
    message.text = sending->request->text;
    message.date_ms = send->date_ms;
    message.seq = send->seq;
    message.is_read = send->is_read;
    message.client_message_id = sending->request->client_message_id;
    reply.message = &message;
    reply.repeated = send->repeated;
    rpc_request_reply(sending->call, &reply.base);
}

static const char *send_problem(enum status status)
{
    switch (status) {
    case STATUS_CONFLICT:
        return "clientMessageId: used before for another receiver or text";
    case STATUS_FORBIDDEN:
        return "receiverTag: you have blocked this user";
    default:
        return "the message could not be stored";
    }
}

/* The receiver is notified before the sender is answered, over the same connection: so whatever the
 * sender sends next is published after it, and no receiver gets the two out of order.
 */
static void handle_stored(struct message_send *send, enum status status)
{
    struct sending *sending = (struct sending *)send;

    bus_hold(sending->service->bus); /* until all of the batch are reported */
    if (status == STATUS_OK) {
        if (!send->repeated) {
            usage_note(sending->service->usage, send->sender.key, strlen(send->text));
            fanout_message(sending->service->fanout, send, sending->request->origin);
        }
        reply_sent(sending);
    } else {
        rpc_request_fail(sending->call, status, send_problem(status));
    }
    free(sending);
}

static const char *check_send(const Messenger__SendRequest *request)
{
    const char *problem = message_rules_check_text(request->text);

    if (problem == NULL)
        problem = message_rules_check_client_id(request->client_message_id);
    if (problem == NULL && tag_same(request->sender_tag, request->receiver_tag))
        problem = "receiverTag: one cannot write to oneself";
    return problem;
}

/* False: the call has failed. */
static bool may_store(struct message_service *service, struct rpc_request *call,
                      const struct message_user *sender, const char *text)
{
    switch (usage_judge(service->usage, sender->key, strlen(text))) {
    case USAGE_OVER_QUOTA:
        rpc_request_fail(call, STATUS_FORBIDDEN,
                         "text: you have stored as many messages as this server allows");
        return false;
    case USAGE_DISK_LOW:
        rpc_request_fail(call, STATUS_BUSY, "the disk of the server is nearly full");
        return false;
    default:
        return true;
    }
}

static void begin_send(struct message_service *service, struct rpc_request *call,
                       const Messenger__SendRequest *wanted, const struct message_user *sender,
                       const struct message_user *receiver)
{
    if (!may_store(service, call, sender, wanted->text))
        return;
    struct sending *sending = xcalloc(1, sizeof(*sending));
    struct message_send *send = &sending->send;

    sending->service = service;
    sending->call = call;
    sending->request = wanted;
    send->sender = *sender;
    send->receiver = *receiver;
    send->text = wanted->text;
    send->client_message_id = wanted->client_message_id;
    send->now_ms = clock_wall_ms();
    send->done = handle_stored;
    enum status status = message_store_send(service->store, send);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        free(sending);
    }
}

/* False: the call has failed. */
static bool find_caller(struct message_service *service, struct rpc_request *call, const char *tag,
                        const char *account_id, struct message_user *user_out)
{
    enum status status = user_directory_find_caller(service->users, rpc_request_context(call), tag,
                                                    account_id, user_out);

    if (status != STATUS_OK)
        rpc_request_fail(call, status,
                         status == STATUS_UNAUTHENTICATED ? "the account does not exist" : NULL);
    return status == STATUS_OK;
}

static bool find_peer(struct message_service *service, struct rpc_request *call, const char *tag,
                      const char *unknown, struct message_user *user_out)
{
    enum status status =
        user_directory_find(service->users, rpc_request_context(call), tag, user_out);

    if (status != STATUS_OK)
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? unknown : NULL);
    return status == STATUS_OK;
}

static void find_and_send(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__SendRequest *wanted = request;
    struct message_user sender, receiver;

    if (find_caller(service, call, wanted->sender_tag, wanted->sender_id, &sender) &&
        find_peer(service, call, wanted->receiver_tag, "receiverTag: no such user", &receiver))
        begin_send(service, call, wanted, &sender, &receiver);
}

/* The store enqueues a write without blocking; to look up the two users may need a call. */
static void handle_send(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__SendRequest *wanted = request;
    struct message_user sender, receiver;
    const char *problem = check_send(wanted);

    if (problem != NULL)
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
    else if (user_directory_recall(service->users, wanted->sender_tag, wanted->sender_id,
                                   &sender) &&
             user_directory_recall(service->users, wanted->receiver_tag, "", &receiver))
        begin_send(service, call, wanted, &sender, &receiver);
    else
        rpc_request_defer(call, find_and_send, RPC_FAST);
}

/* --- reading marks ----------------------------------------------------------------------- */

#define NO_SENDER "senderTag: no such user"

struct marking {
    struct message_mark mark;
    struct message_service *service;
    struct rpc_request *call;
    const Messenger__MarkReadRequest *request; /* lives until the call is answered */
    bool is_sender_gone; /* no account has the tag: there may still be what it has written */
};

static void handle_marked(struct message_mark *mark, enum status status)
{
    struct marking *marking = (struct marking *)mark;
    Messenger__MarkReadReply reply = MESSENGER__MARK_READ_REPLY__INIT;

    bus_hold(marking->service->bus);
    if (status == STATUS_OK && marking->is_sender_gone && !mark->has_dialog) {
        rpc_request_fail(marking->call, STATUS_NOT_FOUND, NO_SENDER);
    } else if (status == STATUS_OK) {
        if (mark->newly_read > 0)
            fanout_read(marking->service->fanout, mark, marking->request->origin);
        reply.newly_read = mark->newly_read;
        rpc_request_reply(marking->call, &reply.base);
    } else {
        rpc_request_fail(marking->call, status, "the mark could not be stored");
    }
    free(marking);
}

static void begin_mark(struct message_service *service, struct rpc_request *call,
                       const Messenger__MarkReadRequest *wanted, const struct message_user *reader,
                       const struct message_user *sender, bool is_sender_gone)
{
    struct marking *marking = xcalloc(1, sizeof(*marking));

    marking->service = service;
    marking->call = call;
    marking->request = wanted;
    marking->mark.reader = *reader;
    marking->mark.sender = *sender;
    marking->is_sender_gone = is_sender_gone;
    marking->mark.up_to_seq = wanted->up_to_seq;
    marking->mark.consent = service->consent;
    marking->mark.done = handle_marked;
    enum status status = message_store_mark_read(service->store, &marking->mark);
    if (status != STATUS_OK) {
        rpc_request_fail(call, status, NULL);
        free(marking);
    }
}

static void find_and_mark(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__MarkReadRequest *wanted = request;
    struct message_user reader, sender;
    bool is_gone;

    if (!find_caller(service, call, wanted->reader_tag, wanted->reader_id, &reader))
        return;
    enum status status = user_directory_find_former(service->users, rpc_request_context(call),
                                                    wanted->sender_tag, &sender, &is_gone);
    if (status == STATUS_OK)
        begin_mark(service, call, wanted, &reader, &sender, is_gone);
    else
        rpc_request_fail(call, status, status == STATUS_NOT_FOUND ? NO_SENDER : NULL);
}

static void handle_mark_read(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__MarkReadRequest *wanted = request;
    struct message_user reader, sender;

    if (user_directory_recall(service->users, wanted->reader_tag, wanted->reader_id, &reader) &&
        user_directory_recall(service->users, wanted->sender_tag, "", &sender))
        begin_mark(service, call, wanted, &reader, &sender, false);
    else
        rpc_request_defer(call, find_and_mark, RPC_FAST);
}

/* --- reads ------------------------------------------------------------------------------- */

static void reply_messages(struct rpc_request *call, const struct message_list *list,
                           uint32_t max_bytes)
{
    struct message_view *views = xcalloc(list->count, sizeof(*views));
    Messenger__Message **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__MessageList reply = MESSENGER__MESSAGE_LIST__INIT;
    struct reply_budget budget = { .max = max_bytes };
    size_t n = 0;

    for (; n < list->count && reply_budget_take(&budget, list->items[n].text); n++) {
        message_view_set(&views[n], &list->items[n]);
        pointers[n] = &views[n].proto;
    }
    reply.n_messages = n;
    reply.messages = pointers;
    reply.more = n < list->count;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

/* At least as many as the reply takes, with an entry more if there is one. */
static size_t store_bytes(uint32_t max_bytes)
{
    return max_bytes > 0 ? max_bytes + (size_t)MESSAGE_TEXT_MAX : 0;
}

static void handle_get_messages(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetMessagesRequest *wanted = request;
    struct message_user owner, peer;
    struct message_list list = { 0 };
    const char *problem = message_rules_check_range(wanted->start, wanted->end);
    enum status status = STATUS_OK;
    bool is_gone;

    if (problem == NULL && wanted->newest_seq > MESSAGE_SEQ_MAX)
        problem = "newest_seq: no message has such a number";
    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    if (!find_caller(service, call, wanted->owner_tag, wanted->owner_id, &owner))
        return;
    /* What one who is gone has written stays the owner's. */
    status = user_directory_find_former(service->users, rpc_request_context(call), wanted->peer_tag,
                                        &peer, &is_gone);
    if (status == STATUS_OK)
        status = message_store_messages(
            service->store, owner.key, peer.key,
            (struct message_range){ .start = wanted->start,
                                    .end = wanted->end,
                                    .newest_seq = wanted->newest_seq,
                                    .max_bytes = store_bytes(wanted->max_bytes) },
            &list);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status == STATUS_OK)
        reply_messages(call, &list, wanted->max_bytes);
    else
        rpc_request_fail(call, status, NULL);
    message_list_finish(&list);
}

static void reply_dialogs(struct rpc_request *call, const struct dialog_list *list, bool consent,
                          uint32_t max_bytes)
{
    struct dialog_view *views = xcalloc(list->count, sizeof(*views));
    Messenger__Dialog **pointers = xcalloc(list->count, sizeof(*pointers));
    Messenger__DialogList reply = MESSENGER__DIALOG_LIST__INIT;
    struct reply_budget budget = { .max = max_bytes };
    size_t n = 0;

    for (; n < list->count && reply_budget_take(&budget, list->items[n].last.text); n++) {
        dialog_view_set(&views[n], &list->items[n], consent);
        pointers[n] = &views[n].proto;
    }
    reply.n_dialogs = n;
    reply.dialogs = pointers;
    reply.more = n < list->count;
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

/* Leaves out dialogs with an account whose tag another one has, but has not used yet. */
static void leave_out_former(struct message_service *service, const struct rpc_context *context,
                             struct dialog_list *list)
{
    char(*tags)[TAG_SIZE] = xcalloc(list->count, sizeof(*tags));
    char **pointers = xcalloc(list->count, sizeof(*pointers));
    struct message_user *users = xcalloc(list->count, sizeof(*users));
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        account_name_strip(list->items[i].peer_tag, tags[i]);
        pointers[i] = tags[i];
    }
    enum status status =
        user_directory_find_many(service->users, context, pointers, list->count, users);
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++) {
        if (*users[i].key == '\0' || account_name_same(users[i].tag, list->items[i].peer_tag))
            list->items[count++] = list->items[i];
        else
            free(list->items[i].last.text);
    }
    if (status == STATUS_OK)
        list->count = count;
    free(users);
    free(pointers);
    free(tags);
}

static void handle_get_dialogs(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__GetDialogsRequest *wanted = request;
    struct dialog_list list = { 0 };
    const char *problem = message_rules_check_range(wanted->start, wanted->end);
    struct message_user owner;
    enum status status = STATUS_OK;

    if (problem != NULL) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, problem);
        return;
    }
    if (!find_caller(service, call, wanted->owner_tag, wanted->owner_id, &owner))
        return;
    status = message_store_dialogs(service->store, owner.key, wanted->start, wanted->end, &list);
    if (status == STATUS_OK)
        leave_out_former(service, rpc_request_context(call), &list);
    if (status == STATUS_OK)
        reply_dialogs(call, &list, service->consent, wanted->max_bytes);
    else
        rpc_request_fail(call, status, NULL);
    dialog_list_finish(&list);
}

const struct rpc_method message_methods[] = {
    { "Send", &messenger__send_request__descriptor, handle_send, RPC_INLINE },
    { "GetDialogs", &messenger__get_dialogs_request__descriptor, handle_get_dialogs, RPC_FAST },
    { "GetMessages", &messenger__get_messages_request__descriptor, handle_get_messages, RPC_FAST },
    { "MarkRead", &messenger__mark_read_request__descriptor, handle_mark_read, RPC_INLINE },
    { "GetChanges", &messenger__get_changes_request__descriptor, handle_get_changes, RPC_FAST },
    { "GetPositions", &messenger__get_positions_request__descriptor, handle_get_positions,
      RPC_FAST },
    { "GetContacts", &messenger__get_contacts_request__descriptor, handle_get_contacts, RPC_FAST },
    { "Export", &messenger__export_request__descriptor, handle_export, RPC_FAST },
    { "SetRelation", &messenger__set_relation_request__descriptor, handle_set_relation, RPC_FAST },
    { "GetBlocked", &messenger__get_blocked_request__descriptor, handle_get_blocked, RPC_FAST },
    { "GetVisibility", &messenger__get_visibility_request__descriptor, handle_get_visibility,
      RPC_FAST },
    { "SetPrivacy", &messenger__set_privacy_request__descriptor, handle_set_privacy, RPC_FAST },
};
const size_t message_method_count = sizeof(message_methods) / sizeof(message_methods[0]);
