#include "services/user/store/sqlite/rows.h"

#include <string.h>

void user_sqlite_rows_read(sqlite3_stmt *s, struct user *user)
{
    *user = (struct user){ .tag = "" };
    if (sqlite3_column_bytes(s, 0) == ID_BYTES)
        memcpy(user->id.bytes, sqlite3_column_blob(s, 0), ID_BYTES);
    sqlite_column_copy(s, 1, user->tag, sizeof(user->tag));
    sqlite_column_copy(s, 2, user->email, sizeof(user->email));
    sqlite_column_copy(s, 3, user->email_key, sizeof(user->email_key));
    sqlite_column_copy(s, 4, user->first_name, sizeof(user->first_name));
    sqlite_column_copy(s, 5, user->last_name, sizeof(user->last_name));
    sqlite_column_copy(s, 6, user->img, sizeof(user->img));
    sqlite_column_copy(s, 7, user->password_hash, sizeof(user->password_hash));
    user->revision = (uint64_t)sqlite3_column_int64(s, 8);
    user->unannounced = (unsigned)sqlite3_column_int64(s, 9);
    sqlite_column_copy(s, 10, user->origin, sizeof(user->origin));
    user->session_epoch = (uint64_t)sqlite3_column_int64(s, 11);
    sqlite_column_copy(s, 12, user->kept_session, sizeof(user->kept_session));
    user->disabled = sqlite3_column_int(s, 13) != 0;
    user->deleted_ms = sqlite3_column_int64(s, 14);
}

enum status user_sqlite_rows_begin(struct sqlite_db *db, const char *sql, const char *parameter,
                                   struct sqlite_conn **conn_out, sqlite3_stmt **s_out)
{
    *s_out = NULL;
    *conn_out = sqlite_db_borrow(db);
    if (*conn_out != NULL)
        *s_out = sqlite_conn_prepare(*conn_out, sql);
    if (*s_out == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(*s_out, 1, parameter);
    int result = sqlite_step(*s_out);
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

void user_sqlite_rows_end(struct sqlite_db *db, struct sqlite_conn *conn, sqlite3_stmt *s)
{
    sqlite3_reset(s);
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
}
