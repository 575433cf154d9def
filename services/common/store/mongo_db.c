#include "services/common/store/mongo_db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"

enum {
    SELECT_SERVER_MS = 3000, /* less than a caller's deadline */
    CONNECT_MS = 3000,
    SOCKET_MS = 4000,
    DUPLICATE_KEY = 11000,
    UPSERT_TRIES = 8,
    PAUSE_MIN_MS = 100,
    PAUSE_MAX_MS = 2000,
};

struct mongo_db {
    mongoc_client_pool_t *pool;
    char *name;
    pthread_mutex_t lock;  /* guards what follows */
    unsigned failures;     /* in a row: no server answered */
    int64_t not_before_ms; /* until then nothing is tried */
};

/* A client of the pool and one of its collections. */
struct handle {
    mongoc_client_t *client;
    mongoc_collection_t *collection;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void log_driver(mongoc_log_level_t level, const char *domain, const char *text, void *ctx)
{
    (void)ctx;
    if (level <= MONGOC_LOG_LEVEL_ERROR) /* its warnings are of servers that lack a command */
        log_warn("%s: %s", domain, text);
    else
        log_debug("%s: %s", domain, text);
}

static void init_driver(void)
{
    mongoc_init();
    mongoc_log_set_handler(log_driver, NULL);
}

/* An option that the URL does not set itself. */
static void set_default_ms(mongoc_uri_t *uri, const char *option, int32_t ms)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, ms);
}

static void set_write_concern(mongoc_uri_t *uri)
{
    mongoc_write_concern_t *concern = mongoc_write_concern_new();

    mongoc_write_concern_set_wmajority(concern, SOCKET_MS);
    mongoc_write_concern_set_journal(concern, true);
    mongoc_uri_set_write_concern(uri, concern);
    mongoc_write_concern_destroy(concern);
}

enum status mongo_db_open(const char *url, struct mongo_db **db_out)
{
    bson_error_t error;

