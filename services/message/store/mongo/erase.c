#include "services/message/store/mongo/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/usage.h"

enum { READ_AT_ONCE = 200 }; /* messages */

/* --- decisions ----------------------------------------------------------------------------- */

/* What is withheld from the user stays so. */
static enum status erase_decisions(struct mongo_db *db, const char *key)
{
    bson_t *plain = dialog_documents_of(key);
    BCON_APPEND(plain, "withheld", "{", "$exists", BCON_BOOL(false), "}");

    enum status status = mongo_delete(db, RELATIONS, plain);
    if (status == STATUS_OK)
        status = mongo_update_all(
            db, RELATIONS, dialog_documents_of(key),
            BCON_NEW("$unset", "{", "state", BCON_INT32(1), "since", BCON_INT32(1), "}"));
    if (status == STATUS_OK)
        status = mongo_delete(db, PRIVACY, BCON_NEW("_id", BCON_UTF8(key)));
    return status;
}

/* --- texts --------------------------------------------------------------------------------- */

static void take_peer(void *ctx, const bson_t *document)
{
    const char *slash = strchr(mongo_text(document, "_id"), '/');

    snprintf(ctx, ACCOUNT_NAME_SIZE, "%s", slash != NULL ? slash + 1 : "");
}

/* The dialog that follows the one of the place; "": there is none. */
static enum status find_next_peer(struct mongo_db *db, struct message_erasure *erasure)
{
    char after[DIALOG_ID_SIZE], next[ACCOUNT_NAME_SIZE] = "";
    bson_t *filter = dialog_documents_of(erasure->user.key), after_filter = BSON_INITIALIZER;
    struct mongo_array both;

    dialog_document_id(erasure->user.key, erasure->after_peer, after);
    BCON_APPEND(&after_filter, "_id", "{", "$gt", BCON_UTF8(after), "}");
    bson_t *wanted = bson_new();
    mongo_array_begin(wanted, "$and", &both);
    mongo_array_append_document(&both, filter);
    mongo_array_append_document(&both, &after_filter);
    mongo_array_end(&both);
    bson_destroy(&after_filter);
    bson_destroy(filter);
    enum status status =
        mongo_find(db, DIALOGS, wanted,
                   BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(1),
                            "projection", "{", "_id", BCON_INT32(1), "}"),
                   take_peer, next);
    memcpy(erasure->after_peer, next, sizeof(next));
    erasure->after_seq = 0;
    return status;
}

/* Messages of a conversation, of which some are to be erased. */
struct reading {
    struct mongo_array ids;
    struct message_erasure *erasure;
    size_t read, found;
    int64_t bytes;
};

static void take_message(void *ctx, const bson_t *document)
{
    struct reading *reading = ctx;
    char sender[ACCOUNT_NAME_SIZE];
    struct id id;

    reading->read++;
    reading->erasure->after_seq = (uint64_t)mongo_int(document, "seq");
    if (!account_name_to_key(mongo_text(document, "senderTag"), sender) ||
        strcmp(sender, reading->erasure->user.key) != 0)
        return;
    mongo_id(document, "_id", &id);
    mongo_array_append_id(&reading->ids, &id);
    reading->found++;
    reading->bytes += (int64_t)strlen(mongo_text(document, "text"));
}

static bson_t *texts_after(const struct message_erasure *erasure)
{
    struct id conversation = message_conversation_id(erasure->user.key, erasure->after_peer);
    bson_t *filter = bson_new();

    mongo_append_id(filter, "conv", &conversation);
    BCON_APPEND(filter, "seq", "{", "$gt", BCON_INT64((int64_t)erasure->after_seq), "}", "text",
                "{", "$ne", BCON_UTF8(""), "}");
    return filter;
}

/* Of the conversation at the place; its end is the beginning of the next one. */
static enum status erase_texts(struct mongo_db *db, struct message_erasure *erasure)
{
    struct reading reading = { .erasure = erasure };
    bson_t *erased = bson_new();
    bson_t wanted;

