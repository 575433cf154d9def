#ifndef MESSAGE_STORE_MONGO_LINEAGE_H
#define MESSAGE_STORE_MONGO_LINEAGE_H

#include <stdbool.h>

#include "services/common/store/mongo_db.h"
#include "services/message/store/message_data.h"

/*
 * Keeps a client that has seen more than the store has from being silently behind, as the SQLite
 * store does (sqlite/lineage.h): a database can be turned back by a restored dump or snapshot, and
 * no content of it shows that. So each process that writes is a run, and an owner's first change in
 * a run has a number greater than the last one by a random step of up to 2^32, which is recorded in
 * the log of changes (documents.h): a step takes the number after the last one, so that writers of
 * all runs meet it there and follow it (sequence.h). A number within a step was never given.
 *
 * The process that has created the database is in its first run, which has no steps: the database
 * has another epoch than any before, and was not turned back while the run goes on.
 *
 * A database can also be turned back while it is in use. Once a second, the run's beat, a number in
 * `meta`, is raised. When it is less than it was, a new run begins. A copy that was made since the
 * last beat, less than two seconds ago, is not detected.
 */
struct message_mongo_lineage;

enum { MESSAGE_MONGO_RUN_SIZE = 2 * 8 + 1 /* 16 hex digits */ };

/* `creates`: this process has created the database. `db` is borrowed until the stop. */
struct message_mongo_lineage *message_mongo_lineage_start(struct mongo_db *db, bool creates);

/* Removes the beat. NULL is allowed. */
void message_mongo_lineage_stop(struct message_mongo_lineage **lineage);

/* Raises the beat; for one thread. True, logged: the database was turned back, and a new run has
 * begun. */
bool message_mongo_lineage_beat(struct message_mongo_lineage *lineage);

/* --- for writers; from any thread --- */

/* The run in progress. True: the first of this database. */
bool message_mongo_lineage_run(struct message_mongo_lineage *lineage,
                               char run_out[MESSAGE_MONGO_RUN_SIZE]);

/* Whether the owner is known to have had a number in the run, and need no step; a number that has
 * been forgotten makes the writer look for the step. */
bool message_mongo_lineage_has(struct message_mongo_lineage *lineage, const char *run,
                               const char *owner_key);
void message_mongo_lineage_note(struct message_mongo_lineage *lineage, const char *run,
                                const char *owner_key);

#endif
