#include "services/message/handlers_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.pb-c.h"
#include "services/common/base/memory.h"
#include "services/message/message_service.h"
#include "services/message/views.h"

enum { PIECE_MAX = 500 }; /* messages */

/* A piece of one conversation. */
struct piece {
    struct message_list list; /* newest first; those up to `after_seq` may be among them */
    size_t count;             /* how many of the oldest are sent */
    uint64_t after_seq;
    char peer[TAG_SIZE + 1]; /* "": there is none */
    char next[TAG_SIZE + 1]; /* the conversation that follows */
};

static void name_peer(const struct message_contact *contact, char tag_out[TAG_SIZE + 1])
{
    char tag[TAG_SIZE];

    account_name_strip(contact->tag, tag);
    snprintf(tag_out, TAG_SIZE + 1, "%s", tag);
}

/* The conversation with this user, or the next one, and the one after it. The order is that of keys
 * of accounts: a tag belongs to one of them. */
static const struct message_contact *find_peer(struct message_contacts *contacts, const char *key,
                                               struct piece *piece)
{
    message_contacts_sort(contacts);
    for (size_t i = 0; i < contacts->count; i++) {
        char tag_key[TAG_SIZE];
        account_name_strip(contacts->items[i].key, tag_key);
        if (strcmp(tag_key, key) < 0)
            continue;
        if (strcmp(tag_key, key) > 0)
            piece->after_seq = 0; /* it was of another one, which is gone */
        name_peer(&contacts->items[i], piece->peer);
        if (i + 1 < contacts->count)
            name_peer(&contacts->items[i + 1], piece->next);
        return &contacts->items[i];
    }
    return NULL;
}

/* The oldest messages after `after_seq`: as many as fit. */
static void take_oldest(struct piece *piece, uint32_t max_bytes)
{
    struct reply_budget budget = { .max = max_bytes };

    while (piece->list.count > 0 &&
           piece->list.items[piece->list.count - 1].seq <= piece->after_seq)
        free(piece->list.items[--piece->list.count].text);
    while (piece->count < piece->list.count &&
           reply_budget_take(&budget, piece->list.items[piece->list.count - 1 - piece->count].text))
        piece->count++;
}

static enum status read_piece(struct message_service *service, const struct message_user *owner,
                              const char *key, uint32_t max_bytes, struct piece *piece)
{
    struct message_contacts contacts;

    enum status status = message_store_contacts(service->store, owner->key, &contacts);
    if (status != STATUS_OK)
        return status;
    const struct message_contact *peer = find_peer(&contacts, key, piece);
    if (peer != NULL)
        status = message_store_messages(
            service->store, owner->key, peer->key,
            (struct message_range){ .end = PIECE_MAX, .newest_seq = piece->after_seq + PIECE_MAX },
            &piece->list);
    message_contacts_finish(&contacts);
    if (status == STATUS_OK && peer != NULL)
        take_oldest(piece, max_bytes);
    return status;
}

static void reply_piece(struct rpc_request *call, struct piece *piece)
{
    Messenger__ExportReply reply = MESSENGER__EXPORT_REPLY__INIT;
    struct message_view *views = xcalloc(piece->count, sizeof(*views));
    Messenger__Message **pointers = xcalloc(piece->count, sizeof(*pointers));
    size_t last = piece->list.count;

    for (size_t i = 0; i < piece->count; i++) {
        message_view_set(&views[i], &piece->list.items[last - 1 - i]);
        pointers[i] = &views[i].proto;
    }
    reply.n_messages = piece->count;
    reply.messages = pointers;
    reply.next_peer = piece->next;
    if (piece->count > 0) { /* more of them may follow */
        reply.next_peer = piece->peer;
        reply.next_after = views[piece->count - 1].proto.seq;
    }
    rpc_request_reply(call, &reply.base);
    free(pointers);
    free(views);
}

void handle_export(void *ctx, struct rpc_request *call, const void *request)
{
    struct message_service *service = ctx;
    const Messenger__ExportRequest *wanted = request;
    struct piece piece = { .after_seq = wanted->after_seq };
    char key[TAG_SIZE] = "";
    struct message_user owner;

    if ((*wanted->peer_tag != '\0' && !tag_to_key(wanted->peer_tag, key)) ||
        wanted->after_seq > MESSAGE_SEQ_MAX - PIECE_MAX) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT,
                         "peer_tag, after_seq: nothing begins there");
        return;
    }
    enum status status = user_directory_find_caller(service->users, rpc_request_context(call),
                                                    wanted->owner_tag, wanted->owner_id, &owner);
    if (status == STATUS_OK)
        status = read_piece(service, &owner, key, wanted->max_bytes, &piece);
    if (status == STATUS_OK)
        reply_piece(call, &piece);
    else
        rpc_request_fail(call, status, NULL);
    message_list_finish(&piece.list);
}
