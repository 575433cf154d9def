#include "services/message/store/mongo/documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

void dialog_document_id(const char *owner_key, const char *peer_key, char id_out[DIALOG_ID_SIZE])
{
    snprintf(id_out, DIALOG_ID_SIZE, "%s/%s", owner_key, peer_key);
}

/* An owner's dialogs are between "owner/" and "owner0": '0' follows '/', and no key sorts
 * between. */
bson_t *dialog_documents_of(const char *owner_key)
{
    char first[ACCOUNT_NAME_SIZE + 1], end[ACCOUNT_NAME_SIZE + 1];

    snprintf(first, sizeof(first), "%s/", owner_key);
    snprintf(end, sizeof(end), "%s0", owner_key);
    return BCON_NEW("_id", "{", "$gte", BCON_UTF8(first), "$lt", BCON_UTF8(end), "}");
}

uint64_t dialog_document_unread(uint64_t count, uint64_t read)
{
    return count > read ? count - read : 0;
}

static void copy_text(const bson_t *document, const char *field, char *out, size_t size)
{
    snprintf(out, size, "%s", mongo_text(document, field));
}

static uint64_t read_count(const bson_t *document, const char *field)
{
    return (uint64_t)mongo_int(document, field);
}

uint64_t dialog_document_shown_read(const struct dialog_document *dialog,
                                    const struct dialog_document *mirror)
{
    return mirror->secret_read > 0 || mirror->in_read < dialog->out_read ? dialog->out_read
                                                                         : mirror->in_read;
}

void dialog_document_read(const bson_t *document, struct dialog_document *dialog_out)
{
    *dialog_out = (struct dialog_document){
        .last_seq = read_count(document, "lastSeq"),
        .in_count = read_count(document, "inCount"),
        .out_count = read_count(document, "outCount"),
        .in_read = read_count(document, "inRead"),
        .out_read = read_count(document, "outRead"),
        .secret_read = read_count(document, "secretRead"),
        .last_mod = read_count(document, "lastMod"),
        .mod = read_count(document, "mod"),
        .last_date_ms = mongo_date(document, "lastDate"),
    };
    copy_text(document, "ownerTag", dialog_out->owner_tag, ACCOUNT_NAME_SIZE);
    copy_text(document, "peerTag", dialog_out->peer_tag, ACCOUNT_NAME_SIZE);
}

bson_t *documents_filter_any(const char *field, const char *texts, size_t stride, size_t count)
{
    bson_t *filter = bson_new();
    struct mongo_array list;
    bson_t wanted;

    if (count == 1) {
        bson_append_utf8(filter, field, -1, texts, -1);
        return filter;
    }
    bson_append_document_begin(filter, field, -1, &wanted);
    mongo_array_begin(&wanted, "$in", &list);
    for (size_t i = 0; i < count; i++)
        mongo_array_append_text(&list, texts + i * stride);
    mongo_array_end(&list);
    bson_append_document_end(filter, &wanted);
    return filter;
}

static void take_dialog(void *ctx, const bson_t *document)
{
    struct dialog_document *row = hashmap_get(ctx, mongo_text(document, "_id"));

    if (row != NULL)
        dialog_document_read(document, row);
}

enum status dialog_documents_find(struct mongo_db *db, const char (*ids)[DIALOG_ID_SIZE],
                                  size_t count, struct dialog_document *dialogs_out)
{
    struct hashmap *first = hashmap_create(); /* for each id: one may be repeated */

    for (size_t i = 0; i < count; i++) {
        dialogs_out[i] = (struct dialog_document){ .last_seq = 0 };
        if (hashmap_get(first, ids[i]) == NULL)
            hashmap_put(first, ids[i], &dialogs_out[i]);
    }
    bson_t *filter = documents_filter_any("_id", ids[0], DIALOG_ID_SIZE, count);
    enum status status = mongo_find(db, DIALOGS, filter, NULL, take_dialog, first);
    for (size_t i = 0; i < count; i++)
        dialogs_out[i] = *(struct dialog_document *)hashmap_get(first, ids[i]);
    hashmap_destroy(&first);
    return status;
}

