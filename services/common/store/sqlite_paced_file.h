#ifndef COMMON_STORE_SQLITE_PACED_FILE_H
#define COMMON_STORE_SQLITE_PACED_FILE_H

#include <stdbool.h>

#include <sqlite3.h>

/*
 * For the connection that checkpoints the log. A checkpoint writes thousands of scattered pages;
 * SQLite writes them as fast as the kernel accepts them, and then syncs the file once. The disk is
 * busy for tens of milliseconds, and every commit waits. This layer writes and syncs a few pages at
 * a time, for about two milliseconds, and then leaves the disk to commits for as long again.
 *
 * A layer of sqlite_layer.h. The writes are those of sqlite_clean_file.h, in the same order.
 */

/* The name of the layer, for sqlite3_open_v2; NULL, logged, if there is none. From any thread. */
const char *sqlite_paced_file_layer(void);

/* Turns the pauses off (`hurry`) or on; at first they are on. From any thread while the connection
 * is open. NULL, of a connection without the layer, is allowed. */
struct sqlite_paced_file;
struct sqlite_paced_file *sqlite_paced_file_of(sqlite3 *handle); /* the connection's thread */
void sqlite_paced_file_hurry(struct sqlite_paced_file *file, bool hurry);

#endif