    pthread_once(&once, init_driver);
    mongoc_uri_t *uri = mongoc_uri_new_with_error(url, &error);
    if (uri == NULL) {
        /* The driver may quote of a password what it has taken for a host. */
        log_error("not a MongoDB URL: %s",
                  strchr(url, '@') == NULL ? error.message : "a part of it is not as it must be");
        return STATUS_INVALID_ARGUMENT;
    }
    set_default_ms(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_SERVER_MS);
    set_default_ms(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
    set_default_ms(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
    set_default_ms(uri, MONGOC_URI_MAXPOOLSIZE, MONGO_CLIENTS_MAX);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false); /* ours are repeatable */
    set_write_concern(uri);

    struct mongo_db *db = xcalloc(1, sizeof(*db));
    pthread_mutex_init(&db->lock, NULL);
    const char *name = mongoc_uri_get_database(uri);
    db->name = xstrdup(name != NULL && *name != '\0' ? name : "messenger");
    db->pool = mongoc_client_pool_new(uri);
    mongoc_uri_destroy(uri);
    if (db->pool == NULL) {
        log_error("the MongoDB URL needs what this build of the driver has not");
        mongo_db_close(&db);
        return STATUS_INVALID_ARGUMENT;
    }
    mongoc_client_pool_set_error_api(db->pool, MONGOC_ERROR_API_VERSION_2);
    *db_out = db;
    return STATUS_OK;
}

void mongo_db_close(struct mongo_db **db)
{
    if (*db == NULL)
        return;
    if ((*db)->pool != NULL)
        mongoc_client_pool_destroy((*db)->pool);
    pthread_mutex_destroy(&(*db)->lock);
    free((*db)->name);
    free(*db);
    *db = NULL;
}

/* --- failures -------------------------------------------------------------------------------- */

/* False during the pause after servers have not answered. */
static bool may_try(struct mongo_db *db)
{
    pthread_mutex_lock(&db->lock);
    bool may = db->failures == 0 || clock_mono_ms() >= db->not_before_ms;
    pthread_mutex_unlock(&db->lock);
    return may;
}

static bool is_silence(const bson_error_t *error)
{
    return error->domain == MONGOC_ERROR_SERVER_SELECTION || error->domain == MONGOC_ERROR_STREAM;
}

static void note_silence(struct mongo_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->failures++;
    db->not_before_ms = clock_mono_ms() + backoff_pause(db->failures, PAUSE_MIN_MS, PAUSE_MAX_MS);
    pthread_mutex_unlock(&db->lock);
}

static void note_answer(struct mongo_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->failures = 0;
    pthread_mutex_unlock(&db->lock);
}

/* The outcome of an operation: STATUS_OK, STATUS_ALREADY_EXISTS for a duplicate key, else
 * STATUS_UNAVAILABLE, which is logged. */
static enum status outcome_of(struct mongo_db *db, bool done, const bson_error_t *error,
                              const char *doing)
{
    if (!done && is_silence(error))
        note_silence(db);
    else
        note_answer(db);
    if (done)
        return STATUS_OK;
    if (error->code == DUPLICATE_KEY)
        return STATUS_ALREADY_EXISTS;
    log_warn("mongo: %s: %s", doing, error->message);
    return STATUS_UNAVAILABLE;
}

/* --- clients --------------------------------------------------------------------------------- */

/* Waits while all clients are in use. False during the pause after a failure. */
static bool borrow_client(struct mongo_db *db, const char *collection, struct handle *handle_out)
{
    if (!may_try(db))
        return false;
    handle_out->client = mongoc_client_pool_pop(db->pool);
    handle_out->collection = mongoc_client_get_collection(handle_out->client, db->name, collection);
    return true;
}

static void give_back(struct mongo_db *db, struct handle *handle)
{
    mongoc_collection_destroy(handle->collection);
    mongoc_client_pool_push(db->pool, handle->client);
}

static enum status make_index(struct mongo_db *db, const char *collection, const char *name,
                              bool unique, const bson_t *keys)
{
    struct handle handle;
    bson_error_t error;

    if (!borrow_client(db, collection, &handle))
        return STATUS_UNAVAILABLE;
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key",
                               BCON_DOCUMENT(keys), "name", BCON_UTF8(name), "unique",
                               BCON_BOOL(unique), "}", "]");
    bool made =
        mongoc_collection_write_command_with_opts(handle.collection, command, NULL, NULL, &error);
    bson_destroy(command);
    give_back(db, &handle);
    return outcome_of(db, made, &error, name);
}

enum status mongo_ensure_index(struct mongo_db *db, const char *collection, const char *name,
                               bool unique, bson_t *keys_take)
{
    enum status status = make_index(db, collection, name, unique, keys_take);

    bson_destroy(keys_take);
    return status;
}

enum status mongo_ping(struct mongo_db *db)
{
    struct handle handle;
    bson_error_t error;

    if (!borrow_client(db, "ping", &handle))
        return STATUS_UNAVAILABLE;
    bson_t *command = BCON_NEW("ping", BCON_INT32(1));
    bool done = mongoc_client_command_simple(handle.client, db->name, command, NULL, NULL, &error);
    bson_destroy(command);
    give_back(db, &handle);
    return outcome_of(db, done, &error, "ping");
}

/* --- reading and writing --------------------------------------------------------------------- */

static enum status find_documents(struct mongo_db *db, const char *collection, const bson_t *filter,
                                  const bson_t *opts, mongo_take_document *take_document, void *ctx)
{
    struct handle handle;
    const bson_t *document;
    bson_error_t error;

    if (!borrow_client(db, collection, &handle))
        return STATUS_UNAVAILABLE;
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(handle.collection, filter, opts, NULL);
    while (mongoc_cursor_next(cursor, &document))
        take_document(ctx, document);
    bool failed = mongoc_cursor_error(cursor, &error);
    mongoc_cursor_destroy(cursor);
    give_back(db, &handle);
    return outcome_of(db, !failed, &error, collection);
}

enum status mongo_find(struct mongo_db *db, const char *collection, bson_t *filter_take,
                       bson_t *opts_take, mongo_take_document *take_document, void *ctx)
{
    enum status status = find_documents(db, collection, filter_take, opts_take, take_document, ctx);

    bson_destroy(filter_take);
    bson_destroy(opts_take);
    return status;
}

