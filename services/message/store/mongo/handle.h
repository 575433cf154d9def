#ifndef MESSAGE_STORE_MONGO_HANDLE_H
#define MESSAGE_STORE_MONGO_HANDLE_H

#include <pthread.h>

#include "services/common/store/mongo_db.h"
#include "services/common/store/mongo_watch.h"
#include "services/message/store/message_store_kind.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/lineage.h"

/*
 * The message store in MongoDB. The other headers of this folder declare the functions that its
 * table (message_store_kind.h) consists of; each is specified in message_store.h.
 */
struct message_mongo_store {
    struct message_store head; /* first */
    struct mongo_db *db;
    struct mongo_watch *watch;
    struct message_mongo_lineage *lineage;
    struct message_mongo_writer *writer;
    pthread_mutex_t lock;   /* guards what follows */
    char epoch[EPOCH_SIZE]; /* "" until it is fetched, again after the store was turned back */
    struct superseded superseded;
    int64_t superseded_read_ms; /* 0: never */
};

static inline struct message_mongo_store *message_mongo_handle(struct message_store *store)
{
    return (struct message_mongo_store *)store;
}

#endif
