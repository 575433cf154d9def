#include "services/message/store/mongo/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/sequence.h"
#include "services/message/store/mongo/withheld.h"

/* Another copy may store the same messages at the same time; then ours finds them there. */
enum { TRIES_MAX = 3 };

/* --- reading ------------------------------------------------------------------------------- */

struct record_page {
    struct dialog_record_list *list;
    size_t max;
};

static void take_record(void *ctx, const bson_t *document)
{
    struct record_page *page = ctx;
    struct dialog_document dialog;

    if (page->list->count == page->max)
        return;
    dialog_document_read(document, &dialog);
    struct dialog_record *record = &page->list->items[page->list->count];
    *record = (struct dialog_record){
        .last_seq = dialog.last_seq,
        .in_count = dialog.in_count,
        .out_count = dialog.out_count,
        .in_read = dialog.in_read,
        .out_read = dialog.out_read,
        .secret_read = dialog.secret_read,
        .last_date_ms = dialog.last_date_ms,
        .last_mod = dialog.last_mod,
        .mod = dialog.mod,
    };
    if (message_user_set(&record->owner, dialog.owner_tag) &&
        message_user_set(&record->peer, dialog.peer_tag))
        page->list->count++;
}

/* An owner's dialogs are adjacent, so each owner is read once. After the dialogs: a user sequence
 * older than a change would assign its number again. */
static enum status read_user_seqs(struct mongo_db *db, struct dialog_record_list *list)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < list->count && status == STATUS_OK; i++) {
        struct dialog_record *record = &list->items[i];
        if (i > 0 && strcmp(record->owner.key, list->items[i - 1].owner.key) == 0)
            record->user_seq = list->items[i - 1].user_seq;
        else
            status = sequence_newest(db, record->owner.key, &record->user_seq);
    }
    return status;
}

/* '/' sorts before all characters of a key, so the order of the ids is that of the pairs. */
enum status message_mongo_copy_records(struct message_store *store, const char *after_owner_key,
                                       const char *after_peer_key, size_t max,
                                       struct dialog_record_list *list_out)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct record_page page = { list_out, max };
    char after[DIALOG_ID_SIZE];

    *list_out = (struct dialog_record_list){ .items = xcalloc(max, sizeof(struct dialog_record)) };
    dialog_document_id(after_owner_key, after_peer_key, after);
    enum status status = mongo_find(
        db, DIALOGS, BCON_NEW("_id", "{", "$gt", BCON_UTF8(after), "}"),
        BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)max)),
        take_record, &page);
    if (status == STATUS_OK)
        status = read_user_seqs(db, list_out);
    if (status == STATUS_OK)
        status = message_mongo_accounts_read(db, list_out);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct dialog_record_list){ 0 };
    }
    return status;
}

enum status message_mongo_copy_newest_seq(struct message_store *store, const char *key,
                                          const char *other_key, uint64_t *seq_out)
{
    struct id conversation = message_conversation_id(key, other_key);
    struct conversation_state state;

    enum status status =
        documents_find_conversation(message_mongo_handle(store)->db, &conversation, &state);
    *seq_out = state.seq;
    return status;
}

/* --- messages ------------------------------------------------------------------------------ */

struct importing {
    const struct message_list *messages;
    struct id conversation;
    bool *is_there; /* of each message */
    bool conflict;
};

static void compare_stored(void *ctx, const bson_t *document)
{
    struct importing *importing = ctx;
    const struct message_list *messages = importing->messages;
    struct message stored;

    message_document_read(document, &stored);
    uint64_t i = messages->items[0].seq - stored.seq; /* newest first, without holes */
    if (stored.seq <= messages->items[0].seq && i < messages->count) {
        const struct message *wanted = &messages->items[i];
        importing->is_there[i] = memcmp(stored.id.bytes, wanted->id.bytes, ID_BYTES) == 0 &&
                                 strcmp(stored.sender_tag, wanted->sender_tag) == 0 &&
                                 strcmp(stored.receiver_tag, wanted->receiver_tag) == 0 &&
                                 stored.date_ms == wanted->date_ms &&
                                 stored.sender_count == wanted->sender_count &&
                                 stored.is_withheld == wanted->is_withheld &&
                                 message_text_agrees(stored.text, wanted->text);
        importing->conflict = importing->conflict || !importing->is_there[i];
    }
    free(stored.text);
}

/* Finds those that are stored. STATUS_CONFLICT: another message has the seq of one. */
static enum status find_stored(struct mongo_db *db, struct importing *importing)
{
    const struct message_list *messages = importing->messages;
    bson_t *filter = bson_new();
    bson_t range;

    mongo_append_id(filter, "conv", &importing->conversation);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "seq", &range);
    BSON_APPEND_INT64(&range, "$gte", (int64_t)messages->items[messages->count - 1].seq);
    BSON_APPEND_INT64(&range, "$lte", (int64_t)messages->items[0].seq);
    bson_append_document_end(filter, &range);
    enum status status = mongo_find(db, MESSAGES, filter, NULL, compare_stored, importing);
    return status == STATUS_OK && importing->conflict ? STATUS_CONFLICT : status;
}

/* Stores the missing ones, oldest first, one by one, so that no hole can be left.
 * STATUS_ALREADY_EXISTS: one has been stored meanwhile, or an id is another message's. */
static enum status store_missing(struct mongo_db *db, const struct importing *importing)
{
    const struct message_list *messages = importing->messages;
    bson_t **documents = xcalloc(messages->count, sizeof(*documents));
    enum status *outcomes = xcalloc(messages->count, sizeof(*outcomes));
    size_t n = 0;

