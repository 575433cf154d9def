#ifndef COMMON_STORE_SQLITE_GATHERED_LOG_H
#define COMMON_STORE_SQLITE_GATHERED_LOG_H

/*
 * For the connection that writes: SQLite writes each page of a transaction into its write-ahead log
 * with two system calls. Here they gather in memory and go into the log in large pieces, the last
 * at the sync of the commit; before it nobody else has a use for them.
 *
 * A layer of sqlite_layer.h, for a connection with synchronous=FULL only, where each commit syncs
 * the log before others can see it. What has not been synced when the connection gives back the
 * lock for writing was undone, and is dropped: its place in the log may be another's next. Until
 * then, what could not be written makes all that follows fail, so that it cannot be committed. On a
 * file system where SQLite writes behind that sync (without SQLITE_IOCAP_POWERSAFE_OVERWRITE),
 * everything is as without the layer.
 *
 * And it does not begin the log anew while another connection, perhaps of another process, is at a
 * checkpoint, which up to version 3.51.2 may then take the new log for the old one and lose what is
 * in it (https://sqlite.org/wal.html#walresetbug).
 */

/* The name of the layer, for sqlite3_open_v2; NULL, logged, if there is none. From any thread. */
const char *sqlite_gathered_log_layer(void);

#endif
