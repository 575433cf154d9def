#include "services/user/store/sqlite/logins.h"

#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

static void bind_id(sqlite3_stmt *s, int index, const struct id *id)
{
    sqlite3_bind_blob(s, index, id->bytes, ID_BYTES, SQLITE_STATIC);
}

/* Steps a statement of a reader to its only row; STATUS_NOT_FOUND when there is none. */
static enum status read_row(sqlite3_stmt *s)
{
    int result = sqlite_step(s);

    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

/* --- counters ---------------------------------------------------------------------------- */

enum status user_sqlite_logins_get_failed(struct user_store *store, const struct id *key,
                                          struct failed_logins *counter_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    enum status status = STATUS_UNAVAILABLE;

    *counter_out = (struct failed_logins){ .key = *key };
    if (conn != NULL)
        s = sqlite_conn_prepare(
            conn, "SELECT failures, at, expires_at, version FROM failed_login WHERE key = ?");
    if (s != NULL) {
        bind_id(s, 1, key);
        status = read_row(s);
    }
    if (status == STATUS_OK) {
        counter_out->failures = sqlite3_column_int64(s, 0);
        counter_out->at_ms = sqlite3_column_int64(s, 1);
        counter_out->expires_ms = sqlite3_column_int64(s, 2);
        counter_out->version = sqlite3_column_int64(s, 3);
    }
    user_sqlite_rows_end(db, conn, s);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

struct put_job {
    struct sqlite_job head;
    const struct failed_logins *counter;
    int64_t version; /* the new one */
};

static enum status run_put(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct failed_logins *counter = ((const struct put_job *)job)->counter;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, counter->version == 0
                  ? "INSERT INTO failed_login (key, failures, at, expires_at, version)"
                    " VALUES (?1,?2,?3,?4,?5) ON CONFLICT DO NOTHING"
                  : "UPDATE failed_login SET failures = ?2, at = ?3, expires_at = ?4, version = ?5"
                    " WHERE key = ?1 AND version = ?6");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    bind_id(s, 1, &counter->key);
    sqlite3_bind_int64(s, 2, counter->failures);
    sqlite3_bind_int64(s, 3, counter->at_ms);
    sqlite3_bind_int64(s, 4, counter->expires_ms);
    sqlite3_bind_int64(s, 5, ((const struct put_job *)job)->version);
    if (counter->version != 0)
        sqlite3_bind_int64(s, 6, counter->version);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_CONFLICT;
}

enum status user_sqlite_logins_put_failed(struct user_store *store,
                                          const struct failed_logins *counter)
{
    struct put_job job = { { .run = run_put }, counter, user_store_kind_new_version() };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct clear_job {
    struct sqlite_job head;
    const struct id *key;
};

static enum status run_clear(struct sqlite_job *job, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "DELETE FROM failed_login WHERE key = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    bind_id(s, 1, ((const struct clear_job *)job)->key);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_logins_clear_failed(struct user_store *store, const struct id *key)
{
    struct clear_job job = { { .run = run_clear }, key };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct prune_job {
    struct sqlite_job head;
    int64_t now_ms;
    size_t max;
};

static enum status run_prune(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct prune_job *prune = (const struct prune_job *)job;
    sqlite3_stmt *expired =
        sqlite_conn_prepare(conn, "DELETE FROM failed_login WHERE expires_at <= ?");
    sqlite3_stmt *weakest = sqlite_conn_prepare(
        conn, "DELETE FROM failed_login WHERE key IN (SELECT key FROM failed_login"
              " ORDER BY failures, expires_at"
              " LIMIT max(0, (SELECT count(*) FROM failed_login) - ?))");

    if (expired == NULL || weakest == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(expired, 1, prune->now_ms);
    sqlite3_bind_int64(weakest, 1, (sqlite3_int64)prune->max);
    if (sqlite_step(expired) != SQLITE_DONE || sqlite_step(weakest) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_logins_prune_failed(struct user_store *store, int64_t now_ms, size_t max)
{
    struct prune_job job = { { .run = run_prune }, now_ms, max };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- networks ---------------------------------------------------------------------------- */

enum status user_sqlite_logins_get_login(struct user_store *store, const struct id *key,
                                         int64_t *at_ms_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    enum status status = STATUS_UNAVAILABLE;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT at FROM login_network WHERE key = ?");
    if (s != NULL) {
        bind_id(s, 1, key);
        status = read_row(s);
    }
    if (status == STATUS_OK)
        *at_ms_out = sqlite3_column_int64(s, 0);
    user_sqlite_rows_end(db, conn, s);
    return status;
}

struct login_job {
    struct sqlite_job head;
    const struct id *account, *key;
    int64_t at_ms;
};

static enum status run_put_login(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct login_job *login = (const struct login_job *)job;
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "INSERT INTO login_network (key, account, at) VALUES (?,?,?)"
                                  " ON CONFLICT (key) DO UPDATE SET at = max(at, excluded.at)");
    sqlite3_stmt *forget = sqlite_conn_prepare(
        conn, "DELETE FROM login_network WHERE key IN (SELECT key FROM login_network"
              " WHERE account = ? ORDER BY at DESC, key LIMIT -1 OFFSET ?)");

    if (s == NULL || forget == NULL)
        return STATUS_UNAVAILABLE;
    bind_id(s, 1, login->key);
    bind_id(s, 2, login->account);
    sqlite3_bind_int64(s, 3, login->at_ms);
    bind_id(forget, 1, login->account);
    sqlite3_bind_int64(forget, 2, USER_LOGINS_MAX);
    if (sqlite_step(s) != SQLITE_DONE || sqlite_step(forget) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_logins_put_login(struct user_store *store, const struct id *account,
                                         const struct id *key, int64_t at_ms)
{
    struct login_job job = { { .run = run_put_login }, account, key, at_ms };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}
