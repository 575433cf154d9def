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
#include "services/message/store/mongo/relations.h"
#include "services/message/store/mongo/withheld.h"

enum { CONTACTS_AT_ONCE = 256 };

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
    dialog->last.is_read = !dialog->last.is_withheld &&
                           dialog->last.sender_count <= (outgoing ? row->out_read : row->in_read);
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

/* The owner's relations to the peers, and what is withheld. */
static enum status read_relations(struct message_mongo_store *store, const char *owner_key,
                                  struct dialog_reading *reading)
{
    size_t count = reading->list->count;
    struct relation_pair *pairs = xcalloc(count, sizeof(*pairs));
    struct relation_documents *documents = xcalloc(count, sizeof(*documents));
    struct relation *relations = xcalloc(count, sizeof(*relations));
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(count, sizeof(*keys));

    for (size_t i = 0; i < count; i++) {
        account_name_to_key(reading->documents[i].peer_tag, keys[i]);
        pairs[i] = (struct relation_pair){ owner_key, keys[i] };
    }
    enum status status = relation_documents_find(store->db, pairs, count, documents);
    if (status == STATUS_OK)
        status = relation_documents_describe(store->db, owner_key,
                                             (const char(*)[ACCOUNT_NAME_SIZE])keys,
                                             reading->documents, count, documents, relations);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct dialog *dialog = &reading->list->items[i];
        dialog->relation = relations[i];
        status = message_mongo_withheld_adjust_dialog(store->db, &pairs[i], &documents[i],
                                                      &reading->documents[i], dialog);
    }
    free(keys);
    free(relations);
    free(documents);
    free(pairs);
    return status;
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
    if (status == STATUS_OK && list_out->count > 0)
        status = read_relations(message_mongo_handle(store), owner_key, &reading);
    hashmap_destroy(&reading.by_conversation);
    free(reading.documents);
    leave_out_empty(list_out);
    if (status != STATUS_OK)
        dialog_list_finish(list_out);
    return status;
}

struct contact_reading {
    struct dialog_document *dialogs;
    char (*keys)[ACCOUNT_NAME_SIZE];
    size_t count, capacity, key_capacity;
};

static void take_contact(void *ctx, const bson_t *document)
{
    struct contact_reading *reading = ctx;

    reading->dialogs = array_reserve(reading->dialogs, reading->count, &reading->capacity,
                                     sizeof(*reading->dialogs));
    reading->keys =
        array_reserve(reading->keys, reading->count, &reading->key_capacity, ACCOUNT_NAME_SIZE);
    dialog_document_read(document, &reading->dialogs[reading->count]);
    if (account_name_to_key(mongo_text(document, "peerTag"), reading->keys[reading->count]))
        reading->count++;
}

/* A part of the contacts. */
static enum status describe_contacts(struct mongo_db *db, const char *owner_key,
                                     const struct contact_reading *reading, size_t first,
                                     size_t count, struct message_contact *contacts)
{
    struct relation_pair pairs[CONTACTS_AT_ONCE];
    struct relation_documents documents[CONTACTS_AT_ONCE];
    struct relation relations[CONTACTS_AT_ONCE];

    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct relation_pair){ owner_key, reading->keys[first + i] };
    enum status status = relation_documents_find(db, pairs, count, documents);
    if (status == STATUS_OK)
        status = relation_documents_describe(
            db, owner_key, (const char(*)[ACCOUNT_NAME_SIZE])(reading->keys + first),
            reading->dialogs + first, count, documents, relations);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        memcpy(contacts[i].key, reading->keys[first + i], ACCOUNT_NAME_SIZE);
        memcpy(contacts[i].tag, reading->dialogs[first + i].peer_tag, ACCOUNT_NAME_SIZE);
        contacts[i].relation = relations[i];
    }
    return status;
}

enum status message_mongo_reads_contacts(struct message_store *store, const char *owner_key,
                                         struct message_contacts *contacts_out)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct contact_reading reading = { .dialogs = NULL };
    struct superseded superseded;

    *contacts_out = (struct message_contacts){ 0 };
    enum status status = message_mongo_accounts_superseded(store, &superseded);
    if (status == STATUS_OK)
        status = mongo_find(db, DIALOGS, message_mongo_accounts_dialogs(&superseded, owner_key),
                            BCON_NEW("projection", "{", "peerTag", BCON_INT32(1), "inCount",
                                     BCON_INT32(1), "outCount", BCON_INT32(1), "}"),
                            take_contact, &reading);
    message_mongo_accounts_finish(&superseded);
    contacts_out->items = xcalloc(reading.count, sizeof(*contacts_out->items));
    contacts_out->count = reading.count;
    for (size_t i = 0; i < reading.count && status == STATUS_OK; i += CONTACTS_AT_ONCE) {
        size_t left = reading.count - i;
        status = describe_contacts(db, owner_key, &reading, i,
                                   left < CONTACTS_AT_ONCE ? left : CONTACTS_AT_ONCE,
                                   contacts_out->items + i);
    }
    free(reading.keys);
    free(reading.dialogs);
    if (status != STATUS_OK)
        message_contacts_finish(contacts_out);
    return status;
}

