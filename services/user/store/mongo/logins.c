#include "services/user/store/mongo/logins.h"

#include "services/user/store/mongo/handle.h"

/*
 * failedLogins:  { _id: the key, counter: { failures, at, expiresAt, version } }
 * loginNetworks: { _id: a hash of account and network, account, at }
 *
 * A counter is one field, so that it is replaced at once also by a server whose readers may see
 * some fields of an update before others.
 */
enum { DELETED_AT_ONCE_MAX = 1000 };

static bson_t *by_id(const struct id *id)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "_id", id);
    return filter;
}

/* --- counters ---------------------------------------------------------------------------- */

static void read_counter(void *ctx, const bson_t *document)
{
    struct failed_logins *counter = ctx;
    const uint8_t *data;
    uint32_t size;
    bson_iter_t at;
    bson_t field;

    if (!bson_iter_init_find(&at, document, "counter") || !BSON_ITER_HOLDS_DOCUMENT(&at))
        return;
    bson_iter_document(&at, &size, &data);
    if (!bson_init_static(&field, data, size))
        return;
    counter->failures = mongo_int(&field, "failures");
    counter->at_ms = mongo_int(&field, "at");
    counter->expires_ms = mongo_int(&field, "expiresAt");
    counter->version = mongo_int(&field, "version");
}

enum status user_mongo_logins_get_failed(struct user_store *store, const struct id *key,
                                         struct failed_logins *counter_out)
{
    *counter_out = (struct failed_logins){ .key = *key };
    return mongo_find(user_mongo_handle(store)->db, "failedLogins", by_id(key), NULL, read_counter,
                      counter_out);
}

static void append_counter(bson_t *document, const struct failed_logins *counter)
{
    bson_t field;

    BSON_APPEND_DOCUMENT_BEGIN(document, "counter", &field);
    BSON_APPEND_INT64(&field, "failures", counter->failures);
    BSON_APPEND_INT64(&field, "at", counter->at_ms);
    BSON_APPEND_INT64(&field, "expiresAt", counter->expires_ms);
    BSON_APPEND_INT64(&field, "version", user_store_kind_new_version());
    bson_append_document_end(document, &field);
}

static enum status insert_counter(struct mongo_db *db, const struct failed_logins *counter)
{
    bson_t *document = by_id(&counter->key);
    enum status outcome = STATUS_UNAVAILABLE;

    append_counter(document, counter);
    enum status status = mongo_insert(db, "failedLogins", &document, 1, true, &outcome);
    bson_destroy(document);
    if (status != STATUS_OK)
        return status;
    return outcome == STATUS_ALREADY_EXISTS ? STATUS_CONFLICT : outcome;
}

enum status user_mongo_logins_put_failed(struct user_store *store,
                                         const struct failed_logins *counter)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    bson_t set;

    if (counter->version == 0)
        return insert_counter(db, counter);
    bson_t *filter = by_id(&counter->key), *change = bson_new();
    BSON_APPEND_INT64(filter, "counter.version", counter->version);
    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    append_counter(&set, counter);
    bson_append_document_end(change, &set);
    enum status status = mongo_update(db, "failedLogins", filter, change);
    return status == STATUS_NOT_FOUND ? STATUS_CONFLICT : status;
}

enum status user_mongo_logins_clear_failed(struct user_store *store, const struct id *key)
{
    return mongo_delete(user_mongo_handle(store)->db, "failedLogins", by_id(key));
}

static void append_key(void *ctx, const bson_t *document)
{
    struct id id;

    mongo_id(document, "_id", &id);
    mongo_array_append_id(ctx, &id);
}

/* Deletes the first `count` documents of a query in that order, at most DELETED_AT_ONCE_MAX. */
static enum status delete_first(struct mongo_db *db, const char *collection, bson_t *filter_take,
                                bson_t *sort_take, size_t skip, size_t count)
{
    bson_t *doomed = bson_new(), ids;
    struct mongo_array list;
    bson_t *opts =
        BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}", "sort", BCON_DOCUMENT(sort_take),
                 "skip", BCON_INT64((int64_t)skip), "limit",
                 BCON_INT64((int64_t)(count < DELETED_AT_ONCE_MAX ? count : DELETED_AT_ONCE_MAX)));

    BSON_APPEND_DOCUMENT_BEGIN(doomed, "_id", &ids);
    mongo_array_begin(&ids, "$in", &list);
    enum status status = mongo_find(db, collection, filter_take, opts, append_key, &list);
    size_t found = list.count;
    mongo_array_end(&list);
    bson_append_document_end(doomed, &ids);
    bson_destroy(sort_take);
    if (status == STATUS_OK && found > 0)
        return mongo_delete(db, collection, doomed);
    bson_destroy(doomed);
    return status;
}

enum status user_mongo_logins_prune_failed(struct user_store *store, int64_t now_ms, size_t max)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    uint64_t count = 0;

    enum status status = mongo_delete(
        db, "failedLogins", BCON_NEW("counter.expiresAt", "{", "$lte", BCON_INT64(now_ms), "}"));
    if (status == STATUS_OK)
        status = mongo_count(db, "failedLogins", &count);
    while (status == STATUS_OK && count > max) {
        size_t excess = (size_t)count - max;
        status = delete_first(
            db, "failedLogins", bson_new(),
            BCON_NEW("counter.failures", BCON_INT32(1), "counter.expiresAt", BCON_INT32(1)), 0,
            excess);
        count -= excess < DELETED_AT_ONCE_MAX ? excess : DELETED_AT_ONCE_MAX;
    }
    return status;
}

/* --- networks ---------------------------------------------------------------------------- */

struct login {
    bool found;
    int64_t at_ms;
};

static void read_login(void *ctx, const bson_t *document)
{
    *(struct login *)ctx = (struct login){ true, mongo_int(document, "at") };
}

enum status user_mongo_logins_get_login(struct user_store *store, const struct id *key,
                                        int64_t *at_ms_out)
{
    struct login login = { .found = false };

    enum status status = mongo_find(user_mongo_handle(store)->db, "loginNetworks", by_id(key), NULL,
                                    read_login, &login);
    if (status == STATUS_OK && !login.found)
        return STATUS_NOT_FOUND;
    *at_ms_out = login.at_ms;
    return status;
}

enum status user_mongo_logins_put_login(struct user_store *store, const struct id *account,
                                        const struct id *key, int64_t at_ms)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    bson_t *change = BCON_NEW("$max", "{", "at", BCON_INT64(at_ms), "}"), set;

    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    mongo_append_id(&set, "account", account);
    bson_append_document_end(change, &set);
    struct mongo_upsert upsert = { by_id(key), change };
    enum status status = mongo_upsert(db, "loginNetworks", &upsert, 1, MONGO_DURABLE);
    if (status != STATUS_OK)
        return status;
    bson_t *own = bson_new();
    mongo_append_id(own, "account", account);
    return delete_first(db, "loginNetworks", own,
                        BCON_NEW("at", BCON_INT32(-1), "_id", BCON_INT32(1)), USER_LOGINS_MAX,
                        DELETED_AT_ONCE_MAX);
}
