#ifndef COMMON_STORE_SQLITE_GATHERED_LOG_H
#define COMMON_STORE_SQLITE_GATHERED_LOG_H

/*
 * For the connection that writes. SQLite writes each page of a transaction to the write-ahead log
 * with two system calls. This layer buffers the pages and writes them in large pieces, the last one
 * at the sync of the commit; no other connection needs them before.
 *
 * A layer of sqlite_layer.h, only for a connection with synchronous=FULL, which syncs the log
 * before a commit becomes visible. Pages that have not been synced when the connection releases the
 * write lock were rolled back and are discarded: another connection may write to their place next.
 * After a failed write all further writes of the transaction fail, so that it cannot be committed.
 * On a file system on which SQLite writes after that sync (without
 * SQLITE_IOCAP_POWERSAFE_OVERWRITE), the layer does nothing.
 *
 * The log is not restarted while another connection, perhaps of another process, is checkpointing:
 * up to version 3.51.2 that checkpoint may mistake the new log for the old one and lose its pages
 * (https://sqlite.org/wal.html#walresetbug).
 */

/* The name of the layer, for sqlite3_open_v2; NULL, logged, if there is none. From any thread. */
const char *sqlite_gathered_log_layer(void);

#endif
