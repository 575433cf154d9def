#ifndef USER_STORE_SQLITE_ROWS_H
#define USER_STORE_SQLITE_ROWS_H

#include "services/common/store/sqlite_db.h"
#include "services/user/store/user_store.h"

/* What the SQLite store's statements share: a user's row. */

#define USER_ROW_COLUMNS                                                                           \
    "id, tag, email, email_key, first_name, last_name, img, password_hash, revision, unannounced," \
    " origin"

/* The row that a statement with these columns first is at. */
void user_row_read(sqlite3_stmt *statement, struct user *user_out);

/* Bound until the statement is run; `text` is borrowed until then. */
void user_row_bind_text(sqlite3_stmt *statement, int index, const char *text);

/* Cut off at `size`, which is that of the column's longest. */
void user_row_copy_text(sqlite3_stmt *statement, int column, char *out, size_t size);

#endif
