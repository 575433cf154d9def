#include "services/common/mongo_db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/log.h"
#include "services/common/memory.h"

enum {
    SELECT_SERVER_MS = 3000, /* less than a caller's deadline */
    CONNECT_MS = 3000,
    SOCKET_MS = 4000,
    DUPLICATE_KEY = 11000,
    UPSERT_TRIES = 8,
};

struct mongo_db {
    mongoc_client_pool_t *pool;
    char *name;
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
        log_error("not a MongoDB URL: %s", error.message);
        return STATUS_INVALID_ARGUMENT;
    }
    set_default_ms(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_SERVER_MS);
    set_default_ms(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
    set_default_ms(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
    set_default_ms(uri, MONGOC_URI_MAXPOOLSIZE, MONGO_CLIENTS_MOST);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false); /* ours are repeatable */
    set_write_concern(uri);

    struct mongo_db *db = xcalloc(1, sizeof(*db));
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
    free((*db)->name);
    free(*db);
    *db = NULL;
}

struct mongo_handle mongo_db_borrow(struct mongo_db *db, const char *collection)
{
    struct mongo_handle handle = { .client = mongoc_client_pool_pop(db->pool) };

    handle.collection = mongoc_client_get_collection(handle.client, db->name, collection);
    return handle;
}

void mongo_db_give_back(struct mongo_db *db, struct mongo_handle *handle)
{
    mongoc_collection_destroy(handle->collection);
    mongoc_client_pool_push(db->pool, handle->client);
    *handle = (struct mongo_handle){ NULL, NULL };
}

enum status mongo_ensure_index(struct mongo_db *db, const char *collection, const char *name,
                               bool unique, bson_t *keys_take)
{
    struct mongo_handle handle = mongo_db_borrow(db, collection);
    bson_error_t error;
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key",
                               BCON_DOCUMENT(keys_take), "name", BCON_UTF8(name), "unique",
                               BCON_BOOL(unique), "}", "]");

    bool made =
        mongoc_collection_write_command_with_opts(handle.collection, command, NULL, NULL, &error);
    bson_destroy(command);
    bson_destroy(keys_take);
    mongo_db_give_back(db, &handle);
    return made ? STATUS_OK : mongo_status(&error, name);
}

/* --- reading and writing --------------------------------------------------------------------- */

enum status mongo_find(struct mongo_db *db, const char *collection, bson_t *filter_take,
                       bson_t *opts_take, mongo_take_document *take_document, void *ctx)
{
    struct mongo_handle handle = mongo_db_borrow(db, collection);
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(handle.collection, filter_take, opts_take, NULL);
    enum status status = STATUS_OK;
    const bson_t *document;
    bson_error_t error;

    while (mongoc_cursor_next(cursor, &document))
        take_document(ctx, document);
    if (mongoc_cursor_error(cursor, &error))
        status = mongo_status(&error, collection);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter_take);
    bson_destroy(opts_take);
    mongo_db_give_back(db, &handle);
    return status;
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

/* What an insertion that failed has done. */
static enum status read_outcomes(const bson_t *reply, const bson_error_t *error, bool ordered,
                                 struct insertion *insertion)
{
    bson_iter_t at;
    bool unsure = bson_iter_init_find(&at, reply, "writeConcernErrors");

