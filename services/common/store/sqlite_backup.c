#include "services/common/store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

enum { BUSY_MS = 10000 };

/* The reason, and STATUS_UNAVAILABLE. */
static enum status fail(struct buffer *why, const char *path, const char *reason)
{
    buffer_printf(why, "%s: %s", path, reason);
    return STATUS_UNAVAILABLE;
}

static enum status open_existing(const char *path, sqlite3 **handle_out, struct buffer *why)
{
    *handle_out = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        buffer_printf(why, "%s: there is no such file", path);
        return STATUS_NOT_FOUND;
    }
    if (sqlite3_open_v2(path, handle_out, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(*handle_out, BUSY_MS);
        return STATUS_OK;
    }
    return fail(why, path, *handle_out != NULL ? sqlite3_errmsg(*handle_out) : "out of memory");
}

static enum status execute(sqlite3 *handle, const char *sql, const char *argument,
                           struct buffer *why)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

    if (result == SQLITE_OK && argument != NULL)
        result = sqlite3_bind_text(statement, 1, argument, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE || result == SQLITE_ROW)
        return STATUS_OK;
    return fail(why, sqlite3_db_filename(handle, "main"), sqlite3_errmsg(handle));
}

/* Reads all of it. */
static enum status check_copy(const char *path, struct buffer *why)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *handle;

    enum status status = open_existing(path, &handle, why);
    if (status == STATUS_OK && (sqlite3_prepare_v2(handle, "PRAGMA integrity_check(1)", -1,
                                                   &statement, NULL) != SQLITE_OK ||
                                sqlite3_step(statement) != SQLITE_ROW))
        status = fail(why, path, sqlite3_errmsg(handle));
    if (status == STATUS_OK) {
        const char *verdict = (const char *)sqlite3_column_text(statement, 0);
        if (verdict == NULL || strcmp(verdict, "ok") != 0)
            status = fail(why, path, verdict != NULL ? verdict : "out of memory");
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return status;
}

static enum status flush_file(const char *path, struct buffer *why)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool flushed = file >= 0 && fsync(file) == 0;
    int error = errno;

    if (file >= 0)
        close(file);
    return flushed ? STATUS_OK : fail(why, path, strerror(error));
}

/* Empty, and private before there is anything in it. */
static enum status create_private(const char *path, struct buffer *why)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (file < 0)
        return fail(why, path, strerror(errno));
    close(file);
    return STATUS_OK;
}

static enum status copy_into(const char *from, const char *to, struct buffer *why)
{
    sqlite3 *handle;

    enum status status = open_existing(from, &handle, why);
    if (status == STATUS_OK)
        status = execute(handle, "VACUUM INTO ?", to, why);
    sqlite3_close(handle);
    if (status == STATUS_OK)
        status = flush_file(to, why);
    return status == STATUS_OK ? check_copy(to, why) : status;
}

enum status sqlite_backup_make(const char *from, const char *to, struct buffer *why)
{
    if (access(from, F_OK) != 0) {
        buffer_printf(why, "%s: %s", from, strerror(errno));
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
    }
    enum status status = create_private(to, why);
    if (status != STATUS_OK)
        return status;
    status = copy_into(from, to, why);
    if (status != STATUS_OK)
        unlink(to);
    return status;
}

/* In WAL mode each connection holds a shared lock of the file until it is closed
 * (https://sqlite.org/pragma.html#pragma_locking_mode). */
enum status sqlite_backup_in_use(const char *path, bool *in_use_out, struct buffer *why)
{
    sqlite3 *handle;

    *in_use_out = false;
    enum status status = open_existing(path, &handle, why);
    if (status == STATUS_OK) {
        sqlite3_busy_timeout(handle, 0);
        status = execute(handle, "PRAGMA locking_mode=EXCLUSIVE", NULL, why);
        if (status == STATUS_OK)
            status = execute(handle, "BEGIN EXCLUSIVE", NULL, why);
        *in_use_out = sqlite3_errcode(handle) == SQLITE_BUSY;
    }
    sqlite3_close(handle);
    if (status == STATUS_NOT_FOUND || *in_use_out) {
        buffer_finish(why);
        return STATUS_OK;
    }
    return status;
}
