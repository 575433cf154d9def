#ifndef MESSAGE_STORE_MONGO_SEQUENCE_H
#define MESSAGE_STORE_MONGO_SEQUENCE_H

#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/lineage.h"

/*
 * A user's sequence of changes, as a writer knows it. A number is taken by inserting a document
 * with it, for (owner, mod) is unique; a writer tries the one after the newest that it knows, and a
 * later one when that is taken. So all numbers below one that is taken are taken,
 * or within a step.
 */
struct sequence {
    const char *owner; /* borrowed */
    uint64_t known;    /* taken, as far as we know */
    uint64_t given;    /* the newest change's number: less than `known` at the end of a step */
    bool begun;        /* has a number in this run: needs no step */
    int misses;        /* numbers that were found taken, one by one */
};

/* What a writer needs for them. */
struct sequence_writer {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    char run[MESSAGE_MONGO_RUN_SIZE];
    bool first_run;
};

struct sequence_writer sequence_writer_of(struct mongo_db *db,
                                          struct message_mongo_lineage *lineage);

/* The newest change of an owner, 0 when there is none; a history that was imported counts. */
enum status sequence_newest(struct mongo_db *db, const char *owner_key,
                            uint64_t *mod_out) MUST_CHECK;

/* The number was seen on a change, or a history of this length was imported. */
void sequence_raise(struct sequence *sequence, uint64_t mod);

/* Makes the step of the run in each sequence that needs one: after this, the next number is
 * `known` + 1. Some of the numbers may be taken by others at any time. */
enum status sequence_begin(struct sequence_writer *writer, struct sequence *sequences,
                           size_t count) MUST_CHECK;

/* A change was inserted with the number. */
void sequence_take(struct sequence_writer *writer, struct sequence *sequence, uint64_t mod);

/*
 * A change could not be inserted with the number `tried`, because it is taken, or because the
 * change exists: `*mod_out` is then its number, else 0, and the sequence knows what to try next.
 */
enum status sequence_resolve(struct sequence_writer *writer, struct sequence *sequence,
                             const char *change_id, uint64_t tried, uint64_t *mod_out) MUST_CHECK;

#endif
