#include "services/common/store/sqlite_db.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/store/sqlite_clean_file.h"
#include "services/common/store/sqlite_health.h"

enum {
    READERS = 4,
    STATEMENTS = 48,
    AUTOCHECKPOINT_PAGES = 1000, /* SQLite's own */
    EMPTYING_WAIT_MS = 50,
    BUSY_PAUSE_US = 500,
    BUSY_PAUSES_MAX = 8000,    /* 4 s: less than a caller's deadline */
    MIGRATION_TURNS_MAX = 150, /* of as long each: 10 min */
};

struct sqlite_conn {
    struct sqlite_db *db;
    sqlite3 *handle;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[STATEMENTS];
    void (*committed)(void *ctx, int log_pages);
    void *committed_ctx;
};

struct sqlite_db {
    char *path;
    struct sqlite_health *health; /* NULL until the schema is up to date */
    pthread_mutex_t lock;         /* guards the idle readers */
    pthread_cond_t returned_cond;
    struct sqlite_conn *idle[READERS];
    size_t idle_count, open_count;
};

/* Another process holds the write lock, for a few milliseconds: SQLite's own waits are too long. */
static int wait_for_lock(void *ctx, int pauses)
{
    struct timespec pause = { .tv_nsec = BUSY_PAUSE_US * 1000 };

    (void)ctx;
    if (pauses >= BUSY_PAUSES_MAX)
        return 0;
    nanosleep(&pause, NULL);
    return 1;
}

/*
 * Pages of 2 KiB, in a new file: a transaction changes a little of many pages, and each is written
 * to the log as a whole.
 *
 * If two processes create the file at the same time, it may be locked here, and SQLite does not
 * call the busy handler for this lock.
 */
static bool use_wal(sqlite3 *handle)
{
    int result, pauses = 0;

    do
        result = sqlite3_exec(handle, "PRAGMA page_size=2048; PRAGMA journal_mode=WAL", NULL, NULL,
                              NULL);
    while (result == SQLITE_BUSY && wait_for_lock(NULL, pauses++) != 0);
    if (result != SQLITE_OK)
        log_error("sqlite: %s: cannot use a write-ahead log", sqlite3_errmsg(handle));
    return result == SQLITE_OK;
}

/* By the text too: while SQLite reads the schema or a table-valued pragma, the code that comes out
 * of an interruption is SQLITE_ERROR. */
static bool is_interrupted(sqlite3 *handle)
{
    return sqlite3_errcode(handle) == SQLITE_INTERRUPT ||
           strcmp(sqlite3_errmsg(handle), sqlite3_errstr(SQLITE_INTERRUPT)) == 0;
}

/* An interruption is wanted, and no failure. */
static void note_failure(sqlite3 *handle, const char *sql)
{
    if (is_interrupted(handle))
        return;
    log_error("sqlite: %s: %.60s", sqlite3_errmsg(handle), sql);
    sqlite_health_note_failure(handle);
}

enum status sqlite_conn_exec(struct sqlite_conn *conn, const char *sql)
{
    if (sqlite3_exec(conn->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return STATUS_OK;
    note_failure(conn->handle, sql);
    return STATUS_UNAVAILABLE;
}

/* Memory statistics, which are not used, would take a global lock for each allocation. */
static void set_up_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct sqlite_conn *sqlite_conn_open(struct sqlite_db *db, const char *layer)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sqlite_conn *conn = xcalloc(1, sizeof(*conn));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    conn->db = db;
    pthread_once(&once, set_up_library);
    if (sqlite3_open_v2(db->path, &conn->handle, flags,
                        layer != NULL ? layer : sqlite_clean_file_layer()) != SQLITE_OK) {
        log_error("%s: %s", db->path,
                  conn->handle != NULL ? sqlite3_errmsg(conn->handle) : "out of memory");
        sqlite_conn_close(&conn);
        return NULL;
    }
    sqlite3_busy_handler(conn->handle, wait_for_lock, NULL);
    /* Repeated reads are served by the kernel's cache, which all connections share and which
     * shrinks under memory pressure: a process must not grow with the file. So no mapping
     * either. */
    if (!use_wal(conn->handle) ||
        sqlite_conn_exec(conn, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;"
                               "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
                               "PRAGMA mmap_size=0; PRAGMA secure_delete=ON;") != STATUS_OK)
        sqlite_conn_close(&conn);
    return conn;
}

void sqlite_conn_close(struct sqlite_conn **conn)
{
    if (*conn == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*conn)->cache[i].statement);
    sqlite3_close((*conn)->handle);
    free(*conn);
    *conn = NULL;
}

sqlite3 *sqlite_conn_handle(struct sqlite_conn *conn)
{
    return conn->handle;
}

