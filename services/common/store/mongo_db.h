#ifndef COMMON_STORE_MONGO_DB_H
#define COMMON_STORE_MONGO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mongoc/mongoc.h>

#include "services/common/base/status.h"
#include "services/common/store/mongo_document.h"

/*
 * A MongoDB deployment, or another server of its protocol: a pool of clients with the write concern
 * "majority, journalled", and timeouts short enough that callers receive "unavailable" in time.
 * While no server answers, calls fail with STATUS_UNAVAILABLE; after a failure, without an attempt
 * for a jittered pause that grows to 2 s, so that a server that returns is not flooded. Failures
 * are logged. From any thread.
 */
struct mongo_db;

enum { MONGO_CLIENTS_MAX = 32 };

/*
 * `url` is a MongoDB connection string; the database is the one it names, or "messenger". The
 * server may start later. STATUS_INVALID_ARGUMENT, logged, for an invalid URL.
 */
enum status mongo_db_open(const char *url, struct mongo_db **db_out) MUST_CHECK;
void mongo_db_close(struct mongo_db **db);

/* Creates an index if it is missing. `keys` is e.g. { "conv": 1, "seq": 1 }, and is destroyed. */
enum status mongo_ensure_index(struct mongo_db *db, const char *collection, const char *name,
                               bool unique, bson_t *keys_take) MUST_CHECK;

/* Whether a server that takes writes answers. */
enum status mongo_ping(struct mongo_db *db) MUST_CHECK;

/* --- reading --------------------------------------------------------------------------------- */

typedef void mongo_take_document(void *ctx, const bson_t *document);

/* Calls `take_document` for each document of a query. `opts_take` may be NULL; both are
 * destroyed. */
enum status mongo_find(struct mongo_db *db, const char *collection, bson_t *filter_take,
                       bson_t *opts_take, mongo_take_document *take_document, void *ctx) MUST_CHECK;

/* The approximate number of documents of a collection, from the server's metadata. */
enum status mongo_count(struct mongo_db *db, const char *collection,
                        uint64_t *count_out) MUST_CHECK;

/* How many documents match; `filter_take` is destroyed. */
enum status mongo_count_matching(struct mongo_db *db, const char *collection, bson_t *filter_take,
                                 uint64_t *count_out) MUST_CHECK;

/* Whether a document matches; `filter_take` is destroyed. */
enum status mongo_exists(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bool *exists_out) MUST_CHECK;

/* --- writing --------------------------------------------------------------------------------- */

/* Inserts with one command. `outcomes[i]`: STATUS_OK, STATUS_ALREADY_EXISTS (duplicate key), or
 * STATUS_UNAVAILABLE (not attempted, because an earlier one failed and they are `ordered`). Returns
 * STATUS_OK when all failures are duplicate keys; otherwise the outcomes are undefined.
 */
enum status mongo_insert(struct mongo_db *db, const char *collection, bson_t *const *documents,
                         size_t count, bool ordered, enum status *outcomes) MUST_CHECK;

/* One document to insert or update. */
struct mongo_upsert {
    bson_t *filter, *change;
};

/* The durability of a write. */
enum mongo_concern {
    MONGO_DURABLE, /* on the disks of a majority */
    MONGO_HINT,    /* acknowledged by the primary; may be lost, without harm */
};

/*
 * Runs all upserts, unordered, with one command; those that collide with a concurrent insert are
 * retried, so each must be idempotent. Destroys the filters and changes.
 */
enum status mongo_upsert(struct mongo_db *db, const char *collection, struct mongo_upsert *upserts,
                         size_t count, enum mongo_concern concern) MUST_CHECK;

/* Updates the one document that matches. STATUS_NOT_FOUND. Both are destroyed. */
enum status mongo_update(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bson_t *change_take) MUST_CHECK;

/* Updates all documents that match, if any. Both are destroyed. */
enum status mongo_update_all(struct mongo_db *db, const char *collection, bson_t *filter_take,
                             bson_t *change_take) MUST_CHECK;

/* Deletes the matching documents; `filter_take` is destroyed. */
enum status mongo_delete(struct mongo_db *db, const char *collection,
                         bson_t *filter_take) MUST_CHECK;

#endif
