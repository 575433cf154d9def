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

mongoc_client_t *mongo_db_borrow(struct mongo_db *db)
{
    return mongoc_client_pool_pop(db->pool);
}

void mongo_db_give_back(struct mongo_db *db, mongoc_client_t *client)
{
    mongoc_client_pool_push(db->pool, client);
}

mongoc_collection_t *mongo_collection(struct mongo_db *db, mongoc_client_t *client,
                                      const char *name)
{
    return mongoc_client_get_collection(client, db->name, name);
}

enum status mongo_ensure_index(struct mongo_db *db, mongoc_client_t *client, const char *collection,
                               const bson_t *keys, const char *name, bool unique)
{
    mongoc_database_t *database = mongoc_client_get_database(client, db->name);
    bson_error_t error;
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8(collection), "indexes", "[", "{", "key",
                               BCON_DOCUMENT(keys), "name", BCON_UTF8(name), "unique",
                               BCON_BOOL(unique), "}", "]");

    bool made = mongoc_database_write_command_with_opts(database, command, NULL, NULL, &error);
    bson_destroy(command);
    mongoc_database_destroy(database);
    return made ? STATUS_OK : mongo_status(&error, name);
}

enum status mongo_status(const bson_error_t *error, const char *doing)
{
    if (error->code == DUPLICATE_KEY)
        return STATUS_ALREADY_EXISTS;
    log_warn("mongo: %s: %s", doing, error->message);
    return STATUS_UNAVAILABLE;
}

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
