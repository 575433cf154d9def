#ifndef MESSAGE_STORE_SQLITE_HANDLE_H
#define MESSAGE_STORE_SQLITE_HANDLE_H

#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_scrub.h"
#include "services/common/store/sqlite_writer.h"
#include "services/message/store/message_store_kind.h"
#include "services/message/store/sqlite/lineage.h"

/*
 * The message store in a SQLite file. The other headers of this folder declare the functions that
 * its table (message_store_kind.h) consists of; each is specified in message_store.h.
 */
struct message_sqlite_store {
    struct message_store head; /* first */
    struct sqlite_db *db;
    struct sqlite_writer *writer;
    struct sqlite_scrub *scrub;
    struct lineage lineage; /* of the writer's thread */
};

static inline struct message_sqlite_store *message_sqlite_handle(struct message_store *store)
{
    return (struct message_sqlite_store *)store;
}

#endif
