#include "services/message/store/mongo/copy_relations.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/relations.h"

struct relation_page {
    struct relation_record_list *list;
    size_t max;
};

static void take_relation(void *ctx, const bson_t *document)
{
    struct relation_page *page = ctx;
    struct relation_record *record = &page->list->items[page->list->count];

    if (page->list->count == page->max ||
        !message_user_set(&record->owner, mongo_text(document, "ownerTag")) ||
        !message_user_set(&record->peer, mongo_text(document, "peerTag")))
        return;
    record->state = (enum relation_state)mongo_int(document, "state");
    record->since_ms = mongo_date(document, "since");
    page->list->count++;
}

enum status message_mongo_copy_relations_list(struct message_store *store,
                                              const char *after_owner_key,
                                              const char *after_peer_key, size_t max,
                                              struct relation_record_list *list_out)
{
    struct relation_page page = { list_out, max };
    char after[DIALOG_ID_SIZE];

    *list_out = (struct relation_record_list){ xcalloc(max, sizeof(*list_out->items)), 0 };
    dialog_document_id(after_owner_key, after_peer_key, after);
    enum status status = mongo_find(
        message_mongo_handle(store)->db, RELATIONS,
        BCON_NEW("_id", "{", "$gt", BCON_UTF8(after), "}", "state", "{", "$gt",
                 BCON_INT32(RELATION_NONE), "}"),
        BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)max)),
        take_relation, &page);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct relation_record_list){ 0 };
    }
    return status;
}

enum status message_mongo_copy_relations_import(struct message_store *store,
                                                const struct relation_record *record)
{
    struct mongo_upsert upsert =
        relation_documents_put(&record->owner, &record->peer, record->state, record->since_ms);

    return mongo_upsert(message_mongo_handle(store)->db, RELATIONS, &upsert, 1, MONGO_DURABLE);
}

struct privacy_page {
    struct privacy_record_list *list;
    size_t max;
};

static void take_privacy(void *ctx, const bson_t *document)
{
    struct privacy_page *page = ctx;
    struct privacy_record *record = &page->list->items[page->list->count];

    if (page->list->count == page->max ||
        !message_user_set(&record->user, mongo_text(document, "tag")))
        return;
    record->privacy = relation_documents_read_privacy(document);
    page->list->count++;
}

enum status message_mongo_copy_relations_privacies(struct message_store *store,
                                                   const char *after_key, size_t max,
                                                   struct privacy_record_list *list_out)
{
    struct privacy_page page = { list_out, max };

    *list_out = (struct privacy_record_list){ xcalloc(max, sizeof(*list_out->items)), 0 };
    enum status status = mongo_find(
        message_mongo_handle(store)->db, PRIVACY,
        BCON_NEW("_id", "{", "$gt", BCON_UTF8(after_key), "}", "$or", "[", "{", "online", "{",
                 "$gt", BCON_INT32(0), "}", "}", "{", "readMarks", "{", "$gt", BCON_INT32(0), "}",
                 "}", "]"),
        BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)max)),
        take_privacy, &page);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct privacy_record_list){ 0 };
    }
    return status;
}
