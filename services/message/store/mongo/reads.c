#include "services/message/store/mongo/reads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/handle.h"

struct dialog_reading {
    struct dialog_list *list;
    struct dialog_document *documents; /* of each in the list */
    struct hashmap *by_conversation;   /* hex -> entry of the list */
};

static void take_dialog(void *ctx, const bson_t *document)
{
    struct dialog_reading *reading = ctx;
    size_t i = reading->list->count++;
    struct dialog_document *row = &reading->documents[i];
    struct dialog *dialog = &reading->list->items[i];
    char owner[ACCOUNT_NAME_SIZE] = "", peer[ACCOUNT_NAME_SIZE] = "", hex[ID_HEX + 1];

    dialog_document_read(document, row);
    *dialog = (struct dialog){
        .unread_incoming = dialog_document_unread(row->in_count, row->in_read),
        .unread_outgoing = dialog_document_unread(row->out_count, row->out_read),
    };
    snprintf(dialog->peer_tag, ACCOUNT_NAME_SIZE, "%s", row->peer_tag);
    if (!account_name_to_key(row->owner_tag, owner) || !account_name_to_key(row->peer_tag, peer))
        return;
    dialog->conversation = message_conversation_id(owner, peer);
    id_to_hex(&dialog->conversation, hex);
    hashmap_put(reading->by_conversation, hex, dialog);
}

static void take_last_message(void *ctx, const bson_t *document)
{
    struct dialog_reading *reading = ctx;
    struct id conversation;
    char hex[ID_HEX + 1];

    mongo_id(document, "conv", &conversation);
    id_to_hex(&conversation, hex);
    struct dialog *dialog = hashmap_get(reading->by_conversation, hex);
    if (dialog == NULL || dialog->last.text != NULL)
        return;
    const struct dialog_document *row = &reading->documents[dialog - reading->list->items];
    message_document_read(document, &dialog->last);
    bool outgoing = strcmp(dialog->last.sender_tag, row->owner_tag) == 0;
    dialog->last.is_read = dialog->last.sender_count <= (outgoing ? row->out_read : row->in_read);
}

static enum status read_last_messages(struct message_mongo_store *store,
                                      struct dialog_reading *reading)
{
    bson_t *filter = bson_new();
    struct mongo_array list;

    mongo_array_begin(filter, "$or", &list);
    for (size_t i = 0; i < reading->list->count; i++) {
        bson_t place = BSON_INITIALIZER;
        mongo_append_id(&place, "conv", &reading->list->items[i].conversation);
        BSON_APPEND_INT64(&place, "seq", (int64_t)reading->documents[i].last_seq);
        mongo_array_append_document(&list, &place);
        bson_destroy(&place);
    }
    mongo_array_end(&list);
    return mongo_find(store->db, MESSAGES, filter, NULL, take_last_message, reading);
}

/* Leaves out a dialog whose last message is not visible yet (a read from a lagging member). */
static void leave_out_empty(struct dialog_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].last.text != NULL)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

enum status message_mongo_reads_dialogs(struct message_store *store, const char *owner_key,
                                        uint32_t start, uint32_t end, struct dialog_list *list_out)
{
    *list_out = (struct dialog_list){ .items = xcalloc(end - start, sizeof(struct dialog)) };
    struct dialog_reading reading = {
        .list = list_out,
        .documents = xcalloc(end - start, sizeof(struct dialog_document)),
        .by_conversation = hashmap_create(),
    };
    struct superseded superseded;
    bson_t *opts = BCON_NEW("sort", "{", "lastMod", BCON_INT32(-1), "}", "skip", BCON_INT64(start),
                            "limit", BCON_INT64((int64_t)end - start));

    enum status status = message_mongo_accounts_superseded(store, &superseded);
    if (status == STATUS_OK)
        status = mongo_find(message_mongo_handle(store)->db, DIALOGS,
                            message_mongo_accounts_dialogs(&superseded, owner_key), opts,
                            take_dialog, &reading);
    else
        bson_destroy(opts);
    message_mongo_accounts_finish(&superseded);
    if (status == STATUS_OK && list_out->count > 0)
        status = read_last_messages(message_mongo_handle(store), &reading);
    hashmap_destroy(&reading.by_conversation);
    free(reading.documents);
    leave_out_empty(list_out);
    if (status != STATUS_OK)
        dialog_list_finish(list_out);
    return status;
}

