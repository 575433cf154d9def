#ifndef MESSAGE_STORE_MONGO_CHANGES_READING_H
#define MESSAGE_STORE_MONGO_CHANGES_READING_H

#include "services/message/store/mongo/lineage.h"
#include "services/message/store/mongo/relations.h"

struct hashmap;

/* What the files of changes.h share while an owner's changes are read. */

/* A change as it is stored. */
struct entry {
    uint64_t mod, before; /* before: the number of the owner's change before it */
    uint64_t number;      /* seq of a message, or count of a mark */
    enum change_kind kind;
    struct concern *concern; /* NULL: the owner alone */
    char peer[ACCOUNT_NAME_SIZE];
};

/* A dialog that an answer concerns. */
struct concern {
    const char *peer; /* borrowed from its first entry */
    struct id conversation;
    struct dialog_document document; /* raised */
    struct relation_documents relations;
};

struct reading {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    const char *owner;
    struct change_range range;
    uint64_t floor; /* the position's document, read before the changes */
    struct entry *entries;
    size_t count, capacity;
    bool unknown_kind;
    struct concern *concerns; /* in the order of their first entries */
    size_t concern_count;
    struct hashmap *by_peer;  /* key -> concern */
    struct hashmap *messages; /* "<peer>/<seq>" -> message, owned */
    struct superseded superseded;
};

#endif
