#include "services/user/store/sqlite/codes.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

#define CODE_COLUMNS                                                                               \
    "key, kind, account, account_tag, created, expires_at, used, used_by, used_by_tag"

static void bind_id(sqlite3_stmt *s, int index, const struct id *id)
{
    sqlite3_bind_blob(s, index, id->bytes, ID_BYTES, SQLITE_STATIC);
}

static void read_id(sqlite3_stmt *s, int column, struct id *id)
{
    if (sqlite3_column_bytes(s, column) == ID_BYTES)
        memcpy(id->bytes, sqlite3_column_blob(s, column), ID_BYTES);
}

static void read_code(sqlite3_stmt *s, struct user_code *code)
{
    *code = (struct user_code){ .account_tag = "" };
    read_id(s, 0, &code->key);
    code->kind = (enum user_code_kind)sqlite3_column_int(s, 1);
    read_id(s, 2, &code->account);
    sqlite_column_copy(s, 3, code->account_tag, sizeof(code->account_tag));
    code->created_ms = sqlite3_column_int64(s, 4);
    code->expires_at_s = sqlite3_column_int64(s, 5);
    code->used_ms = sqlite3_column_int64(s, 6);
    read_id(s, 7, &code->used_by);
    sqlite_column_copy(s, 8, code->used_by_tag, sizeof(code->used_by_tag));
}

/* --- writing ------------------------------------------------------------------------------- */

struct code_job {
    struct sqlite_job head;
    const struct user_code *code;
    int64_t now_s, used_ms_before;
    const struct id *key;
};

static enum status run_add(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_code *code = ((const struct code_job *)job)->code;
    sqlite3_stmt *forget =
        sqlite_conn_prepare(conn, "DELETE FROM code WHERE used = 0 AND expires_at <= ?");
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "INSERT INTO code (" CODE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?)");

    if (s == NULL || forget == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(forget, 1, ((const struct code_job *)job)->now_s);
    bind_id(s, 1, &code->key);
    sqlite3_bind_int(s, 2, (int)code->kind);
    bind_id(s, 3, &code->account);
    sqlite_bind_text(s, 4, code->account_tag);
    sqlite3_bind_int64(s, 5, code->created_ms);
    sqlite3_bind_int64(s, 6, code->expires_at_s);
    sqlite3_bind_int64(s, 7, code->used_ms);
    bind_id(s, 8, &code->used_by);
    sqlite_bind_text(s, 9, code->used_by_tag);
    if (sqlite_step(forget) != SQLITE_DONE || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_codes_add(struct user_store *store, const struct user_code *code,
                                  int64_t now_s)
{
    struct code_job job = { .head.run = run_add, .code = code, .now_s = now_s };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

static enum status run_use(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_code *code = ((const struct code_job *)job)->code;
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "UPDATE code SET used = ?, used_by = ?, used_by_tag = ?"
                                  " WHERE key = ? AND used = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, code->used_ms);
    bind_id(s, 2, &code->used_by);
    sqlite_bind_text(s, 3, code->used_by_tag);
    bind_id(s, 4, &code->key);
    sqlite3_bind_int64(s, 5, ((const struct code_job *)job)->used_ms_before);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_CONFLICT;
}

enum status user_sqlite_codes_use(struct user_store *store, const struct user_code *code,
                                  int64_t used_ms_before)
{
    struct code_job job = { .head.run = run_use, .code = code, .used_ms_before = used_ms_before };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

static enum status run_delete(struct sqlite_job *job, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "DELETE FROM code WHERE key = ? AND used = 0");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    bind_id(s, 1, ((const struct code_job *)job)->key);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status user_sqlite_codes_delete(struct user_store *store, const struct id *key)
{
    struct code_job job = { .head.run = run_delete, .key = key };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- reading ------------------------------------------------------------------------------- */

enum status user_sqlite_codes_get(struct user_store *store, const struct id *key,
                                  struct user_code *code_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    int result = SQLITE_ERROR;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT " CODE_COLUMNS " FROM code WHERE key = ?");
    if (s != NULL) {
        bind_id(s, 1, key);
        result = sqlite_step(s);
    }
    if (result == SQLITE_ROW)
        read_code(s, code_out);
    user_sqlite_rows_end(db, conn, s);
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

/* The rest of a prepared query, whose parameters are bound. */
static enum status read_codes(struct sqlite_db *db, struct sqlite_conn *conn, sqlite3_stmt *s,
                              size_t max, struct user_code_list *list_out)
{
    int result = SQLITE_ERROR;

    *list_out = (struct user_code_list){ .items = xcalloc(max, sizeof(struct user_code)) };
    while (s != NULL && list_out->count < max && (result = sqlite_step(s)) == SQLITE_ROW)
        read_code(s, &list_out->items[list_out->count++]);
    user_sqlite_rows_end(db, conn, s);
    if (result == SQLITE_DONE || result == SQLITE_ROW)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct user_code_list){ 0 };
    return STATUS_UNAVAILABLE;
}

enum status user_sqlite_codes_of_account(struct user_store *store, enum user_code_kind kind,
                                         const struct id *account, size_t max,
                                         struct user_code_list *list_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT " CODE_COLUMNS " FROM code"
                                      " WHERE kind = ? AND account = ? ORDER BY created DESC, key");
    if (s != NULL) {
        sqlite3_bind_int(s, 1, (int)kind);
        bind_id(s, 2, account);
    }
    return read_codes(db, conn, s, max, list_out);
}

enum status user_sqlite_codes_page(struct user_store *store, const struct id *after, size_t max,
                                   struct user_code_list *list_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;

    if (conn != NULL)
        s = sqlite_conn_prepare(conn,
                                "SELECT " CODE_COLUMNS " FROM code WHERE key > ? ORDER BY key");
    if (s != NULL)
        bind_id(s, 1, after);
    return read_codes(db, conn, s, max, list_out);
}