struct contact_reading {
    struct message_contacts *contacts;
    size_t capacity;
};

static void take_contact(void *ctx, const bson_t *document)
{
    struct contact_reading *reading = ctx;
    struct message_contacts *contacts = reading->contacts;

    contacts->keys =
        array_reserve(contacts->keys, contacts->count, &reading->capacity, ACCOUNT_NAME_SIZE);
    if (account_name_to_key(mongo_text(document, "peerTag"), contacts->keys[contacts->count]))
        contacts->count++;
}

enum status message_mongo_reads_contacts(struct message_store *store, const char *owner_key,
                                         struct message_contacts *contacts_out)
{
    struct contact_reading reading = { .contacts = contacts_out };

    *contacts_out = (struct message_contacts){ 0 };
    struct superseded superseded;
    enum status status = message_mongo_accounts_superseded(store, &superseded);
    if (status == STATUS_OK)
        status = mongo_find(message_mongo_handle(store)->db, DIALOGS,
                            message_mongo_accounts_dialogs(&superseded, owner_key),
                            BCON_NEW("projection", "{", "peerTag", BCON_INT32(1), "}"),
                            take_contact, &reading);
    message_mongo_accounts_finish(&superseded);
    if (status != STATUS_OK)
        message_contacts_finish(contacts_out);
    return status;
}

struct message_reading {
    struct message_list *list;
    size_t capacity;
    const char *owner_tag;
    uint64_t in_read, out_read;
};

static void take_message(void *ctx, const bson_t *document)
{
    struct message_reading *reading = ctx;

    if (reading->list->count == reading->capacity)
        return;
    struct message *message = &reading->list->items[reading->list->count++];
    message_document_read(document, message);
    bool outgoing = strcmp(message->sender_tag, reading->owner_tag) == 0;
    message->is_read = message->sender_count <= (outgoing ? reading->out_read : reading->in_read);
}

static enum status read_range(struct message_mongo_store *store, const struct id *conversation,
                              int64_t oldest, int64_t newest, struct message_reading *reading)
{
    bson_t *filter = bson_new();
    bson_t range;

    mongo_append_id(filter, "conv", conversation);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "seq", &range);
    BSON_APPEND_INT64(&range, "$gte", oldest);
    BSON_APPEND_INT64(&range, "$lte", newest);
    bson_append_document_end(filter, &range);
    return mongo_find(store->db, MESSAGES, filter,
                      BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}"), take_message, reading);
}

/* What each has read stands in the reader's own dialog first; both are looked at, so that the two
 * of them see the same. */
enum status message_mongo_reads_messages(struct message_store *store, const char *owner_key,
                                         const char *peer_key, struct message_range range,
                                         struct message_list *list_out)
{
    struct id conversation = message_conversation_id(owner_key, peer_key);
    struct dialog_document both[2];
    char ids[2][DIALOG_ID_SIZE];

    *list_out = (struct message_list){ 0 };
    dialog_document_id(owner_key, peer_key, ids[0]);
    dialog_document_id(peer_key, owner_key, ids[1]);
    enum status status = dialog_documents_find(message_mongo_handle(store)->db,
                                               (const char(*)[DIALOG_ID_SIZE])ids, 2, both);
    uint64_t last = both[0].last_seq > both[1].last_seq ? both[0].last_seq : both[1].last_seq;
    if (range.newest_seq > 0 && range.newest_seq < last)
        last = range.newest_seq;
    int64_t newest = (int64_t)last - range.start, oldest = (int64_t)last - range.end + 1;
    if (status != STATUS_OK || newest < 1)
        return status;
    if (oldest < 1)
        oldest = 1;
    struct message_reading reading = {
        .list = list_out,
        .capacity = (size_t)(newest - oldest + 1),
        .owner_tag = both[0].last_seq > 0 ? both[0].owner_tag : both[1].peer_tag,
        .in_read = both[0].in_read,
        .out_read = both[1].in_read,
    };
    list_out->items = xcalloc(reading.capacity, sizeof(struct message));
    status = read_range(message_mongo_handle(store), &conversation, oldest, newest, &reading);
    if (status != STATUS_OK)
        message_list_finish(list_out);
    return status;
}
