#ifndef COMMON_STORE_SQLITE_PACED_FILE_H
#define COMMON_STORE_SQLITE_PACED_FILE_H

#include <stdbool.h>

#include <sqlite3.h>

/*
 * For the connection that brings a write-ahead log into its file: thousands of pages all over it,
 * which SQLite writes as fast as the kernel takes them and then syncs in one go. The disk would be
 * busy with them for tens of milliseconds, and every commit would wait behind. Here they go to the
 * disk a few at a time, as many as it takes in some two milliseconds, and then it belongs to the
 * commits for as long again.
 *
 * A layer of sqlite_layer.h. What is written is the same, and in the same order.
 */

/* The name of the layer, for sqlite3_open_v2; NULL, logged, if there is none. From any thread. */
const char *sqlite_paced_file_layer(void);

/* Whether to write as SQLite itself would, without waiting, from now on; at first: no. From any
 * thread while the connection is open; of one opened without the layer, nothing changes. */
struct sqlite_paced_file;
struct sqlite_paced_file *sqlite_paced_file_of(sqlite3 *handle); /* the connection's thread */
void sqlite_paced_file_hurry(struct sqlite_paced_file *file, bool hurry);

#endif