struct message_reading {
    struct message_list *list;
    size_t capacity;
    const char *owner_tag;
    uint64_t in_read, out_read;
    uint64_t next; /* the seq of the next one, as the owner counts; 0: as in the store */
};

static void take_message(void *ctx, const bson_t *document)
{
    struct message_reading *reading = ctx;

    if (reading->list->count == reading->capacity)
        return;
    struct message *message = &reading->list->items[reading->list->count++];
    message_document_read(document, message);
    bool outgoing = strcmp(message->sender_tag, reading->owner_tag) == 0;
    message->is_read = !message->is_withheld &&
                       message->sender_count <= (outgoing ? reading->out_read : reading->in_read);
    if (reading->next > 0)
        message->seq = reading->next--;
}

/* A part of a conversation, by the seq of the store. */
struct part {
    struct id conversation;
    const char *owner_key;
    uint64_t newest, oldest; /* none when newest is 0 */
    bool leaves_out;         /* what is withheld from the owner */
    uint64_t seen;           /* the newest, as the owner counts, if something is */
};

static enum status read_part(struct message_mongo_store *store, const struct part *part,
                             struct message_reading *reading)
{
    bson_t *filter = bson_new();
    bson_t range;

    mongo_append_id(filter, "conv", &part->conversation);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "seq", &range);
    BSON_APPEND_INT64(&range, "$gte", (int64_t)part->oldest);
    BSON_APPEND_INT64(&range, "$lte", (int64_t)part->newest);
    bson_append_document_end(filter, &range);
    if (part->leaves_out)
        BCON_APPEND(filter, "withheld", "{", "$ne", BCON_UTF8(part->owner_key), "}");
    return mongo_find(store->db, MESSAGES, filter,
                      BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}"), take_message, reading);
}

/* Entries [start, end) of `last` ones. */
static void cut_part(struct message_range range, uint64_t last, struct part *part)
{
    if (range.newest_seq > 0 && range.newest_seq < last)
        last = range.newest_seq;
    part->newest = last > range.start ? last - range.start : 0;
    part->oldest = last > range.end ? last - range.end + 1 : 1;
}

static enum status find_part(struct mongo_db *db, const char *owner_key, const char *peer_key,
                             struct message_range range, uint64_t last, struct part *part)
{
    const struct relation_pair pair = { owner_key, peer_key };
    struct relation_documents relations;
    uint64_t withheld;

    *part = (struct part){ .conversation = message_conversation_id(owner_key, peer_key),
                           .owner_key = owner_key };
    enum status status = relation_documents_find(db, &pair, 1, &relations);
    if (status != STATUS_OK || range.is_raw || !relations.withheld_from_me) {
        cut_part(range, last, part);
        return status;
    }
    part->leaves_out = true;
    status = message_mongo_withheld_count(db, &part->conversation, owner_key, last, &withheld);
    cut_part(range, last - withheld, part);
    part->seen = part->newest;
    if (status == STATUS_OK && part->newest > 0)
        status = message_mongo_withheld_to_stored(db, &part->conversation, owner_key, part->newest,
                                                  &part->newest);
    if (status == STATUS_OK)
        status = message_mongo_withheld_to_stored(db, &part->conversation, owner_key, part->oldest,
                                                  &part->oldest);
    return status;
}

enum status message_mongo_reads_messages(struct message_store *store, const char *owner_key,
                                         const char *peer_key, struct message_range range,
                                         struct message_list *list_out)
{
    struct message_mongo_store *handle = message_mongo_handle(store);
    struct dialog_document both[2];
    char ids[2][DIALOG_ID_SIZE];
    struct part part;

    *list_out = (struct message_list){ 0 };
    dialog_document_id(owner_key, peer_key, ids[0]);
    dialog_document_id(peer_key, owner_key, ids[1]);
    enum status status =
        dialog_documents_find(handle->db, (const char(*)[DIALOG_ID_SIZE])ids, 2, both);
    uint64_t last = both[0].last_seq > both[1].last_seq ? both[0].last_seq : both[1].last_seq;
    if (status == STATUS_OK)
        status = find_part(handle->db, owner_key, peer_key, range, last, &part);
    if (status != STATUS_OK || part.newest == 0)
        return status;
    struct message_reading reading = {
        .list = list_out,
        .capacity = (size_t)(part.newest - part.oldest + 1),
        .owner_tag = both[0].last_seq > 0 ? both[0].owner_tag : both[1].peer_tag,
        .in_read = both[0].in_read,
        .out_read = dialog_document_shown_read(&both[0], &both[1]),
        .next = part.seen,
    };
    if (reading.capacity > range.end - range.start)
        reading.capacity = range.end - range.start;
    list_out->items = xcalloc(reading.capacity, sizeof(struct message));
    status = read_part(handle, &part, &reading);
    if (status != STATUS_OK)
        message_list_finish(list_out);
    return status;
}