enum status mongo_count(struct mongo_db *db, const char *collection, uint64_t *count_out)
{
    struct handle handle;
    bson_error_t error;

    if (!borrow_client(db, collection, &handle))
        return STATUS_UNAVAILABLE;
    int64_t count =
        mongoc_collection_estimated_document_count(handle.collection, NULL, NULL, NULL, &error);
    give_back(db, &handle);
    *count_out = count > 0 ? (uint64_t)count : 0;
    return outcome_of(db, count >= 0, &error, collection);
}

enum status mongo_count_matching(struct mongo_db *db, const char *collection, bson_t *filter_take,
                                 uint64_t *count_out)
{
    struct handle handle;
    bson_error_t error;
    int64_t count = -1;

    *count_out = 0;
    bool borrowed = borrow_client(db, collection, &handle);
    if (borrowed) {
        count = mongoc_collection_count_documents(handle.collection, filter_take, NULL, NULL, NULL,
                                                  &error);
        give_back(db, &handle);
    }
    bson_destroy(filter_take);
    if (count > 0)
        *count_out = (uint64_t)count;
    return borrowed ? outcome_of(db, count >= 0, &error, collection) : STATUS_UNAVAILABLE;
}

static void note_found(void *ctx, const bson_t *document)
{
    (void)document;
    *(bool *)ctx = true;
}

enum status mongo_exists(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bool *exists_out)
{
    *exists_out = false;
    return mongo_find(db, collection, filter_take,
                      BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}"), note_found,
                      exists_out);
}

struct insertion {
    enum status *outcomes;
    size_t count;
    size_t first_failed;
    bool failed; /* by anything but a taken key */
};

static void note_write_error(void *ctx, const bson_iter_t *item)
{
    struct insertion *insertion = ctx;
    bson_iter_t at, inner = *item;
    size_t index = insertion->count;
    bool taken = false;

    if (!BSON_ITER_HOLDS_DOCUMENT(item) || !bson_iter_recurse(item, &inner))
        return;
    at = inner;
    if (bson_iter_find(&at, "index"))
        index = (size_t)bson_iter_as_int64(&at);
    at = inner;
    if (bson_iter_find(&at, "code"))
        taken = bson_iter_as_int64(&at) == DUPLICATE_KEY;
    if (!taken || index >= insertion->count) {
        insertion->failed = true;
        return;
    }
    insertion->outcomes[index] = STATUS_ALREADY_EXISTS;
    if (index < insertion->first_failed)
        insertion->first_failed = index;
}

/* The outcomes of a failed insertion; false when they are unknown. */
static bool read_outcomes(const bson_t *reply, bool ordered, struct insertion *insertion)
{
    bson_iter_t at;

    if (bson_iter_init_find(&at, reply, "writeConcernErrors"))
        return false;
    mongo_array_each(reply, "writeErrors", note_write_error, insertion);
    if (insertion->failed || insertion->first_failed == insertion->count)
        return false;
    if (ordered)
        for (size_t i = insertion->first_failed + 1; i < insertion->count; i++)
            insertion->outcomes[i] = STATUS_UNAVAILABLE;
    return true;
}

enum status mongo_insert(struct mongo_db *db, const char *collection, bson_t *const *documents,
                         size_t count, bool ordered, enum status *outcomes)
{
    struct insertion insertion = { outcomes, count, count, false };
    bson_error_t error = { 0 };
    struct handle handle;
    bson_t reply;

    if (count == 0)
        return STATUS_OK;
    if (!borrow_client(db, collection, &handle))
        return STATUS_UNAVAILABLE;
    for (size_t i = 0; i < count; i++)
        outcomes[i] = STATUS_OK;
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(ordered));
    bool known =
        mongoc_collection_insert_many(handle.collection, (const bson_t **)(uintptr_t)documents,
                                      count, opts, &reply, &error) ||
        read_outcomes(&reply, ordered, &insertion);
    bson_destroy(&reply);
    bson_destroy(opts);
    give_back(db, &handle);
    if (!known)
        error.code = error.code == DUPLICATE_KEY ? 0 : error.code; /* not that alone */
    return outcome_of(db, known, &error, collection);
}