sqlite3_stmt *sqlite_conn_prepare(struct sqlite_conn *conn, const char *sql_literal)
{
    size_t i = 0;

    while (i < STATEMENTS && conn->cache[i].sql != NULL && conn->cache[i].sql != sql_literal)
        i++;
    if (i == STATEMENTS) {
        log_error("sqlite: more statements than the cache holds");
        return NULL;
    }
    if (conn->cache[i].sql == NULL) {
        if (sqlite3_prepare_v3(conn->handle, sql_literal, -1, SQLITE_PREPARE_PERSISTENT,
                               &conn->cache[i].statement, NULL) != SQLITE_OK) {
            note_failure(conn->handle, sql_literal);
            return NULL;
        }
        conn->cache[i].sql = sql_literal;
    }
    sqlite3_reset(conn->cache[i].statement);
    sqlite3_clear_bindings(conn->cache[i].statement);
    return conn->cache[i].statement;
}

int sqlite_step(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return result;
    if (result != SQLITE_DONE && result != SQLITE_CONSTRAINT)
        note_failure(sqlite3_db_handle(statement), sqlite3_sql(statement));
    sqlite3_reset(statement); /* an open read would keep the WAL from being emptied */
    return result;
}

static int handle_commit(void *ctx, sqlite3 *handle, const char *database, int log_pages)
{
    const struct sqlite_conn *conn = ctx;

    (void)handle;
    (void)database;
    conn->committed(conn->committed_ctx, log_pages);
    return SQLITE_OK;
}

void sqlite_conn_on_commit(struct sqlite_conn *conn, void (*committed)(void *ctx, int log_pages),
                           void *ctx)
{
    conn->committed = committed;
    conn->committed_ctx = ctx;
    if (committed != NULL)
        sqlite3_wal_hook(conn->handle, handle_commit, conn);
    else
        sqlite3_wal_autocheckpoint(conn->handle, AUTOCHECKPOINT_PAGES);
}

int sqlite_conn_checkpoint(struct sqlite_conn *conn)
{
    int done = 0;
    int result =
        sqlite3_wal_checkpoint_v2(conn->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &done);

    if (result == SQLITE_OK)
        return done;
    if (result != SQLITE_BUSY && result != SQLITE_INTERRUPT) /* another process may be doing it */
        log_warn("sqlite: checkpoint failed: %s", sqlite3_errmsg(conn->handle));
    sqlite_health_note_failure(conn->handle);
    return 0;
}

/* A reader or writer that holds the log for longer than a moment is not waited for, because writers
 * would wait as long. */
