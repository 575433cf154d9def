#ifndef COMMON_MONGO_DB_H
#define COMMON_MONGO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mongoc/mongoc.h>

#include "services/common/id.h"
#include "services/common/status.h"

/*
 * A MongoDB deployment, or whatever speaks its protocol: a pool of clients with the write concern
 * "majority, journalled", and deadlines short enough that a caller hears "unavailable" in time. The
 * library repairs connections itself, with waits between the tries. From any thread; a client
 * belongs to one thread at a time.
 */
struct mongo_db;

enum { MONGO_CLIENTS_MOST = 32 };

/*
 * `url` is a MongoDB connection string; the database is the one it names, or "messenger". The
 * server need not be there yet. STATUS_INVALID_ARGUMENT for a bad URL, which is logged.
 */
enum status mongo_db_open(const char *url, struct mongo_db **db_out) MUST_CHECK;
void mongo_db_close(struct mongo_db **db);

mongoc_client_t *mongo_db_borrow(struct mongo_db *db);
void mongo_db_give_back(struct mongo_db *db, mongoc_client_t *client);

/* A collection handle of the client, which the caller destroys. */
mongoc_collection_t *mongo_collection(struct mongo_db *db, mongoc_client_t *client,
                                      const char *name);

/* Makes an index if it is not there. `keys` is e.g. { "conv": 1, "seq": 1 }. */
enum status mongo_ensure_index(struct mongo_db *db, mongoc_client_t *client, const char *collection,
                               const bson_t *keys, const char *name, bool unique) MUST_CHECK;

/* What a failed operation means: STATUS_ALREADY_EXISTS for a duplicate key, else
 * STATUS_UNAVAILABLE, which is logged. */
enum status mongo_status(const bson_error_t *error, const char *doing);

/* Fields of a document; "" or 0 when they are missing or of another type. Texts are borrowed. */
const char *mongo_text(const bson_t *document, const char *field);
int64_t mongo_int(const bson_t *document, const char *field);
void mongo_id(const bson_t *document, const char *field, struct id *id_out);

/* Our ids are ObjectIds to it. */
void mongo_append_id(bson_t *document, const char *field, const struct id *id);

#endif
