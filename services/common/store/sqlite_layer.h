#ifndef COMMON_STORE_SQLITE_LAYER_H
#define COMMON_STORE_SQLITE_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/*
 * A layer (https://sqlite.org/vfs.html) around the one that SQLite has for this system's files: all
 * is done by that, but for the functions of a file that the layer has replaced.
 */

/* What each file of a layer has besides; the layer's own struct begins with it. */
struct sqlite_layer_file {
    sqlite3_io_methods methods;      /* the file's functions, some of which are to be replaced */
    const sqlite3_io_methods *plain; /* SQLite's own, for the same file */
};

struct sqlite_layer {
    sqlite3_vfs vfs; /* what SQLite sees, and what it is around: sqlite_layer_use sets them */
    sqlite3_vfs *plain;

    const char *name;
    size_t file_size; /* of the layer's own struct for a file */

    /* Has been opened, with all of the layer's own zeroed; replaces functions. `name` and `flags`
     * (SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, ...) are as of sqlite3_vfs.xOpen. */
    void (*opened)(sqlite3_file *file, const char *name, int flags);
};

/* Its name, for sqlite3_open_v2; makes it known to SQLite when it is not yet. NULL, logged, if that
 * cannot be. From any thread. */
const char *sqlite_layer_use(struct sqlite_layer *layer);

/* The layer's own of a file that was opened through one. */
struct sqlite_layer_file *sqlite_layer_file_of(sqlite3_file *file);

#endif
