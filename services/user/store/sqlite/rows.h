#ifndef USER_STORE_SQLITE_ROWS_H
#define USER_STORE_SQLITE_ROWS_H

#include "services/common/store/sqlite_db.h"
#include "services/user/store/user_data.h"

/* A user's row, for the statements of this folder. */

#define USER_ROW_COLUMNS                                                                           \
    "id, tag, email, email_key, first_name, last_name, img, password_hash, revision, unannounced," \
    " origin, session_epoch, kept_session, disabled, deleted"

/* Reads the current row of a statement whose first columns are these. */
void user_sqlite_rows_read(sqlite3_stmt *statement, struct user *user_out);

/*
 * The first row of a query with one text parameter: STATUS_OK with `*s_out` on it, or
 * STATUS_NOT_FOUND. In every case the caller ends with user_sqlite_rows_end.
 */
enum status user_sqlite_rows_begin(struct sqlite_db *db, const char *sql, const char *parameter,
                                   struct sqlite_conn **conn_out, sqlite3_stmt **s_out) MUST_CHECK;
void user_sqlite_rows_end(struct sqlite_db *db, struct sqlite_conn *conn, sqlite3_stmt *s);

#endif
