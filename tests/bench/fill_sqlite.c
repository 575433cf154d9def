#include "tests/bench/fill_sqlite.h"

#include <stdarg.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "services/common/base/id.h"
#include "services/common/base/memory.h"
#include "tests/bench/fail.h"

enum { STATEMENTS_MAX = 4 };

struct fill_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[STATEMENTS_MAX];
    size_t count;
};

static void check(struct fill_db *db, int result)
{
    if (result != SQLITE_OK && result != SQLITE_DONE)
        fail("sqlite: %s", sqlite3_errmsg(db->handle));
}

static void execute(struct fill_db *db, const char *sql)
{
    check(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

struct fill_db *fill_open(const char *path)
{
    struct fill_db *db = xcalloc(1, sizeof(*db));

    check(db, sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE, NULL));
    /* A fill that is cut short is thrown away. */
    execute(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                "PRAGMA cache_size=-1000000; BEGIN");
    return db;
}

void fill_close(struct fill_db **db)
{
    execute(*db, "COMMIT");
    for (size_t i = 0; i < (*db)->count; i++)
        sqlite3_finalize((*db)->statements[i]);
    check(*db, sqlite3_close((*db)->handle));
    free(*db);
    *db = NULL;
}

void fill_prepare(struct fill_db *db, const char *sql)
{
    if (db->count == STATEMENTS_MAX)
        fail("more than %d statements", STATEMENTS_MAX);
    check(db, sqlite3_prepare_v2(db->handle, sql, -1, &db->statements[db->count++], NULL));
}

void fill_run(struct fill_db *db, size_t statement, const char *kinds, ...)
{
    sqlite3_stmt *s = db->statements[statement];
    va_list values;

    va_start(values, kinds);
    for (int i = 0; kinds[i] != '\0'; i++) {
        if (kinds[i] == 'i')
            sqlite3_bind_int64(s, i + 1, va_arg(values, int64_t));
        else if (kinds[i] == 't')
            sqlite3_bind_text(s, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_blob(s, i + 1, va_arg(values, struct id *)->bytes, ID_BYTES,
                              SQLITE_STATIC);
    }
    va_end(values);
    check(db, sqlite3_step(s));
    sqlite3_reset(s);
}