static bool execute_upserts(mongoc_collection_t *collection, const struct mongo_upsert *upserts,
                            size_t count, enum mongo_concern concern, bson_error_t *error)
{
    mongoc_write_concern_t *hint = mongoc_write_concern_new();
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
    bson_t *upsert = BCON_NEW("upsert", BCON_BOOL(true));

    mongoc_write_concern_set_w(hint, 1);
    if (concern == MONGO_HINT)
        mongoc_write_concern_append(hint, opts);
    mongoc_bulk_operation_t *bulk =
        mongoc_collection_create_bulk_operation_with_opts(collection, opts);
    bool done = true;
    for (size_t i = 0; done && i < count; i++)
        done = mongoc_bulk_operation_update_one_with_opts(bulk, upserts[i].filter,
                                                          upserts[i].change, upsert, error);
    done = done && mongoc_bulk_operation_execute(bulk, NULL, error) != 0;
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(upsert);
    bson_destroy(opts);
    mongoc_write_concern_destroy(hint);
    return done;
}

static enum status try_upserts(struct mongo_db *db, const char *collection,
                               const struct mongo_upsert *upserts, size_t count,
                               enum mongo_concern concern)
{
    enum status status = STATUS_ALREADY_EXISTS;
    struct handle handle;

    if (!borrow_client(db, collection, &handle))
        return STATUS_UNAVAILABLE;
    for (int tries = 0; tries < UPSERT_TRIES && status == STATUS_ALREADY_EXISTS; tries++) {
        bson_error_t error = { 0 };
        bool done = execute_upserts(handle.collection, upserts, count, concern, &error);
        status = outcome_of(db, done, &error, collection);
    }
    give_back(db, &handle);
    return status == STATUS_ALREADY_EXISTS ? STATUS_UNAVAILABLE : status;
}

enum status mongo_upsert(struct mongo_db *db, const char *collection, struct mongo_upsert *upserts,
                         size_t count, enum mongo_concern concern)
{
    enum status status =
        count > 0 ? try_upserts(db, collection, upserts, count, concern) : STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        bson_destroy(upserts[i].filter);
        bson_destroy(upserts[i].change);
    }
    return status;
}

enum status mongo_update(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bson_t *change_take)
{
    enum status status = STATUS_UNAVAILABLE;
    struct handle handle;
    bson_error_t error;
    bson_t reply;

    if (borrow_client(db, collection, &handle)) {
        bool done = mongoc_collection_update_one(handle.collection, filter_take, change_take, NULL,
                                                 &reply, &error);
        status = outcome_of(db, done, &error, collection);
        if (done && mongo_int(&reply, "matchedCount") == 0)
            status = STATUS_NOT_FOUND;
        bson_destroy(&reply);
        give_back(db, &handle);
    }
    bson_destroy(filter_take);
    bson_destroy(change_take);
    return status;
}

enum status mongo_update_all(struct mongo_db *db, const char *collection, bson_t *filter_take,
                             bson_t *change_take)
{
    enum status status = STATUS_UNAVAILABLE;
    struct handle handle;
    bson_error_t error;

    if (borrow_client(db, collection, &handle)) {
        bool done = mongoc_collection_update_many(handle.collection, filter_take, change_take, NULL,
                                                  NULL, &error);
        status = outcome_of(db, done, &error, collection);
        give_back(db, &handle);
    }
    bson_destroy(filter_take);
    bson_destroy(change_take);
    return status;
}

enum status mongo_delete(struct mongo_db *db, const char *collection, bson_t *filter_take)
{
    enum status status = STATUS_UNAVAILABLE;
    struct handle handle;
    bson_error_t error;

    if (borrow_client(db, collection, &handle)) {
        bool done =
            mongoc_collection_delete_many(handle.collection, filter_take, NULL, NULL, &error);
        status = outcome_of(db, done, &error, collection);
        give_back(db, &handle);
    }
    bson_destroy(filter_take);
    return status;
}
