#include "services/message/store/mongo/positions.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/handle.h"

static void take_position(void *ctx, const bson_t *document)
{
    uint64_t *position = hashmap_get(ctx, mongo_text(document, "_id"));

    if (position != NULL)
        *position = (uint64_t)mongo_int(document, "mod");
}

enum status message_mongo_positions_read(struct message_store *store,
                                         const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                         uint64_t *positions_out)
{
    struct hashmap *first = hashmap_create(); /* for each key: one may be repeated */

    if (count == 0) {
        hashmap_destroy(&first);
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++) {
        positions_out[i] = 0;
        if (hashmap_get(first, keys[i]) == NULL)
            hashmap_put(first, keys[i], &positions_out[i]);
    }
    enum status status = mongo_find(message_mongo_handle(store)->db, POSITIONS,
                                    documents_filter_any("_id", keys[0], ACCOUNT_NAME_SIZE, count),
                                    NULL, take_position, first);
    for (size_t i = 0; i < count; i++)
        positions_out[i] = *(uint64_t *)hashmap_get(first, keys[i]);
    hashmap_destroy(&first);
    return status;
}

static void take_epoch(void *ctx, const bson_t *document)
{
    snprintf(ctx, EPOCH_SIZE, "%s", mongo_text(document, "value"));
}

static enum status find_epoch(struct mongo_db *db, char epoch_out[EPOCH_SIZE])
{
    *epoch_out = '\0';
    return mongo_find(db, META, BCON_NEW("_id", "epoch"),
                      BCON_NEW("readConcern", "{", "level", "majority", "}"), take_epoch,
                      epoch_out);
}

/* Makes one if there is none. "": another process has, which is not committed by a majority yet. */
static enum status fetch_epoch(struct mongo_db *db, char epoch_out[EPOCH_SIZE], bool *created_out)
{
    enum status outcome = STATUS_OK;

    *created_out = false;
    enum status status = find_epoch(db, epoch_out);
    if (status != STATUS_OK || *epoch_out != '\0')
        return status;
    id_random_hex(epoch_out, (EPOCH_SIZE - 1) / 2);
    bson_t *document = BCON_NEW("_id", "epoch", "value", BCON_UTF8(epoch_out));
    status = mongo_insert(db, META, &document, 1, true, &outcome);
    bson_destroy(document);
    *created_out = status == STATUS_OK && outcome == STATUS_OK;
    if (status == STATUS_OK && outcome == STATUS_ALREADY_EXISTS)
        status = find_epoch(db, epoch_out);
    return status;
}

static void keep_epoch(struct message_mongo_store *store, const char *epoch)
{
    pthread_mutex_lock(&store->lock);
    snprintf(store->epoch, EPOCH_SIZE, "%s", epoch);
    pthread_mutex_unlock(&store->lock);
}

enum status message_mongo_positions_make_epoch(struct message_store *store, bool *created_out)
{
    struct message_mongo_store *s = message_mongo_handle(store);
    char epoch[EPOCH_SIZE];

    enum status status = fetch_epoch(s->db, epoch, created_out);
    if (status == STATUS_OK)
        keep_epoch(s, epoch);
    return status;
}

void message_mongo_positions_forget_epoch(struct message_store *store)
{
    keep_epoch(message_mongo_handle(store), "");
}

enum status message_mongo_positions_epoch(struct message_store *store, char epoch_out[EPOCH_SIZE])
{
    struct message_mongo_store *s = message_mongo_handle(store);
    bool created;

    pthread_mutex_lock(&s->lock);
    snprintf(epoch_out, EPOCH_SIZE, "%s", s->epoch);
    pthread_mutex_unlock(&s->lock);
    if (*epoch_out != '\0')
        return STATUS_OK;
    enum status status = fetch_epoch(s->db, epoch_out, &created);
    if (status == STATUS_OK && *epoch_out == '\0')
        return STATUS_UNAVAILABLE;
    if (status == STATUS_OK)
        keep_epoch(s, epoch_out);
    return status;
}

enum status message_mongo_positions_renew(struct message_store *store)
{
    struct message_mongo_store *s = message_mongo_handle(store);
    char epoch[EPOCH_SIZE];

    id_random_hex(epoch, (EPOCH_SIZE - 1) / 2);
    struct mongo_upsert upsert = {
        .filter = BCON_NEW("_id", "epoch"),
        .change = BCON_NEW("$set", "{", "value", BCON_UTF8(epoch), "}"),
    };
    enum status status = mongo_upsert(s->db, META, &upsert, 1, MONGO_DURABLE);
    if (status != STATUS_OK)
        return status;
    keep_epoch(s, epoch);
    return STATUS_OK;
}
