#include "services/user/store/sqlite/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

#define SESSION_COLUMNS "id, account, epoch, device, address, created, seen, expires_at"

/* --- credentials --------------------------------------------------------------------------- */

struct credentials_job {
    struct sqlite_job head;
    const char *key;
    const struct user_credentials *change;
};

static enum status run_set_credentials(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_credentials *change = ((const struct credentials_job *)job)->change;
    const struct user *before = change->before;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE user SET password_hash = ?1, session_epoch = session_epoch + ?2,"
              " kept_session = iif(?2, ?3, kept_session), disabled = ?8"
              " WHERE key = ?4 AND id = ?5 AND password_hash = ?6 AND session_epoch = ?7");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1,
                     change->password_hash != NULL ? change->password_hash : before->password_hash);
    sqlite3_bind_int(s, 2, change->ends_sessions);
    sqlite_bind_text(s, 3, change->ends_sessions ? change->kept_session : "");
    sqlite_bind_text(s, 4, ((const struct credentials_job *)job)->key);
    sqlite3_bind_blob(s, 5, before->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite_bind_text(s, 6, before->password_hash);
    sqlite3_bind_int64(s, 7, (sqlite3_int64)before->session_epoch);
    sqlite3_bind_int(s, 8, change->disabled);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_CONFLICT;
}

enum status user_sqlite_sessions_set_credentials(struct user_store *store, const char *key,
                                                 const struct user_credentials *change)
{
    struct credentials_job job = { { .run = run_set_credentials }, key, change };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- writing ------------------------------------------------------------------------------- */

struct add_job {
    struct sqlite_job head;
    const struct user_session *session;
    int64_t now_s;
};

static enum status run_add(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_session *session = ((const struct add_job *)job)->session;
    sqlite3_stmt *forget = sqlite_conn_prepare(conn, "DELETE FROM session WHERE expires_at <= ?");
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "INSERT INTO session (" SESSION_COLUMNS
                                  ") VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING");

    if (s == NULL || forget == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(forget, 1, ((const struct add_job *)job)->now_s);
    sqlite_bind_text(s, 1, session->id);
    sqlite3_bind_blob(s, 2, session->account.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)session->epoch);
    sqlite_bind_text(s, 4, session->device);
    sqlite_bind_text(s, 5, session->address);
    sqlite3_bind_int64(s, 6, session->created_ms);
    sqlite3_bind_int64(s, 7, session->seen_ms);
    sqlite3_bind_int64(s, 8, session->expires_at_s);
    if (sqlite_step(forget) != SQLITE_DONE || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_ALREADY_EXISTS;
}

enum status user_sqlite_sessions_add(struct user_store *store, const struct user_session *session,
                                     int64_t now_s)
{
    struct add_job job = { { .run = run_add }, session, now_s };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct touch_job {
    struct sqlite_job head;
    const char *id, *address;
    int64_t seen_ms, expires_at_s;
};

static enum status run_touch(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct touch_job *touch = (const struct touch_job *)job;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE session SET seen = max(seen, ?2), expires_at = max(expires_at, ?3),"
              " address = iif(?4 = '', address, ?4) WHERE id = ?1");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, touch->id);
    sqlite3_bind_int64(s, 2, touch->seen_ms);
    sqlite3_bind_int64(s, 3, touch->expires_at_s);
    sqlite_bind_text(s, 4, touch->address);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_sessions_touch(struct user_store *store, const char *id, int64_t seen_ms,
                                       int64_t expires_at_s, const char *address)
{
    struct touch_job job = { { .run = run_touch }, id, address, seen_ms, expires_at_s };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct delete_job {
    struct sqlite_job head;
    const char *id;
};

static enum status run_delete(struct sqlite_job *job, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "DELETE FROM session WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, ((const struct delete_job *)job)->id);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_sessions_delete(struct user_store *store, const char *id)
{
    struct delete_job job = { { .run = run_delete }, id };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- reading ------------------------------------------------------------------------------- */

static void read_session(sqlite3_stmt *s, struct user_session *session)
{
    *session = (struct user_session){ .id = "" };
    sqlite_column_copy(s, 0, session->id, sizeof(session->id));
    if (sqlite3_column_bytes(s, 1) == ID_BYTES)
        memcpy(session->account.bytes, sqlite3_column_blob(s, 1), ID_BYTES);
    session->epoch = (uint64_t)sqlite3_column_int64(s, 2);
    sqlite_column_copy(s, 3, session->device, sizeof(session->device));
    sqlite_column_copy(s, 4, session->address, sizeof(session->address));
    session->created_ms = sqlite3_column_int64(s, 5);
    session->seen_ms = sqlite3_column_int64(s, 6);
    session->expires_at_s = sqlite3_column_int64(s, 7);
}

enum status user_sqlite_sessions_get(struct user_store *store, const char *id,
                                     struct user_session *session_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = user_sqlite_rows_begin(
        user_sqlite_handle(store)->db, "SELECT " SESSION_COLUMNS " FROM session WHERE id = ?", id,
        &conn, &s);
    if (status == STATUS_OK)
        read_session(s, session_out);
    user_sqlite_rows_end(user_sqlite_handle(store)->db, conn, s);
    return status;
}

/* The rest of a prepared query, whose parameters are bound. */
static enum status read_sessions(struct sqlite_db *db, struct sqlite_conn *conn, sqlite3_stmt *s,
                                 size_t max, struct user_session_list *list_out)
{
    int result = SQLITE_ERROR;

    *list_out = (struct user_session_list){ .items = xcalloc(max, sizeof(struct user_session)) };
    while (s != NULL && list_out->count < max && (result = sqlite_step(s)) == SQLITE_ROW)
        read_session(s, &list_out->items[list_out->count++]);
    user_sqlite_rows_end(db, conn, s);
    if (result == SQLITE_DONE || result == SQLITE_ROW)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct user_session_list){ 0 };
    return STATUS_UNAVAILABLE;
}

enum status user_sqlite_sessions_of_account(struct user_store *store, const struct id *account,
                                            size_t max, struct user_session_list *list_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT " SESSION_COLUMNS
                                      " FROM session WHERE account = ? ORDER BY seen DESC, id");
    if (s != NULL)
        sqlite3_bind_blob(s, 1, account->bytes, ID_BYTES, SQLITE_STATIC);
    return read_sessions(db, conn, s, max, list_out);
}

enum status user_sqlite_sessions_page(struct user_store *store, const char *after_id, size_t max,
                                      struct user_session_list *list_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn,
                                "SELECT " SESSION_COLUMNS " FROM session WHERE id > ? ORDER BY id");
    if (s != NULL)
        sqlite_bind_text(s, 1, after_id);
    return read_sessions(db, conn, s, max, list_out);
}
