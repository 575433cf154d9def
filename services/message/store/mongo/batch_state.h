#ifndef MESSAGE_STORE_MONGO_BATCH_STATE_H
#define MESSAGE_STORE_MONGO_BATCH_STATE_H

#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/fact.h"
#include "services/message/store/mongo/relations.h"
#include "services/message/store/mongo/write_job.h"

/* What the files of a batch (batch.h) share while one is written. */

/* A conversation in which a batch writes. */
struct conversation {
    struct id id;
    struct conversation_state stored;  /* as of the newest message known */
    struct conversation_state planned; /* and with what this round tries to add */
    uint64_t settled;                  /* as far as the dialogs show */
    bool planned_here;
};

/* A send of the batch. */
struct sending {
    struct message_mongo_job *job;
    struct message_send *send;
    struct conversation *conversation;
    const struct dialog_document *dialog;       /* the sender's */
    const struct relation_documents *relations; /* of the sender to the receiver */
    struct message message;                     /* borrows the text */
    bool over;                                  /* stored, or refused */
    bool repeats;                               /* was stored before */
    bool imported;                              /* imported from another store: nothing to settle */
};

struct batch {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    struct repair *repair;
    struct batch_job *jobs;
    size_t count;
    char (*dialog_ids)[DIALOG_ID_SIZE];   /* of each job, as its actor sees it */
    struct dialog_document *dialogs;      /* likewise */
    struct relation_documents *relations; /* likewise */
    struct privacy *privacies;            /* of each job's actor, if any is a mark */
    struct sending *sends;
    size_t send_count;
    struct conversation *conversations;
    size_t conversation_count;
    struct hashmap *by_id; /* conversation id in hex -> conversation */
    struct fact *facts;    /* marks, then messages */
    size_t fact_count;
    struct message_mongo_job **fact_jobs; /* of each fact */
};

static inline struct message_mongo_job *batch_job_of(struct batch_job *job)
{
    return (struct message_mongo_job *)job;
}

static inline void batch_add_fact(struct batch *batch, struct message_mongo_job *job,
                                  const struct fact *fact)
{
    batch->fact_jobs[batch->fact_count] = job;
    batch->facts[batch->fact_count++] = *fact;
}

#endif
