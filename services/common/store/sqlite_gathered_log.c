#include "services/common/store/sqlite_gathered_log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/common/store/sqlite_clean_file.h"
#include "services/common/store/sqlite_layer.h"

enum {
    PIECE_MAX = 120 * 1024, /* SQLite's layer writes less than 128 KiB at once */

    /* https://sqlite.org/walformat.html, "WAL locks" */
    WRITE_LOCK = 0,
    CHECKPOINT_LOCK = 1,
    SECOND_READ_LOCK = 4, /* taken, with all following ones, only to restart the log */
    READ_LOCKS_BUT_ONE = 4,
};

/* A log, or a database file, whose functions have the locks of both. */
struct gathered_file {
    struct sqlite_layer_file head;
    /* A log's: */
    struct gathered_file *database;
    unsigned char *piece; /* PIECE_MAX bytes, for `offset` */
    size_t length;
    int64_t offset;
    int error; /* of a piece of this transaction, or SQLITE_OK */
    /* A database file's: */
    struct gathered_file *log; /* or NULL */
};

static struct gathered_file *in(sqlite3_file *file)
{
    return (struct gathered_file *)sqlite_layer_file_of(file);
}

static int write_piece(sqlite3_file *file)
{
    struct gathered_file *log = in(file);
    size_t length = log->length;

    log->length = 0;
    if (log->error == SQLITE_OK && length > 0)
        log->error = log->head.plain->xWrite(file, log->piece, (int)length, log->offset);
    return log->error;
}

/* Whether some of these bytes are in the buffered piece. */
static bool is_gathered(const struct gathered_file *log, int size, sqlite3_int64 offset)
{
    return log->length > 0 && offset < log->offset + (int64_t)log->length &&
           log->offset < offset + size;
}

static int log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct gathered_file *log = in(file);
    bool follows = offset == log->offset + (int64_t)log->length;

    if (!follows || log->length + (size_t)size > PIECE_MAX)
        (void)write_piece(file);
    if (log->error != SQLITE_OK)
        return log->error;
    if (size > PIECE_MAX)
        return log->head.plain->xWrite(file, bytes, size, offset);
    if (log->length == 0)
        log->offset = offset;
    memcpy(log->piece + log->length, bytes, (size_t)size);
    log->length += (size_t)size;
    return SQLITE_OK;
}

static int log_sync(sqlite3_file *file, int flags)
{
    int result = write_piece(file);
    return result == SQLITE_OK ? in(file)->head.plain->xSync(file, flags) : result;
}

static int log_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    struct gathered_file *log = in(file);
    int result = is_gathered(log, size, offset) ? write_piece(file) : SQLITE_OK;

    return result == SQLITE_OK ? log->head.plain->xRead(file, bytes, size, offset) : result;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int result = write_piece(file);
    return result == SQLITE_OK ? in(file)->head.plain->xTruncate(file, size) : result;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size_out)
{
    int result = write_piece(file);
    return result == SQLITE_OK ? in(file)->head.plain->xFileSize(file, size_out) : result;
}

static int log_close(sqlite3_file *file)
{
    struct gathered_file *log = in(file);

    log->database->log = NULL;
    free(log->piece);
    return log->head.plain->xClose(file);
}

/* The checkpoint lock as well, or none. */
static int lock_to_restart_log(sqlite3_file *file, int first, int count, int flags)
{
    const sqlite3_io_methods *plain = in(file)->head.plain;
    int result = plain->xShmLock(file, CHECKPOINT_LOCK, 1, flags);

    if (result != SQLITE_OK)
        return result;
    result = plain->xShmLock(file, first, count, flags);
    if (result != SQLITE_OK)
        plain->xShmLock(file, CHECKPOINT_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return result;
}

static int database_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct gathered_file *database = in(file);
    bool unlock = (flags & SQLITE_SHM_UNLOCK) != 0;
    bool anew = first == SECOND_READ_LOCK && count == READ_LOCKS_BUT_ONE;

    if (database->log != NULL && first == WRITE_LOCK && unlock) {
        database->log->length = 0;
        database->log->error = SQLITE_OK;
    }
    if (anew && !unlock)
        return lock_to_restart_log(file, first, count, flags);
    int result = database->head.plain->xShmLock(file, first, count, flags);
    if (anew)
        database->head.plain->xShmLock(file, CHECKPOINT_LOCK, 1, flags);
    return result;
}

static void log_opened(struct gathered_file *log, sqlite3_file *database)
{
    sqlite3_io_methods *methods = &log->head.methods;
    int traits = database->pMethods->xDeviceCharacteristics(database);

    if ((traits & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0)
        return;
    log->piece = xmalloc(PIECE_MAX);
    log->database = in(database);
    log->database->log = log;
    methods->xWrite = log_write;
    methods->xSync = log_sync;
    methods->xRead = log_read;
    methods->xTruncate = log_truncate;
    methods->xFileSize = log_size;
    methods->xClose = log_close;
}

static void open_gathered(sqlite3_file *file, const char *name, int flags)
{
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
        in(file)->head.methods.xShmLock = database_lock;
        in(file)->head.methods.xWrite = sqlite_clean_file_write;
    } else if ((flags & SQLITE_OPEN_WAL) != 0) {
        log_opened(in(file), sqlite3_database_file_object(name));
    }
}

const char *sqlite_gathered_log_layer(void)
{
    static struct sqlite_layer layer = {
        .name = "gathered log",
        .file_size = sizeof(struct gathered_file),
        .opened = open_gathered,
    };
    return sqlite_layer_use(&layer);
}
