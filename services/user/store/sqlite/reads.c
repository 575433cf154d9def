#include "services/user/store/sqlite/reads.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

enum status user_sqlite_reads_by_email(struct user_store *store, const char *email_key,
                                       struct user *user_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = user_sqlite_rows_begin(
        user_sqlite_handle(store)->db, "SELECT " USER_ROW_COLUMNS " FROM user WHERE email_key = ?",
        email_key, &conn, &s);
    if (status == STATUS_OK)
        user_sqlite_rows_read(s, user_out);
    user_sqlite_rows_end(user_sqlite_handle(store)->db, conn, s);
    return status;
}

enum status user_sqlite_reads_by_keys(struct user_store *store, const char *const *keys,
                                      size_t key_count, struct user_list *list_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(user_sqlite_handle(store)->db);
    enum status status = conn != NULL ? STATUS_OK : STATUS_UNAVAILABLE;

    *list_out = (struct user_list){ .items = xcalloc(key_count, sizeof(struct user)) };
    for (size_t i = 0; i < key_count && status == STATUS_OK; i++) {
        sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT " USER_ROW_COLUMNS " FROM user"
                                                    " WHERE key = ? AND deleted = 0");
        int result = SQLITE_ERROR;
        if (s != NULL) {
            sqlite_bind_text(s, 1, keys[i]);
            result = sqlite_step(s);
        }
        if (result == SQLITE_ROW)
            user_sqlite_rows_read(s, &list_out->items[list_out->count++]);
        else if (result != SQLITE_DONE)
            status = STATUS_UNAVAILABLE;
        sqlite3_reset(s);
    }
    if (conn != NULL)
        sqlite_db_give_back(user_sqlite_handle(store)->db, conn);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_list){ 0 };
    }
    return status;
}

enum status user_sqlite_reads_get_image(struct user_store *store, const char *name,
                                        char **content_type_out, void **data_out, size_t *size_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = user_sqlite_rows_begin(
        user_sqlite_handle(store)->db, "SELECT content_type, data FROM image WHERE name = ?", name,
        &conn, &s);
    if (status == STATUS_OK) {
        *content_type_out = xstrdup(sqlite_column_text_or_empty(s, 0));
        const void *data = sqlite3_column_blob(s, 1);
        *size_out = (size_t)sqlite3_column_bytes(s, 1);
        *data_out = xmalloc(*size_out);
        if (*size_out > 0)
            memcpy(*data_out, data, *size_out);
    }
    user_sqlite_rows_end(user_sqlite_handle(store)->db, conn, s);
    return status;
}

static enum status row_exists(struct user_store *store, const char *sql, const char *name,
                              bool *exists_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status =
        user_sqlite_rows_begin(user_sqlite_handle(store)->db, sql, name, &conn, &s);
    user_sqlite_rows_end(user_sqlite_handle(store)->db, conn, s);
    *exists_out = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status user_sqlite_reads_has_image(struct user_store *store, const char *name, bool *has_out)
{
    return row_exists(store, "SELECT 1 FROM image WHERE name = ?", name, has_out);
}

enum status user_sqlite_reads_is_revoked(struct user_store *store, const char *jti,
                                         bool *revoked_out)
{
    return row_exists(store, "SELECT 1 FROM revoked_token WHERE jti = ?", jti, revoked_out);
}
