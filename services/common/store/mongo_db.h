#ifndef COMMON_STORE_MONGO_DB_H
#define COMMON_STORE_MONGO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mongoc/mongoc.h>

#include "services/common/base/status.h"
#include "services/common/store/mongo_document.h"

/*
 * A MongoDB deployment, or whatever speaks its protocol: a pool of clients with the write concern
 * "majority, journalled", and deadlines short enough that a caller hears "unavailable" in time.
 * While no server answers, every call fails with STATUS_UNAVAILABLE, and at once for a while that
 * grows with each failure (to 2 s, each time another while): so nobody waits in vain, and a server
 * that comes back is not stormed. Failures are logged. From any thread.
 */
struct mongo_db;

enum { MONGO_CLIENTS_MAX = 32 };

/*
 * `url` is a MongoDB connection string; the database is the one it names, or "messenger". The
 * server need not be there yet. STATUS_INVALID_ARGUMENT for a bad URL, which is logged.
 */
enum status mongo_db_open(const char *url, struct mongo_db **db_out) MUST_CHECK;
void mongo_db_close(struct mongo_db **db);

/* Makes an index if it is not there. `keys` is e.g. { "conv": 1, "seq": 1 }, and is destroyed. */
enum status mongo_ensure_index(struct mongo_db *db, const char *collection, const char *name,
                               bool unique, bson_t *keys_take) MUST_CHECK;

/* --- reading --------------------------------------------------------------------------------- */

typedef void mongo_take_document(void *ctx, const bson_t *document);

/* Every document of a query to `take_document`. `opts_take` may be NULL; both are destroyed. */
enum status mongo_find(struct mongo_db *db, const char *collection, bson_t *filter_take,
                       bson_t *opts_take, mongo_take_document *take_document, void *ctx) MUST_CHECK;

/* About how many documents a collection has: as its server keeps count. */
enum status mongo_count(struct mongo_db *db, const char *collection,
                        uint64_t *count_out) MUST_CHECK;

/* Whether a document matches; `filter_take` is destroyed. */
enum status mongo_exists(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bool *exists_out) MUST_CHECK;

/* --- writing --------------------------------------------------------------------------------- */

/*
 * Inserts in one command. `outcomes[i]`: STATUS_OK, STATUS_ALREADY_EXISTS (a key is taken), or
 * STATUS_UNAVAILABLE: not tried, because an earlier one failed and they are `ordered`. Returns
 * STATUS_OK when all that failed are taken keys; else the outcomes say nothing.
 */
enum status mongo_insert(struct mongo_db *db, const char *collection, bson_t *const *documents,
                         size_t count, bool ordered, enum status *outcomes) MUST_CHECK;

/* One document that is made or changed. */
struct mongo_upsert {
    bson_t *filter, *change;
};

/* How sure a write must be. */
enum mongo_concern {
    MONGO_DURABLE, /* on the disks of a majority */
    MONGO_HINT,    /* taken by the primary; it may be lost, and nothing else with it */
};

/*
 * Carries out all of them, in no order, in one command; those that collide with another's at the
 * making are tried again, so each must be repeatable. Destroys the filters and changes.
 */
enum status mongo_upsert(struct mongo_db *db, const char *collection, struct mongo_upsert *upserts,
                         size_t count, enum mongo_concern concern) MUST_CHECK;

/* Changes the one document that matches. STATUS_NOT_FOUND. Both are destroyed. */
enum status mongo_update(struct mongo_db *db, const char *collection, bson_t *filter_take,
                         bson_t *change_take) MUST_CHECK;

/* Deletes what matches; `filter_take` is destroyed. */
enum status mongo_delete(struct mongo_db *db, const char *collection,
                         bson_t *filter_take) MUST_CHECK;

#endif