    mongo_array_each(reply, "writeErrors", note_write_error, insertion);
    if (unsure || insertion->failed || insertion->first_failed == insertion->count) {
        log_warn("mongo: insert: %s", error->message);
        return STATUS_UNAVAILABLE;
    }
    if (ordered)
        for (size_t i = insertion->first_failed + 1; i < insertion->count; i++)
            insertion->outcomes[i] = STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status mongo_insert(struct mongo_db *db, const char *collection, bson_t *const *documents,
                         size_t count, bool ordered, enum status *outcomes)
{
    struct insertion insertion = { outcomes, count, count, false };
    bson_error_t error = { 0 };
    enum status status = STATUS_OK;
    bson_t reply;

    if (count == 0)
        return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        outcomes[i] = STATUS_OK;
    struct mongo_handle handle = mongo_db_borrow(db, collection);
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(ordered));
    if (!mongoc_collection_insert_many(handle.collection, (const bson_t **)(uintptr_t)documents,
                                       count, opts, &reply, &error))
        status = read_outcomes(&reply, &error, ordered, &insertion);
    bson_destroy(&reply);
    bson_destroy(opts);
    mongo_db_give_back(db, &handle);
    return status;
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

enum status mongo_upsert(struct mongo_db *db, const char *collection, struct mongo_upsert *upserts,
                         size_t count, enum mongo_concern concern)
{
    enum status status = STATUS_OK;

    if (count > 0) {
        struct mongo_handle handle = mongo_db_borrow(db, collection);
        for (int tries = 0; tries < UPSERT_TRIES; tries++) {
            bson_error_t error = { 0 };
            bool done = execute_upserts(handle.collection, upserts, count, concern, &error);
            status = done ? STATUS_OK : mongo_status(&error, collection);
            if (status != STATUS_ALREADY_EXISTS)
                break;
        }
        mongo_db_give_back(db, &handle);
    }
    for (size_t i = 0; i < count; i++) {
        bson_destroy(upserts[i].filter);
        bson_destroy(upserts[i].change);
    }
    return status == STATUS_ALREADY_EXISTS ? STATUS_UNAVAILABLE : status;
}

enum status mongo_delete(struct mongo_db *db, const char *collection, bson_t *filter_take)
{
    struct mongo_handle handle = mongo_db_borrow(db, collection);
    bson_error_t error;

    bool done = mongoc_collection_delete_many(handle.collection, filter_take, NULL, NULL, &error);
    enum status status = done ? STATUS_OK : mongo_status(&error, collection);
    bson_destroy(filter_take);
    mongo_db_give_back(db, &handle);
    return status;
}

enum status mongo_status(const bson_error_t *error, const char *doing)
{
    if (error->code == DUPLICATE_KEY)
        return STATUS_ALREADY_EXISTS;
    log_warn("mongo: %s: %s", doing, error->message);
    return STATUS_UNAVAILABLE;
}

/* --- documents ------------------------------------------------------------------------------- */

const char *mongo_text(const bson_t *document, const char *field)
{
    bson_iter_t at;

    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_UTF8(&at))
        return bson_iter_utf8(&at, NULL);
    return "";
}

int64_t mongo_int(const bson_t *document, const char *field)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, document, field) ? bson_iter_as_int64(&at) : 0;
}

void mongo_id(const bson_t *document, const char *field, struct id *id_out)
{
    bson_iter_t at;

    memset(id_out, 0, sizeof(*id_out));
    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_OID(&at))
        memcpy(id_out->bytes, bson_iter_oid(&at)->bytes, ID_BYTES);
}

void mongo_append_id(bson_t *document, const char *field, const struct id *id)
{
    bson_oid_t oid;

    bson_oid_init_from_data(&oid, id->bytes);
    bson_append_oid(document, field, -1, &oid);
}

int64_t mongo_date(const bson_t *document, const char *field)
{
    bson_iter_t at;

    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_DATE_TIME(&at))
        return bson_iter_date_time(&at);
    return 0;
}

void mongo_array_begin(bson_t *parent, const char *field, struct mongo_array *array_out)
{
    array_out->parent = parent;
    array_out->count = 0;
    bson_append_array_begin(parent, field, -1, &array_out->array);
}

/* The name of an array's next item is its number. */
static const char *next_name(struct mongo_array *array, char room[16])
{
    const char *name;

    bson_uint32_to_string(array->count++, &name, room, 16);
    return name;
}

void mongo_array_append_text(struct mongo_array *array, const char *text)
{
    char room[16];
    bson_append_utf8(&array->array, next_name(array, room), -1, text, -1);
}

void mongo_array_append_id(struct mongo_array *array, const struct id *id)
{
    char room[16];
    mongo_append_id(&array->array, next_name(array, room), id);
}

void mongo_array_append_document(struct mongo_array *array, const bson_t *document)
{
    char room[16];
    bson_append_document(&array->array, next_name(array, room), -1, document);
}

void mongo_array_end(struct mongo_array *array)
{
    bson_append_array_end(array->parent, &array->array);
}

void mongo_array_each(const bson_t *document, const char *field,
                      void (*take_item)(void *ctx, const bson_iter_t *item), void *ctx)
{
    bson_iter_t at, item;

    if (!bson_iter_init_find(&at, document, field) || !BSON_ITER_HOLDS_ARRAY(&at) ||
        !bson_iter_recurse(&at, &item))
        return;
    while (bson_iter_next(&item))
        take_item(ctx, &item);
}
