#ifndef USER_STORE_SQLITE_HANDLE_H
#define USER_STORE_SQLITE_HANDLE_H

#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_scrub.h"
#include "services/common/store/sqlite_writer.h"
#include "services/user/store/user_store_kind.h"

/*
 * The user store in a SQLite file. The other headers of this folder declare the functions that its
 * table (user_store_kind.h) consists of.
 */
struct user_sqlite_store {
    struct user_store head; /* first */
    struct sqlite_db *db;
    struct sqlite_writer *writer;
    struct sqlite_scrub *scrub;
};

static inline struct user_sqlite_store *user_sqlite_handle(struct user_store *store)
{
    return (struct user_sqlite_store *)store;
}

#endif
