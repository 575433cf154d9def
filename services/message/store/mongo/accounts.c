#include "services/message/store/mongo/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/handle.h"

/* --- claims -------------------------------------------------------------------------------- */

struct claimed {
    char account_id[ID_HEX + 1]; /* "": none yet */
    bool superseded;
};

static void take_claim(void *ctx, const bson_t *document)
{
    struct claimed *claimed = ctx;

    snprintf(claimed->account_id, sizeof(claimed->account_id), "%s",
             mongo_text(document, "account"));
    claimed->superseded = mongo_int(document, "superseded") != 0;
}

static enum status read_claim(struct mongo_db *db, const char *key, struct claimed *claimed)
{
    *claimed = (struct claimed){ .superseded = false };
    return mongo_find(db, ACCOUNTS, BCON_NEW("_id", BCON_UTF8(key)), NULL, take_claim, claimed);
}

/* The name without an id, for the first that comes. STATUS_ALREADY_EXISTS: another one was. */
static enum status insert_claim(struct mongo_db *db, const char *key, const char *account_id)
{
    bson_t *document = BCON_NEW("_id", BCON_UTF8(key), "account", BCON_UTF8(account_id));
    enum status outcome = STATUS_OK;

    enum status status = mongo_insert(db, ACCOUNTS, &document, 1, true, &outcome);
    bson_destroy(document);
    return status == STATUS_OK ? outcome : status;
}

/* Whether the tag's first account is this one; it becomes this one if there was none. */
static enum status claim_first(struct mongo_db *db, const char *key, const char *account_id,
                               struct claimed *claimed)
{
    enum status status = read_claim(db, key, claimed);

    if (status != STATUS_OK || claimed->account_id[0] != '\0')
        return status;
    status = insert_claim(db, key, account_id);
    if (status == STATUS_ALREADY_EXISTS) {
        status = read_claim(db, key, claimed);
        return status == STATUS_OK && claimed->account_id[0] == '\0' ? STATUS_UNAVAILABLE : status;
    }
    snprintf(claimed->account_id, sizeof(claimed->account_id), "%s", account_id);
    return status;
}

static void take_key(void *ctx, const bson_t *document)
{
    struct superseded *keys = ctx;

    if (keys->count < ACCOUNTS_SUPERSEDED_MAX)
        snprintf(keys->keys[keys->count++], ACCOUNT_NAME_SIZE, "%s", mongo_text(document, "_id"));
}

/* All accounts of a tag. */
static enum status read_names(struct mongo_db *db, const char *tag_key, struct superseded *names)
{
    char first[ACCOUNT_NAME_SIZE + 1], end[ACCOUNT_NAME_SIZE + 1];

    *names = (struct superseded){ xcalloc(ACCOUNTS_SUPERSEDED_MAX, ACCOUNT_NAME_SIZE), 0 };
    snprintf(first, sizeof(first), "%s:", tag_key);
    snprintf(end, sizeof(end), "%s;", tag_key);
    enum status status =
        mongo_find(db, ACCOUNTS, BCON_NEW("_id", BCON_UTF8(tag_key)), NULL, take_key, names);
    if (status == STATUS_OK)
        status = mongo_find(
            db, ACCOUNTS, BCON_NEW("_id", "{", "$gt", BCON_UTF8(first), "$lt", BCON_UTF8(end), "}"),
            NULL, take_key, names);
    return status;
}

/* Of all accounts of a tag only this one has it. */
static enum status supersede_others(struct mongo_db *db, const char *tag_key,
                                    const struct message_user *user, const char *account_id)
{
    struct superseded names;
    size_t count = 0;

    enum status status = read_names(db, tag_key, &names);
    struct mongo_upsert *upserts = xcalloc(names.count + 1, sizeof(*upserts));
    for (size_t i = 0; i < names.count && status == STATUS_OK; i++)
        if (strcmp(names.keys[i], user->key) != 0)
            upserts[count++] = (struct mongo_upsert){
                .filter = BCON_NEW("_id", BCON_UTF8(names.keys[i])),
                .change = BCON_NEW("$set", "{", "superseded", BCON_INT32(1), "}"),
            };
    if (status == STATUS_OK) {
        upserts[count++] = (struct mongo_upsert){
            .filter = BCON_NEW("_id", BCON_UTF8(user->key)),
            .change = BCON_NEW("$set", "{", "account", BCON_UTF8(account_id), "superseded",
                               BCON_INT32(0), "}"),
        };
        status = mongo_upsert(db, ACCOUNTS, upserts, count, MONGO_DURABLE);
    }
    free(upserts);
    message_mongo_accounts_finish(&names);
    return status;
}

static void read_again(struct message_mongo_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->superseded_read_ms = 0;
    pthread_mutex_unlock(&store->lock);
}

enum status message_mongo_accounts_claim(struct message_store *store, struct message_user *user,
                                         const char *account_id)
{
    struct message_mongo_store *handle = message_mongo_handle(store);
    char tag_key[ACCOUNT_NAME_SIZE];
    struct claimed claimed;

    memcpy(tag_key, user->key, sizeof(tag_key));
    enum status status = claim_first(handle->db, tag_key, account_id, &claimed);
    if (status == STATUS_OK && strcmp(claimed.account_id, account_id) != 0) {
        message_user_set_later(user, account_id);
        status = read_claim(handle->db, user->key, &claimed);
    }
    if (status != STATUS_OK || (claimed.account_id[0] != '\0' && !claimed.superseded))
        return status;
    status = supersede_others(handle->db, tag_key, user, account_id);
    read_again(handle);
    return status;
}

/* --- superseded accounts ------------------------------------------------------------------- */