    BSON_APPEND_DOCUMENT_BEGIN(erased, "_id", &wanted);
    mongo_array_begin(&wanted, "$in", &reading.ids);
    enum status status =
        mongo_find(db, MESSAGES, texts_after(erasure),
                   BCON_NEW("sort", "{", "seq", BCON_INT32(1), "}", "limit",
                            BCON_INT64(READ_AT_ONCE), "projection", "{", "seq", BCON_INT32(1),
                            "senderTag", BCON_INT32(1), "text", BCON_INT32(1), "}"),
                   take_message, &reading);
    mongo_array_end(&reading.ids);
    bson_append_document_end(erased, &wanted);
    if (status == STATUS_OK && reading.found > 0)
        status = mongo_update_all(db, MESSAGES, erased,
                                  BCON_NEW("$set", "{", "text", BCON_UTF8(""), "}"));
    else
        bson_destroy(erased);
    if (status == STATUS_OK && reading.found > 0)
        status = message_mongo_usage_subtract(db, erasure->user.key, reading.bytes);
    if (status == STATUS_OK)
        erasure->erased += reading.found;
    if (status == STATUS_OK && reading.read < READ_AT_ONCE)
        status = find_next_peer(db, erasure);
    return status;
}

static enum status begin(struct mongo_db *db, struct message_erasure *erasure)
{
    enum status status = erase_decisions(db, erasure->user.key);

    if (status == STATUS_OK && erasure->texts)
        status = find_next_peer(db, erasure);
    erasure->begun = status == STATUS_OK;
    return status;
}

enum status message_mongo_erase(struct message_store *store, struct message_erasure *erasure)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    enum status status = erasure->begun ? STATUS_OK : begin(db, erasure);

    if (status == STATUS_OK && *erasure->after_peer != '\0')
        status = erase_texts(db, erasure);
    erasure->is_over = status == STATUS_OK && *erasure->after_peer == '\0';
    return status;
}

/* --- what is old --------------------------------------------------------------------------- */

/* Messages of many senders. */
struct old_messages {
    struct mongo_array ids;
    struct message_expiry *expiry;
    struct message_usage *usage; /* of each */
    size_t count;
};

static void take_old(void *ctx, const bson_t *document)
{
    struct old_messages *old = ctx;
    struct message_usage *usage = &old->usage[old->count];

    mongo_id(document, "_id", &old->expiry->after_id);
    if (old->count == READ_AT_ONCE)
        return;
    mongo_array_append_id(&old->ids, &old->expiry->after_id);
    usage->added = (int64_t)strlen(mongo_text(document, "text"));
    if (!account_name_to_key(mongo_text(document, "senderTag"), usage->key))
        usage->added = 0;
    old->count++;
}

static bson_t *old_after(const struct message_expiry *expiry)
{
    bson_t *filter = bson_new();
    bson_t beyond;

    if (expiry->begun) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &beyond);
        mongo_append_id(&beyond, "$gt", &expiry->after_id);
        bson_append_document_end(filter, &beyond);
    }
    BCON_APPEND(filter, "date", "{", "$lt", BCON_DATE_TIME(expiry->before_ms), "}", "text", "{",
                "$ne", BCON_UTF8(""), "}");
    return filter;
}

static enum status erase_old(struct mongo_db *db, struct old_messages *old, bson_t *erased_take)
{
    enum status status = mongo_update_all(db, MESSAGES, erased_take,
                                          BCON_NEW("$set", "{", "text", BCON_UTF8(""), "}"));

    for (size_t i = 0; i < old->count && status == STATUS_OK; i++)
        if (old->usage[i].added > 0)
            status = message_mongo_usage_subtract(db, old->usage[i].key, old->usage[i].added);
    return status;
}

enum status message_mongo_erase_old(struct message_store *store, struct message_expiry *expiry)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct old_messages old = { .expiry = expiry };
    bson_t *erased = bson_new();
    bson_t wanted;

    old.usage = xcalloc(READ_AT_ONCE + 1, sizeof(*old.usage));
    BSON_APPEND_DOCUMENT_BEGIN(erased, "_id", &wanted);
    mongo_array_begin(&wanted, "$in", &old.ids);
    enum status status = mongo_find(
        db, MESSAGES, old_after(expiry),
        BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(READ_AT_ONCE),
                 "projection", "{", "senderTag", BCON_INT32(1), "text", BCON_INT32(1), "}"),
        take_old, &old);
    mongo_array_end(&old.ids);
    bson_append_document_end(erased, &wanted);
    if (status == STATUS_OK && old.count > 0)
        status = erase_old(db, &old, erased);
    else
        bson_destroy(erased);
    expiry->begun = true;
    expiry->erased += status == STATUS_OK ? old.count : 0;
    expiry->is_over = status == STATUS_OK && old.count < READ_AT_ONCE;
    free(old.usage);
    return status;
}

enum status message_mongo_erase_purge(struct message_store *store)
{
    (void)store;
    return STATUS_OK;
}
