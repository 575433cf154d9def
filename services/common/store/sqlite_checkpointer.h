#ifndef COMMON_STORE_SQLITE_CHECKPOINTER_H
#define COMMON_STORE_SQLITE_CHECKPOINTER_H

#include "services/common/store/sqlite_db.h"

/*
 * Checkpoints the write-ahead log on a thread of its own when it has grown to 32 MiB, or to 2 MiB
 * and there was no write for a second (readers search it for each page). SQLite itself checkpoints
 * within a commit, and all writers would wait for tens of milliseconds. The checkpoint is paced
 * (sqlite_paced_file.h); pages written meanwhile are checkpointed after it, the last few by the
 * writer's next commit, without which the log could not restart. Pages that a reader's snapshot
 * needs stay in the log until the next write.
 *
 * At 64 MiB the checkpoint is no longer paced, at 80 MiB the writer waits for it. The log grows
 * beyond that only if a reader holds it, if one transaction is larger, or if several processes
 * write; in files with pages of 4 KiB, from older versions, all of these sizes double.
 */
struct sqlite_checkpointer;

/* For the commits of `writer`. Both are borrowed. NULL, logged, when the file cannot be opened. */
struct sqlite_checkpointer *sqlite_checkpointer_start(struct sqlite_db *db,
                                                      struct sqlite_conn *writer);

/* After the writer's last commit, before its connection is closed. */
void sqlite_checkpointer_stop(struct sqlite_checkpointer **checkpointer);

#endif