static enum status refresh(struct message_mongo_store *store)
{
    struct superseded fresh = { xcalloc(ACCOUNTS_SUPERSEDED_MAX, ACCOUNT_NAME_SIZE), 0 };

    enum status status =
        mongo_find(store->db, ACCOUNTS, BCON_NEW("superseded", BCON_INT32(1)),
                   BCON_NEW("limit", BCON_INT64(ACCOUNTS_SUPERSEDED_MAX)), take_key, &fresh);
    if (status == STATUS_OK) {
        fresh.keys = xrealloc(fresh.keys, (fresh.count + 1) * ACCOUNT_NAME_SIZE);
        pthread_mutex_lock(&store->lock);
        struct superseded old = store->superseded;
        store->superseded = fresh;
        store->superseded_read_ms = clock_mono_ms() + 1;
        pthread_mutex_unlock(&store->lock);
        fresh = old;
    }
    message_mongo_accounts_finish(&fresh);
    return status;
}

enum status message_mongo_accounts_superseded(struct message_store *store,
                                              struct superseded *superseded_out)
{
    struct message_mongo_store *handle = message_mongo_handle(store);
    enum status status = STATUS_OK;

    *superseded_out = (struct superseded){ NULL, 0 };
    pthread_mutex_lock(&handle->lock);
    bool is_old = handle->superseded_read_ms == 0 ||
                  clock_mono_ms() - handle->superseded_read_ms > ACCOUNTS_READ_MS;
    pthread_mutex_unlock(&handle->lock);
    if (is_old)
        status = refresh(handle);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&handle->lock);
    superseded_out->count = handle->superseded.count;
    superseded_out->keys = xcalloc(superseded_out->count, ACCOUNT_NAME_SIZE);
    if (superseded_out->count > 0)
        memcpy(superseded_out->keys, handle->superseded.keys,
               superseded_out->count * ACCOUNT_NAME_SIZE);
    pthread_mutex_unlock(&handle->lock);
    return STATUS_OK;
}

bool message_mongo_accounts_is_in(const struct superseded *superseded, const char *key)
{
    for (size_t i = 0; i < superseded->count; i++)
        if (strcmp(superseded->keys[i], key) == 0)
            return true;
    return false;
}

void message_mongo_accounts_finish(struct superseded *superseded)
{
    free(superseded->keys);
    *superseded = (struct superseded){ NULL, 0 };
}

bson_t *message_mongo_accounts_dialogs(const struct superseded *superseded, const char *owner_key)
{
    bson_t *filter = dialog_documents_of(owner_key);
    struct mongo_array ids;
    char id[DIALOG_ID_SIZE];
    bson_t part;

    if (superseded->count == 0)
        return filter;
    bson_t without = BSON_INITIALIZER;
    BSON_APPEND_DOCUMENT_BEGIN(&without, "_id", &part);
    mongo_array_begin(&part, "$nin", &ids);
    for (size_t i = 0; i < superseded->count; i++) {
        dialog_document_id(owner_key, superseded->keys[i], id);
        mongo_array_append_text(&ids, id);
    }
    mongo_array_end(&ids);
    bson_append_document_end(&without, &part);
    bson_t *both = bson_new();
    struct mongo_array all;
    mongo_array_begin(both, "$and", &all);
    mongo_array_append_document(&all, filter);
    mongo_array_append_document(&all, &without);
    mongo_array_end(&all);
    bson_destroy(&without);
    bson_destroy(filter);
    return both;
}

/* --- copies -------------------------------------------------------------------------------- */

static void take_owner(void *ctx, const bson_t *document)
{
    struct dialog_record_list *records = ctx;
    struct claimed claimed = { .superseded = false };

    take_claim(&claimed, document);
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].owner.key, mongo_text(document, "_id")) == 0) {
            memcpy(records->items[i].owner_account, claimed.account_id, sizeof(claimed.account_id));
            records->items[i].owner_superseded = claimed.superseded;
        }
}

/* An owner's records are adjacent. */
static bool is_first_of_owner(const struct dialog_record *records, size_t i)
{
    return i == 0 || strcmp(records[i].owner.key, records[i - 1].owner.key) != 0;
}

enum status message_mongo_accounts_read(struct mongo_db *db, struct dialog_record_list *records)
{
    char(*keys)[ACCOUNT_NAME_SIZE] = xcalloc(records->count, sizeof(*keys));
    size_t count = 0;

    for (size_t i = 0; i < records->count; i++)
        if (is_first_of_owner(records->items, i))
            memcpy(keys[count++], records->items[i].owner.key, sizeof(*keys));
    enum status status = STATUS_OK;
    if (count > 0)
        status =
            mongo_find(db, ACCOUNTS, documents_filter_any("_id", keys[0], sizeof(*keys), count),
                       NULL, take_owner, records);
    free(keys);
    return status;
}

enum status message_mongo_accounts_import(struct mongo_db *db, const struct dialog_record *records,
                                          size_t count)
{
    bson_t **documents = xcalloc(count, sizeof(*documents));
    enum status *outcomes = xcalloc(count, sizeof(*outcomes));
    enum status status = STATUS_OK;
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (*records[i].owner_account != '\0' && is_first_of_owner(records, i))
            documents[n++] = BCON_NEW("_id", BCON_UTF8(records[i].owner.key), "account",
                                      BCON_UTF8(records[i].owner_account), "superseded",
                                      BCON_INT32(records[i].owner_superseded));
    if (n > 0)
        status = mongo_insert(db, ACCOUNTS, documents, n, false, outcomes);
    for (size_t i = 0; i < n; i++)
        bson_destroy(documents[i]);
    free(outcomes);
    free(documents);
    return status;
}
