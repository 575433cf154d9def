#ifndef COMMON_STORE_SQLITE_LAYER_H
#define COMMON_STORE_SQLITE_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/*
 * A layer (https://sqlite.org/vfs.html) around SQLite's own VFS for this system's files: the own
 * VFS does all the work except for the functions of a file that the layer has replaced.
 *
 * The layers rely on more than the interface promises: that the own VFS keeps its file in the
 * memory that xOpen was given, and in which order a commit and a checkpoint write, sync and lock.
 * This was read in the sources of the versions below and tested with Debian 12's 3.40.1 and Debian
 * 13's 3.46.1. With another version no layer is used: writing is slower, and as safe as SQLite, but
 * deleted rows may stay in unused parts of the file until VACUUM.
 */
enum {
    SQLITE_LAYER_VERSION_MIN = 3040000, /* as sqlite3_libversion_number */
    SQLITE_LAYER_VERSION_END = 3047000, /* the first version that has not been tested */
};

/* Whether layers are used with this version of the library. */
bool sqlite_layer_supports(int version);

/* A layer's data for one file; the layer's own struct begins with it. */
struct sqlite_layer_file {
    sqlite3_io_methods methods;      /* the file's functions; the layer replaces some of them */
    const sqlite3_io_methods *plain; /* SQLite's own functions for the same file */
};

struct sqlite_layer {
    sqlite3_vfs vfs;    /* registered with SQLite by sqlite_layer_use */
    sqlite3_vfs *plain; /* SQLite's own */

    const char *name;
    size_t file_size; /* bytes of the layer's own struct for a file */

    /* Called after a file was opened, the layer's own struct zeroed; replaces functions. `name` and
     * `flags` (SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, ...) are those of sqlite3_vfs.xOpen. */
    void (*opened)(sqlite3_file *file, const char *name, int flags);
};

/* The layer's name, for sqlite3_open_v2; registers the layer the first time. NULL, which is
 * SQLite's own VFS, after a warning, when the layer cannot be used. From any thread. */
const char *sqlite_layer_use(struct sqlite_layer *layer);

/* The layer's own struct of a file that was opened through a layer. */
struct sqlite_layer_file *sqlite_layer_file_of(sqlite3_file *file);

#endif
