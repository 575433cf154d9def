#ifndef COMMON_STORE_SQLITE_CLEAN_FILE_H
#define COMMON_STORE_SQLITE_CLEAN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

/*
 * Keeps what was deleted out of the database file. `PRAGMA secure_delete` overwrites a row that is
 * deleted, but a page also has copies of rows that were moved to another page when it was split: in
 * the unallocated space between its cell pointers and its cells, where SQLite leaves them until new
 * rows need the space. Each page of a B-tree is therefore written to the file with zeros there.
 * (https://sqlite.org/fileformat2.html, "B-tree Pages".)
 *
 * A layer of sqlite_layer.h, for connections without another layer; the other layers call
 * sqlite_clean_file_write. The log is not cleaned: what was deleted is gone from it once it was
 * emptied (sqlite_db_empty_log).
 */

/* The name of the layer, for sqlite3_open_v2; NULL, logged, if there is none. From any thread. */
const char *sqlite_clean_file_layer(void);

/* Writes a page, or something else, to a database file that is open through a layer. */
int sqlite_clean_file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset);

/*
 * Where the unallocated space of a page begins and ends. False for what is not a page of a B-tree,
 * or the first page, which has no rows of a user. `pages` is the size of the file: other kinds of
 * pages begin with the number of a page, which in a file of 64 GiB or more may look like the type
 * of a B-tree's.
 */
bool sqlite_clean_file_gap(const unsigned char *page, size_t size, uint64_t pages,
                           size_t *begin_out, size_t *end_out);

#endif
