#include "services/user/store/sqlite/pending.h"

#include <string.h>

#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

#define PENDING_COLUMNS                                                                            \
    "key, expires_at, invite, tag, email, email_key, first_name, last_name, img, password_hash"

static void bind_id(sqlite3_stmt *s, int index, const struct id *id)
{
    sqlite3_bind_blob(s, index, id->bytes, ID_BYTES, SQLITE_STATIC);
}

static void read_id(sqlite3_stmt *s, int column, struct id *id)
{
    if (sqlite3_column_bytes(s, column) == ID_BYTES)
        memcpy(id->bytes, sqlite3_column_blob(s, column), ID_BYTES);
}

static void read_pending(sqlite3_stmt *s, struct user_pending *pending)
{
    struct user *user = &pending->user;

    *pending = (struct user_pending){ .expires_at_s = sqlite3_column_int64(s, 1) };
    read_id(s, 0, &pending->key);
    read_id(s, 2, &pending->invite);
    sqlite_column_copy(s, 3, user->tag, sizeof(user->tag));
    sqlite_column_copy(s, 4, user->email, sizeof(user->email));
    sqlite_column_copy(s, 5, user->email_key, sizeof(user->email_key));
    sqlite_column_copy(s, 6, user->first_name, sizeof(user->first_name));
    sqlite_column_copy(s, 7, user->last_name, sizeof(user->last_name));
    sqlite_column_copy(s, 8, user->img, sizeof(user->img));
    sqlite_column_copy(s, 9, user->password_hash, sizeof(user->password_hash));
}

struct pending_job {
    struct sqlite_job head;
    const struct user_pending *pending;
    int64_t now_s;
    const struct id *key;
};

static enum status run_add(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_pending *pending = ((const struct pending_job *)job)->pending;
    const struct user *user = &pending->user;
    sqlite3_stmt *forget = sqlite_conn_prepare(conn, "DELETE FROM pending WHERE expires_at <= ?");
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO pending (" PENDING_COLUMNS
                                                ") VALUES (?,?,?,?,?,?,?,?,?,?)");

    if (s == NULL || forget == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(forget, 1, ((const struct pending_job *)job)->now_s);
    bind_id(s, 1, &pending->key);
    sqlite3_bind_int64(s, 2, pending->expires_at_s);
    bind_id(s, 3, &pending->invite);
    sqlite_bind_text(s, 4, user->tag);
    sqlite_bind_text(s, 5, user->email);
    sqlite_bind_text(s, 6, user->email_key);
    sqlite_bind_text(s, 7, user->first_name);
    sqlite_bind_text(s, 8, user->last_name);
    sqlite_bind_text(s, 9, user->img);
    sqlite_bind_text(s, 10, user->password_hash);
    if (sqlite_step(forget) != SQLITE_DONE || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_pending_add(struct user_store *store, const struct user_pending *pending,
                                    int64_t now_s)
{
    struct pending_job job = { .head.run = run_add, .pending = pending, .now_s = now_s };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

static enum status run_delete(struct sqlite_job *job, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "DELETE FROM pending WHERE key = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    bind_id(s, 1, ((const struct pending_job *)job)->key);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_pending_delete(struct user_store *store, const struct id *key)
{
    struct pending_job job = { .head.run = run_delete, .key = key };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

enum status user_sqlite_pending_get(struct user_store *store, const struct id *key,
                                    struct user_pending *pending_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    int result = SQLITE_ERROR;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT " PENDING_COLUMNS " FROM pending WHERE key = ?");
    if (s != NULL) {
        bind_id(s, 1, key);
        result = sqlite_step(s);
    }
    if (result == SQLITE_ROW)
        read_pending(s, pending_out);
    user_sqlite_rows_end(db, conn, s);
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}
