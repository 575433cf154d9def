#ifndef COMMON_STORE_SQLITE_CHECKPOINTER_H
#define COMMON_STORE_SQLITE_CHECKPOINTER_H

#include "services/common/store/sqlite_db.h"

/*
 * Brings the write-ahead log into the file when it has grown to 32 MiB, or to 2 and nobody has
 * written for a second (readers look for each page in it), on a thread of its own: in the commit
 * that finds it so long, as SQLite does by itself, it would make all writers wait for tens of
 * milliseconds. It takes its time (sqlite_paced_file.h), and what is written meanwhile is brought
 * in after it, the last few pages by the writer's next commit: without that the log could not begin
 * anew. What a reader's view still needs stays in the log, until writing goes on.
 *
 * A writer that is faster than that makes it hurry at 64 MiB, and waits for it at 80. The log gets
 * longer only if a reader keeps it, one transaction is longer, or several processes write; in files
 * with pages of 4 KiB, from older versions, all of this is twice as much.
 */
struct sqlite_checkpointer;

/* For the commits of `writer`, which is borrowed, as is `db`. NULL, logged, when the file cannot be
 * opened. */
struct sqlite_checkpointer *sqlite_checkpointer_start(struct sqlite_db *db,
                                                      struct sqlite_conn *writer);

/* After the writer's last commit, before its end. */
void sqlite_checkpointer_stop(struct sqlite_checkpointer **checkpointer);

#endif
