#ifndef USER_STORE_MONGO_HANDLE_H
#define USER_STORE_MONGO_HANDLE_H

#include "services/common/store/mongo_db.h"
#include "services/common/store/mongo_watch.h"
#include "services/user/store/user_store_kind.h"

/*
 * The user store in MongoDB. The other headers of this folder declare the functions that its
 * table (user_store_kind.h) consists of.
 */
struct user_mongo_store {
    struct user_store head; /* first */
    struct mongo_db *db;
    struct mongo_watch *watch;
};

static inline struct user_mongo_store *user_mongo_handle(struct user_store *store)
{
    return (struct user_mongo_store *)store;
}

#endif
