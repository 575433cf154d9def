#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/changes.h"
#include "services/message/store/mongo/copy.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/profile.h"
#include "services/message/store/message_store_kind.h"
#include "services/message/store/mongo/writes.h"

enum { WRITES_MOST = 16384 };

struct store {
    struct message_store head;
    struct mongo_db *db;
    struct message_writer *writer;
    pthread_mutex_t lock;   /* guards the epoch */
    char epoch[EPOCH_SIZE]; /* "" until it is asked for: the server need not be there before */
};

static struct store *in(struct message_store *store)
{
    return (struct store *)store;
}

static void on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    message_writer_on_reported(in(store)->writer, reported, ctx);
}

static enum status send_message(struct message_store *store, struct message_send *send)
{
    return message_writer_send(in(store)->writer, send);
}

static enum status mark_read(struct message_store *store, struct message_mark *mark)
{
    return message_writer_mark(in(store)->writer, mark);
}

/* --- dialogs ------------------------------------------------------------------------------- */

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
    char owner[TAG_SIZE] = "", peer[TAG_SIZE] = "", hex[ID_HEX + 1];

    dialog_document_read(document, row);
    *dialog = (struct dialog){
        .unread_incoming = dialog_document_unread(row->in_count, row->in_read),
        .unread_outgoing = dialog_document_unread(row->out_count, row->out_read),
    };
    snprintf(dialog->peer_tag, TAG_SIZE, "%s", row->peer_tag);
    if (!tag_to_key(row->owner_tag, owner) || !tag_to_key(row->peer_tag, peer))
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

static enum status read_last_messages(struct store *store, struct dialog_reading *reading)
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

/* A dialog whose message cannot be seen yet (a read that hit a member which lags) is left out. */
static void leave_out_empty(struct dialog_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].last.text != NULL)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static enum status dialogs(struct message_store *store, const char *owner_key, uint32_t start,
                           uint32_t end, struct dialog_list *list_out)
{
    *list_out = (struct dialog_list){ .items = xcalloc(end - start, sizeof(struct dialog)) };
    struct dialog_reading reading = {
        .list = list_out,
        .documents = xcalloc(end - start, sizeof(struct dialog_document)),
        .by_conversation = hashmap_create(),
    };
    bson_t *opts = BCON_NEW("sort", "{", "lastMod", BCON_INT32(-1), "}", "skip", BCON_INT64(start),
                            "limit", BCON_INT64((int64_t)end - start));

    enum status status = mongo_find(in(store)->db, DIALOGS, dialog_documents_of(owner_key), opts,
                                    take_dialog, &reading);
    if (status == STATUS_OK && list_out->count > 0)
        status = read_last_messages(in(store), &reading);
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

    contacts->keys = array_reserve(contacts->keys, contacts->count, &reading->capacity, TAG_SIZE);
    if (tag_to_key(mongo_text(document, "peerTag"), contacts->keys[contacts->count]))
        contacts->count++;
}

static enum status contacts(struct message_store *store, const char *owner_key,
                            struct message_contacts *contacts_out)
{
    struct contact_reading reading = { .contacts = contacts_out };

    *contacts_out = (struct message_contacts){ 0 };
    enum status status = mongo_find(in(store)->db, DIALOGS, dialog_documents_of(owner_key),
                                    BCON_NEW("projection", "{", "peerTag", BCON_INT32(1), "}"),
                                    take_contact, &reading);
    if (status != STATUS_OK)
        message_contacts_finish(contacts_out);
    return status;
}

/* --- messages ------------------------------------------------------------------------------ */

struct message_reading {
    struct message_list *list;
    size_t room;
    const char *owner_tag;
    uint64_t in_read, out_read;
};

static void take_message(void *ctx, const bson_t *document)
{
    struct message_reading *reading = ctx;

    if (reading->list->count == reading->room)
        return;
    struct message *message = &reading->list->items[reading->list->count++];
    message_document_read(document, message);
    bool outgoing = strcmp(message->sender_tag, reading->owner_tag) == 0;
    message->is_read = message->sender_count <= (outgoing ? reading->out_read : reading->in_read);
}

static enum status read_range(struct store *store, const struct id *conversation, int64_t oldest,
                              int64_t newest, struct message_reading *reading)
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
static enum status messages(struct message_store *store, const char *owner_key,
                            const char *peer_key, struct message_range range,
                            struct message_list *list_out)
{
    struct id conversation = message_conversation_id(owner_key, peer_key);
    struct dialog_document both[2];
    char ids[2][DIALOG_ID_SIZE];