static enum status empty_log(struct sqlite_conn *conn)
{
    sqlite3_busy_timeout(conn->handle, EMPTYING_WAIT_MS);
    int result =
        sqlite3_wal_checkpoint_v2(conn->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (result == SQLITE_OK)
        result =
            sqlite3_wal_checkpoint_v2(conn->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (result == SQLITE_OK)
        return STATUS_OK;
    if (result == SQLITE_BUSY)
        return STATUS_BUSY;
    log_warn("sqlite: the log could not be emptied: %s", sqlite3_errmsg(conn->handle));
    sqlite_health_note_failure(conn->handle);
    return STATUS_UNAVAILABLE;
}

enum status sqlite_db_empty_log(struct sqlite_db *db)
{
    struct sqlite_conn *conn = sqlite_conn_open(db, NULL);

    enum status status = conn != NULL ? empty_log(conn) : STATUS_UNAVAILABLE;
    sqlite_conn_close(&conn);
    return status;
}

int64_t sqlite_conn_last_rowid(struct sqlite_conn *conn)
{
    return sqlite3_last_insert_rowid(conn->handle);
}

const char *sqlite_column_text_or_empty(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text != NULL ? (const char *)text : "";
}

/* --- schema ------------------------------------------------------------------------------ */

static int64_t schema_version(struct sqlite_conn *conn)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = -1;

    if (sqlite3_prepare_v2(conn->handle, "SELECT version FROM schema_version", -1, &statement,
                           NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

/* Two processes may start at once: the write lock is taken before the version is read. */
static enum status migrate_locked(struct sqlite_conn *conn, const char *const *migrations,
                                  size_t count)
{
    enum status status = sqlite_conn_exec(
        conn,
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);"
        "INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)");
    int64_t version = status == STATUS_OK ? schema_version(conn) : -1;

    if (version < 0)
        return STATUS_UNAVAILABLE;
    if ((size_t)version > count) {
        log_error("the store is of a newer version (%" PRId64 ") than this program knows (%zu)",
                  version, count);
        return STATUS_INVALID_ARGUMENT;
    }
    for (size_t i = (size_t)version; i < count && status == STATUS_OK; i++) {
        status = sqlite_conn_exec(conn, migrations[i]);
        if (status == STATUS_OK)
            status = sqlite_conn_exec(conn, "UPDATE schema_version SET version = version + 1");
        if (status == STATUS_OK)
            log_info("store: migrated to version %zu", i + 1);
    }
    return status;
}

/* Another process may be migrating it; a large file takes long. */
static enum status begin_migration(struct sqlite_conn *conn)
{
    int result, turns = 0;

    do {
        result = sqlite3_exec(conn->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (result == SQLITE_BUSY && turns == 0)
            log_info("store: waiting for another process that migrates it");
    } while (result == SQLITE_BUSY && turns++ < MIGRATION_TURNS_MAX);
    if (result == SQLITE_OK)
        return STATUS_OK;
    log_error("sqlite: %s: migration failed", sqlite3_errmsg(conn->handle));
    return STATUS_UNAVAILABLE;
}

/* What is sorted for a new index of a large file has no place in memory. */
static enum status migrate_schema(struct sqlite_conn *conn, const char *const *migrations,
                                  size_t count)
{
    enum status status = sqlite_conn_exec(conn, "PRAGMA temp_store=FILE");

    if (status == STATUS_OK)
        status = begin_migration(conn);
    if (status != STATUS_OK)
        return status;
    status = migrate_locked(conn, migrations, count);
    if (status == STATUS_OK)
        return sqlite_conn_exec(conn, "COMMIT");
    if (sqlite_conn_exec(conn, "ROLLBACK") != STATUS_OK)
        log_error("store: the failed migration could not be rolled back");
    return status;
}

/* --- life -------------------------------------------------------------------------------- */

/* Makes the directories above a file, as `mkdir -p` would. */
static bool make_parents(const char *path)
{
    char *copy = xstrdup(path);
    bool made = true;

    for (char *slash = strchr(copy + 1, '/'); slash != NULL && made;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        made = mkdir(copy, 0700) == 0 || errno == EEXIST;
        if (!made)
            log_error("cannot make the directory %s: %s", copy, strerror(errno));
        *slash = '/';
    }
    free(copy);
    return made;
}

/*
 * The file was removed or moved, and its log, which has the newest commits, was left. SQLite would
 * delete the log and begin an empty file. The log is looked at first: it is created after the file.
 */
static bool is_only_log(const char *path)
{
    char *log_path = xasprintf("%s-wal", path);
    struct stat file, log;
    bool has_log = stat(log_path, &log) == 0 && log.st_size > 0;
    bool has_file = stat(path, &file) == 0 && file.st_size > 0;

    if (has_log && !has_file)
        log_error("%s is missing or empty, but its log %s is there: put the file back, or remove "
                  "the log to begin a new store",
                  path, log_path);
    free(log_path);
    return has_log && !has_file;
}

enum status sqlite_db_open(const char *path, const char *const *migrations, size_t migration_count,
                           struct sqlite_db **db_out)
{
    struct sqlite_db *db = xcalloc(1, sizeof(*db));
    enum status status = STATUS_UNAVAILABLE;
    struct sqlite_conn *conn = NULL;

    db->path = xstrdup(path);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->returned_cond, NULL);
    if (make_parents(path) && !is_only_log(path))
        conn = sqlite_conn_open(db, NULL);
    if (conn != NULL)
        status = migrate_schema(conn, migrations, migration_count);
    if (status == STATUS_OK)
        db->health = sqlite_health_start(sqlite3_db_filename(conn->handle, "main"));
    sqlite_conn_close(&conn);
    if (status != STATUS_OK)
        sqlite_db_close(&db);
    *db_out = db;
    return status;
}

void sqlite_db_close(struct sqlite_db **db)
{
    if (*db == NULL)
        return;
    for (size_t i = 0; i < (*db)->idle_count; i++)
        sqlite_conn_close(&(*db)->idle[i]);
    sqlite_health_stop(&(*db)->health);
    pthread_cond_destroy(&(*db)->returned_cond);
    pthread_mutex_destroy(&(*db)->lock);
    free((*db)->path);
    free(*db);
    *db = NULL;
}

struct sqlite_health *sqlite_db_health(struct sqlite_db *db)
{
    return db->health;
}

const char *sqlite_db_problem(struct sqlite_db *db)
{
    return sqlite_health_problem(db->health);
}

enum status sqlite_conn_note_damage(struct sqlite_conn *conn, const char *what)
{
    sqlite_health_note_damage(conn->db->health, what);
    return STATUS_UNAVAILABLE;
}

struct sqlite_conn *sqlite_db_borrow(struct sqlite_db *db)
{
    struct sqlite_conn *conn = NULL;

    if (sqlite_db_problem(db) != NULL)
        return NULL;
    pthread_mutex_lock(&db->lock);
    while (db->idle_count == 0 && db->open_count == READERS)
        pthread_cond_wait(&db->returned_cond, &db->lock);
    if (db->idle_count > 0)
        conn = db->idle[--db->idle_count];
    else
        db->open_count++;
    pthread_mutex_unlock(&db->lock);
    if (conn != NULL)
        return conn;
    conn = sqlite_conn_open(db, NULL);
    if (conn == NULL) {
        pthread_mutex_lock(&db->lock);
        db->open_count--;
        pthread_cond_signal(&db->returned_cond);
        pthread_mutex_unlock(&db->lock);
    }
    return conn;
}

void sqlite_db_give_back(struct sqlite_db *db, struct sqlite_conn *conn)
{
    pthread_mutex_lock(&db->lock);
    db->idle[db->idle_count++] = conn;
    pthread_cond_signal(&db->returned_cond);
    pthread_mutex_unlock(&db->lock);
}

void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void sqlite_column_copy(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    snprintf(out, size, "%s", sqlite_column_text_or_empty(statement, column));
}