bson_t *message_document(const struct message *message, const struct id *conversation)
{
    bson_t *document = bson_new();
    char receiver[ACCOUNT_NAME_SIZE];

    mongo_append_id(document, "_id", &message->id);
    mongo_append_id(document, "conv", conversation);
    BSON_APPEND_INT64(document, "seq", (int64_t)message->seq);
    BSON_APPEND_UTF8(document, "senderTag", message->sender_tag);
    BSON_APPEND_UTF8(document, "receiverTag", message->receiver_tag);
    BSON_APPEND_UTF8(document, "text", message->text);
    BSON_APPEND_DATE_TIME(document, "date", message->date_ms);
    BSON_APPEND_INT64(document, "senderCount", (int64_t)message->sender_count);
    if (message->is_withheld && account_name_to_key(message->receiver_tag, receiver))
        BSON_APPEND_UTF8(document, "withheld", receiver);
    return document;
}

bool message_document_is_imported(const bson_t *document)
{
    return mongo_int(document, "imported") != 0;
}

void message_document_read(const bson_t *document, struct message *message_out)
{
    *message_out = (struct message){
        .text = xstrdup(mongo_text(document, "text")),
        .date_ms = mongo_date(document, "date"),
        .seq = read_count(document, "seq"),
        .sender_count = read_count(document, "senderCount"),
        .is_withheld = *mongo_text(document, "withheld") != '\0',
    };
    mongo_id(document, "_id", &message_out->id);
    copy_text(document, "senderTag", message_out->sender_tag, ACCOUNT_NAME_SIZE);
    copy_text(document, "receiverTag", message_out->receiver_tag, ACCOUNT_NAME_SIZE);
}

static void take_state(void *ctx, const bson_t *document)
{
    struct conversation_state *state = ctx;
    char sender[ACCOUNT_NAME_SIZE] = "", receiver[ACCOUNT_NAME_SIZE] = "";
    uint64_t sent = read_count(document, "senderCount");

    if (!account_name_to_key(mongo_text(document, "senderTag"), sender) ||
        !account_name_to_key(mongo_text(document, "receiverTag"), receiver))
        return;
    state->seq = read_count(document, "seq");
    state->date_ms = mongo_date(document, "date");
    state->sent_by_first = strcmp(sender, receiver) < 0 ? sent : state->seq - sent;
}

enum status documents_find_conversation(struct mongo_db *db, const struct id *conversation,
                                        struct conversation_state *state_out)
{
    bson_t *filter = bson_new();

    *state_out = (struct conversation_state){ 0 };
    mongo_append_id(filter, "conv", conversation);
    bson_t *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(-1), "}", "limit", BCON_INT64(1));
    return mongo_find(db, MESSAGES, filter, opts, take_state, state_out);
}

struct received {
    const char *sender_key;
    uint64_t count;
};

/* All messages up to this one without the other user's. */
static void take_received(void *ctx, const bson_t *document)
{
    struct received *received = ctx;
    uint64_t count = (uint64_t)mongo_int(document, "senderCount");
    char sender[ACCOUNT_NAME_SIZE];

    if (!account_name_to_key(mongo_text(document, "senderTag"), sender))
        return;
    received->count = strcmp(sender, received->sender_key) == 0
                          ? count
                          : (uint64_t)mongo_int(document, "seq") - count;
}

enum status message_document_received(struct mongo_db *db, const char *reader_key,
                                      const char *sender_key, uint64_t seq, uint64_t *count_out)
{
    struct id conversation = message_conversation_id(reader_key, sender_key);
    struct received received = { sender_key, *count_out };
    bson_t *filter = bson_new();

    mongo_append_id(filter, "conv", &conversation);
    BSON_APPEND_INT64(filter, "seq", (int64_t)seq);
    enum status status = mongo_find(db, MESSAGES, filter, NULL, take_received, &received);
    *count_out = received.count;
    return status;
}