    *list_out = (struct message_list){ 0 };
    dialog_document_id(owner_key, peer_key, ids[0]);
    dialog_document_id(peer_key, owner_key, ids[1]);
    enum status status =
        dialog_documents_find(in(store)->db, (const char(*)[DIALOG_ID_SIZE])ids, 2, both);
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
        .room = (size_t)(newest - oldest + 1),
        .owner_tag = both[0].last_seq > 0 ? both[0].owner_tag : both[1].peer_tag,
        .in_read = both[0].in_read,
        .out_read = both[1].in_read,
    };
    list_out->items = xcalloc(reading.room, sizeof(struct message));
    status = read_range(in(store), &conversation, oldest, newest, &reading);
    if (status != STATUS_OK)
        message_list_finish(list_out);
    return status;
}

/* --- what a user has missed ----------------------------------------------------------------- */

static enum status epoch(struct message_store *store, char *epoch_out)
{
    pthread_mutex_lock(&in(store)->lock);
    snprintf(epoch_out, EPOCH_SIZE, "%s", in(store)->epoch);
    pthread_mutex_unlock(&in(store)->lock);
    if (*epoch_out != '\0')
        return STATUS_OK;
    enum status status = changes_mongo_epoch(in(store)->db, epoch_out);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&in(store)->lock);
    snprintf(in(store)->epoch, EPOCH_SIZE, "%s", epoch_out);
    pthread_mutex_unlock(&in(store)->lock);
    return STATUS_OK;
}

static enum status changes(struct message_store *store, const char *owner_key,
                           struct change_range range, struct change_list *list_out)
{
    return changes_mongo_read(in(store)->db, owner_key, range, list_out);
}

static enum status positions(struct message_store *store, const char (*keys)[TAG_SIZE],
                             size_t count, uint64_t *positions_out)
{
    return changes_mongo_positions(in(store)->db, keys, count, positions_out);
}

static enum status note_profile(struct message_store *store, struct message_profile *profile)
{
    return profile_mongo_note(in(store)->db, profile);
}

/* --- copies -------------------------------------------------------------------------------- */

static enum status records(struct message_store *store, const char *after_owner_key,
                           const char *after_peer_key, size_t most,
                           struct dialog_record_list *list_out)
{
    return copy_mongo_records(in(store)->db, after_owner_key, after_peer_key, most, list_out);
}

static enum status newest_seq(struct message_store *store, const char *key, const char *other_key,
                              uint64_t *seq_out)
{
    return copy_mongo_newest_seq(in(store)->db, key, other_key, seq_out);
}

static enum status import(struct message_store *store, const struct message_list *messages)
{
    return copy_mongo_import(in(store)->db, messages);
}

static enum status import_dialogs(struct message_store *store, const struct dialog_record *records,
                                  size_t count)
{
    return copy_mongo_import_dialogs(in(store)->db, records, count);
}

static enum status count(struct message_store *store, struct message_store_counts *counts_out)
{
    enum status status = mongo_count(in(store)->db, DIALOGS, &counts_out->dialogs);

    if (status == STATUS_OK)
        status = mongo_count(in(store)->db, MESSAGES, &counts_out->messages);
    return status;
}

/* --- life ---------------------------------------------------------------------------------- */

static void close_store(struct message_store *store)
{
    message_writer_stop(&in(store)->writer);
    mongo_db_close(&in(store)->db);
    pthread_mutex_destroy(&in(store)->lock);
    free(store);
}

static enum status ensure_indexes(struct mongo_db *db)
{
    enum status status = mongo_ensure_index(db, MESSAGES, "conv_seq", true,
                                            BCON_NEW("conv", BCON_INT32(1), "seq", BCON_INT32(1)));

    if (status == STATUS_OK)
        status = mongo_ensure_index(db, CHANGES, "owner_mod", true,
                                    BCON_NEW("owner", BCON_INT32(1), "mod", BCON_INT32(1)));
    return status;
}

static enum status open_store(const char *url, struct message_store **store_out)
{
    struct store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &message_store_mongo;
    pthread_mutex_init(&store->lock, NULL);
    enum status status = mongo_db_open(url, &store->db);
    if (status == STATUS_OK)
        status = ensure_indexes(store->db);
    if (status == STATUS_OK)
        store->writer = message_writer_start(store->db, WRITES_MOST, &status);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    *store_out = &store->head;
    return STATUS_OK;
}

const struct message_store_kind message_store_mongo = {
    .scheme = "mongodb",
    .open = open_store,
    .close = close_store,
    .on_reported = on_reported,
    .send = send_message,
    .mark_read = mark_read,
    .dialogs = dialogs,
    .messages = messages,
    .contacts = contacts,
    .epoch = epoch,
    .changes = changes,
    .positions = positions,
    .note_profile = note_profile,
    .records = records,
    .newest_seq = newest_seq,
    .import = import,
    .import_dialogs = import_dialogs,
    .count = count,
};