    for (size_t i = messages->count; i-- > 0;) {
        if (importing->is_there[i])
            continue;
        documents[n] = message_document(&messages->items[i], &importing->conversation);
        BSON_APPEND_BOOL(documents[n++], "imported", true);
    }
    enum status status = mongo_insert(db, MESSAGES, documents, n, true, outcomes);
    for (size_t i = 0; i < n; i++) {
        if (status == STATUS_OK && outcomes[i] != STATUS_OK)
            status = STATUS_ALREADY_EXISTS;
        bson_destroy(documents[i]);
    }
    free(outcomes);
    free(documents);
    return status;
}

/* What is derived from those that are withheld, also after an interruption. */
static enum status import_withheld(struct mongo_db *db, const struct message_list *messages)
{
    struct fact *facts = xcalloc(messages->count, sizeof(*facts));
    struct fact **pointers = xcalloc(messages->count, sizeof(struct fact *));
    size_t n = 0;

    for (size_t i = 0; i < messages->count; i++) {
        const struct message *message = &messages->items[i];
        struct fact *fact = &facts[n];
        *fact = (struct fact){ .kind = FACT_MESSAGE,
                               .message = message->id,
                               .seq = message->seq,
                               .count = message->sender_count,
                               .withheld = message->is_withheld };
        if (message->is_withheld && message_user_set(&fact->from, message->sender_tag) &&
            message_user_set(&fact->to, message->receiver_tag))
            pointers[n++] = fact;
    }
    enum status status = message_mongo_withheld_settle(db, pointers, n);
    free(pointers);
    free(facts);
    return status;
}

enum status message_mongo_copy_import(struct message_store *store,
                                      const struct message_list *messages)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct importing importing = { .messages = messages,
                                   .is_there = xcalloc(messages->count, sizeof(bool)) };
    enum status status = STATUS_ALREADY_EXISTS;
    struct message_user one, other;

    if (!message_user_set(&one, messages->items[0].sender_tag) ||
        !message_user_set(&other, messages->items[0].receiver_tag))
        status = STATUS_INVALID_ARGUMENT;
    else
        importing.conversation = message_conversation_id(one.key, other.key);
    for (int tries = 0; tries < TRIES_MAX && status == STATUS_ALREADY_EXISTS; tries++) {
        status = find_stored(db, &importing);
        if (status == STATUS_OK)
            status = store_missing(db, &importing);
    }
    if (status == STATUS_OK)
        status = import_withheld(db, messages);
    free(importing.is_there);
    return status == STATUS_ALREADY_EXISTS ? STATUS_CONFLICT : status;
}

/* --- dialogs ------------------------------------------------------------------------------- */

static struct mongo_upsert position_upsert(const struct dialog_record *record)
{
    return (struct mongo_upsert){
        .filter = BCON_NEW("_id", BCON_UTF8(record->owner.key)),
        .change = BCON_NEW("$max", "{", "mod", BCON_INT64((int64_t)record->user_seq), "}"),
    };
}

static struct mongo_upsert dialog_upsert(const struct dialog_record *record)
{
    char id[DIALOG_ID_SIZE];

    dialog_document_id(record->owner.key, record->peer.key, id);
    return (struct mongo_upsert){
        .filter = BCON_NEW("_id", BCON_UTF8(id)),
        .change = BCON_NEW(
            "$max", "{", "lastSeq", BCON_INT64((int64_t)record->last_seq), "inCount",
            BCON_INT64((int64_t)record->in_count), "outCount",
            BCON_INT64((int64_t)record->out_count), "inRead", BCON_INT64((int64_t)record->in_read),
            "outRead", BCON_INT64((int64_t)record->out_read), "secretRead",
            BCON_INT64((int64_t)record->secret_read), "lastMod",
            BCON_INT64((int64_t)record->last_mod), "mod", BCON_INT64((int64_t)record->mod),
            "lastDate", BCON_DATE_TIME(record->last_date_ms), "}", "$setOnInsert", "{", "ownerTag",
            BCON_UTF8(record->owner.tag), "peerTag", BCON_UTF8(record->peer.tag), "}"),
    };
}

/* The positions first, and as sure as the dialogs: a change must never take a number that the
 * imported history has. */
enum status message_mongo_copy_import_dialogs(struct message_store *store,
                                              const struct dialog_record *records, size_t count)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct mongo_upsert *upserts = xcalloc(count, sizeof(*upserts));
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(records[i].owner.key, records[i - 1].owner.key) != 0 ||
            records[i].user_seq != records[i - 1].user_seq)
            upserts[n++] = position_upsert(&records[i]);
    enum status status = message_mongo_accounts_import(db, records, count);
    if (status == STATUS_OK)
        status = mongo_upsert(db, POSITIONS, upserts, n, MONGO_DURABLE);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        upserts[i] = dialog_upsert(&records[i]);
    if (status == STATUS_OK)
        status = mongo_upsert(db, DIALOGS, upserts, count, MONGO_DURABLE);
    free(upserts);
    return status;
}

enum status message_mongo_copy_count(struct message_store *store,
                                     struct message_store_counts *counts_out)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    enum status status = mongo_count(db, DIALOGS, &counts_out->dialogs);

    if (status == STATUS_OK)
        status = mongo_count(db, MESSAGES, &counts_out->messages);
    return status;
}
