#include "services/message/store/mongo/withheld.h"

#include <stdlib.h>

#include "services/common/base/memory.h"

static bson_t *withheld_from(const struct id *conversation, const char *receiver_key)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "conv", conversation);
    BSON_APPEND_UTF8(filter, "receiver", receiver_key);
    return filter;
}

enum status message_mongo_withheld_count(struct mongo_db *db, const struct id *conversation,
                                         const char *receiver_key, uint64_t seq,
                                         uint64_t *count_out)
{
    bson_t *filter = withheld_from(conversation, receiver_key);

    BCON_APPEND(filter, "seq", "{", "$lte", BCON_INT64((int64_t)seq), "}");
    return mongo_count_matching(db, WITHHELD, filter, count_out);
}

enum status message_mongo_withheld_count_sent(struct mongo_db *db, const struct id *conversation,
                                              const char *receiver_key, uint64_t above,
                                              uint64_t up_to, uint64_t *count_out)
{
    bson_t *filter = withheld_from(conversation, receiver_key);

    BCON_APPEND(filter, "count", "{", "$gt", BCON_INT64((int64_t)above), "$lte",
                BCON_INT64((int64_t)up_to), "}");
    return mongo_count_matching(db, WITHHELD, filter, count_out);
}

/* Adds what is withheld up to the place reached, until that adds nothing. */
enum status message_mongo_withheld_to_stored(struct mongo_db *db, const struct id *conversation,
                                             const char *receiver_key, uint64_t seq,
                                             uint64_t *stored_out)
{
    uint64_t before, count = 0;
    enum status status;

    do {
        before = count;
        status = message_mongo_withheld_count(db, conversation, receiver_key, seq + before, &count);
    } while (status == STATUS_OK && count != before);
    *stored_out = seq + count;
    return status;
}

static enum status adjust_as_receiver(struct mongo_db *db, const char *owner_key,
                                      const struct dialog_document *document, struct dialog *dialog)
{
    uint64_t before = 0, unread = 0;

    enum status status = message_mongo_withheld_count(db, &dialog->conversation, owner_key,
                                                      document->last_seq, &before);
    if (status == STATUS_OK)
        status = message_mongo_withheld_count_sent(db, &dialog->conversation, owner_key,
                                                   document->in_read, document->in_count, &unread);
    dialog->last.seq -= before;
    dialog->unread_incoming = dialog_document_unread(dialog->unread_incoming, unread);
    return status;
}

enum status message_mongo_withheld_adjust_dialog(struct mongo_db *db,
                                                 const struct relation_pair *pair,
                                                 const struct relation_documents *relations,
                                                 const struct dialog_document *document,
                                                 struct dialog *dialog)
{
    enum status status = STATUS_OK;
    uint64_t looks_read = 0;

    if (relations->withheld_from_me)
        status = adjust_as_receiver(db, pair->owner, document, dialog);
    if (status == STATUS_OK && relations->withheld_from_them)
        status = message_mongo_withheld_count_sent(db, &dialog->conversation, pair->peer, 0,
                                                   document->out_read, &looks_read);
    dialog->unread_outgoing += looks_read;
    return status;
}

static struct mongo_upsert message_upsert(const struct fact *fact)
{
    struct id conversation = message_conversation_id(fact->from.key, fact->to.key);
    bson_t fields = BSON_INITIALIZER;
    struct mongo_upsert upsert = { .filter = bson_new() };

    mongo_append_id(upsert.filter, "_id", &fact->message);
    mongo_append_id(&fields, "conv", &conversation);
    BSON_APPEND_INT64(&fields, "seq", (int64_t)fact->seq);
    BSON_APPEND_UTF8(&fields, "receiver", fact->to.key);
    BSON_APPEND_INT64(&fields, "count", (int64_t)fact->count);
    upsert.change = BCON_NEW("$setOnInsert", BCON_DOCUMENT(&fields));
    bson_destroy(&fields);
    return upsert;
}

/* Those of the facts, made by `make`. */
static enum status upsert_each(struct mongo_db *db, const char *collection,
                               struct fact *const *facts, size_t count,
                               struct mongo_upsert make(const struct fact *fact))
{
    struct mongo_upsert *upserts = xcalloc(count, sizeof(*upserts));
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (facts[i]->kind == FACT_MESSAGE && facts[i]->withheld)
            upserts[n++] = make(facts[i]);
    enum status status = mongo_upsert(db, collection, upserts, n, MONGO_DURABLE);
    free(upserts);
    return status;
}

static struct mongo_upsert relation_upsert(const struct fact *fact)
{
    return relation_documents_note_withheld(fact->to.key, fact->from.key, fact->seq);
}

enum status message_mongo_withheld_settle(struct mongo_db *db, struct fact *const *facts,
                                          size_t count)
{
    enum status status = upsert_each(db, WITHHELD, facts, count, message_upsert);

    return status == STATUS_OK ? upsert_each(db, RELATIONS, facts, count, relation_upsert) : status;
}
