#include "services/user/store/sqlite/rows.h"

#include <stdio.h>
#include <string.h>

void user_row_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void user_row_copy_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    snprintf(out, size, "%s", sqlite_column_text_or_empty(statement, column));
}

void user_row_read(sqlite3_stmt *s, struct user *user)
{
    *user = (struct user){ .tag = "" };
    if (sqlite3_column_bytes(s, 0) == ID_BYTES)
        memcpy(user->id.bytes, sqlite3_column_blob(s, 0), ID_BYTES);
    user_row_copy_text(s, 1, user->tag, sizeof(user->tag));
    user_row_copy_text(s, 2, user->email, sizeof(user->email));
    user_row_copy_text(s, 3, user->email_key, sizeof(user->email_key));
    user_row_copy_text(s, 4, user->first_name, sizeof(user->first_name));
    user_row_copy_text(s, 5, user->last_name, sizeof(user->last_name));
    user_row_copy_text(s, 6, user->img, sizeof(user->img));
    user_row_copy_text(s, 7, user->password_hash, sizeof(user->password_hash));
    user->revision = (uint64_t)sqlite3_column_int64(s, 8);
    user->unannounced = (unsigned)sqlite3_column_int64(s, 9);
    user_row_copy_text(s, 10, user->origin, sizeof(user->origin));
}
