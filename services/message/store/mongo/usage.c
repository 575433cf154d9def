#include "services/message/store/mongo/usage.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/handle.h"

static struct mongo_upsert increment(const char *key, int64_t bytes)
{
    return (struct mongo_upsert){
        .filter = BCON_NEW("_id", BCON_UTF8(key)),
        .change = BCON_NEW("$inc", "{", "bytes", BCON_INT64(bytes), "}"),
    };
}

enum status message_mongo_usage_subtract(struct mongo_db *db, const char *key, int64_t bytes)
{
    struct mongo_upsert upsert = increment(key, -bytes);

    return mongo_upsert(db, USAGE, &upsert, 1, MONGO_HINT);
}

/* More may have been erased than was counted. */
static void take_total(void *ctx, const bson_t *document)
{
    struct message_usage *usage = hashmap_get(ctx, mongo_text(document, "_id"));
    int64_t bytes = mongo_int(document, "bytes");

    if (usage != NULL)
        usage->total = bytes > 0 ? bytes : 0;
}

static enum status read_totals(struct mongo_db *db, struct message_usage *usage, size_t count)
{
    struct hashmap *by_key = hashmap_create();

    for (size_t i = 0; i < count; i++) {
        usage[i].total = 0;
        hashmap_put(by_key, usage[i].key, &usage[i]);
    }
    enum status status =
        mongo_find(db, USAGE, documents_filter_any("_id", usage[0].key, sizeof(*usage), count),
                   NULL, take_total, by_key);
    hashmap_destroy(&by_key);
    return status;
}

enum status message_mongo_usage_add(struct message_store *store, struct message_usage *usage,
                                    size_t count)
{
    struct mongo_db *db = message_mongo_handle(store)->db;
    struct mongo_upsert *upserts = xcalloc(count, sizeof(*upserts));
    enum status status = STATUS_OK;
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (usage[i].added != 0)
            upserts[n++] = increment(usage[i].key, usage[i].added);
    if (n > 0)
        status = mongo_upsert(db, USAGE, upserts, n, MONGO_HINT);
    if (status == STATUS_OK && count > 0)
        status = read_totals(db, usage, count);
    free(upserts);
    return status;
}
