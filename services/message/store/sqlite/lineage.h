#ifndef MESSAGE_STORE_SQLITE_LINEAGE_H
#define MESSAGE_STORE_SQLITE_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/store/sqlite_writer.h"

/*
 * Keeps a client that has seen more than the store has from being silently behind.
 *
 * A file can be turned back: by a restored copy, by a lost tail of its log, or by another file in
 * its place. It then takes user sequences a second time, for other changes, and a client that has
 * seen the first ones would miss the second ones. No content of the file shows that this has
 * happened. So each process that writes begins a new run, and an account's first number of a run
 * is greater than its last one by a random step of up to 2^32. The step is recorded. A number
 * that lies within a recorded step, or above the newest one, was never given by this file: its
 * owner's changes are unknown, and the client must read its lists again (`reset`). That a lost
 * number is taken again by chance has a probability of about (numbers lost) / 2^32.
 *
 * A file that was never turned back contains all numbers that were given, however often its
 * processes have restarted. 2^53, the largest integer of JSON clients, is reached after more than
 * four million runs in which an account has changes.
 *
 * A file can also be turned back while it is open (`.restore` of the sqlite3 tool). A process
 * begins a new run when it finds that this has happened since its last commit: there are fewer
 * commits than it has seen, or the schema has another version. SQLite's backup changes the version
 * of the file that it overwrites, so also a process that has committed nothing for so long that the
 * copy is newer than its last commit notices. What else changes the version (VACUUM) costs a run.
 *
 * The first run of a new file, which begins when the file is created, has no steps: it has another
 * epoch than any file before.
 */
struct lineage {
    bool begun; /* this process has begun a run */
    struct lineage_state {
        int64_t run, commits, schema_version; /* of the file */
        unsigned data_version;                /* of the connection */
    } seen, pending;                          /* pending: of the transaction in progress */
};

/* Begins runs; for sqlite_writer_observe. `lineage` is zeroed, and borrowed. */
struct sqlite_observer lineage_observer(struct lineage *lineage);

/* Begins the first run of a new file; in an older one, runs begin with the first write. */
enum status lineage_create(struct sqlite_writer *writer, struct sqlite_db *db) MUST_CHECK;

/* Takes the next user sequence of an account whose last one is `before` and which has had none in
 * this run: inside a transaction. */
enum status lineage_step(struct sqlite_conn *conn, int64_t account, int64_t before,
                         int64_t *seq_out) MUST_CHECK;

/* Whether this file has given the account the number `seq`, which is at most its newest, or 0. */
enum status lineage_has(struct sqlite_conn *conn, int64_t account, int64_t seq,
                        bool *has_out) MUST_CHECK;

#endif
