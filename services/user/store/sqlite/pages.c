#include "services/user/store/sqlite/pages.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

typedef void read_item(sqlite3_stmt *s, void *item);

/* The rows of a query with a key and a limit as its parameters, each read into an item. */
static enum status read_page(struct user_sqlite_store *store, const char *sql, const char *after,
                             size_t max, size_t item_size, read_item *read, void **items_out,
                             size_t *count_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(store->db);
    sqlite3_stmt *s = conn != NULL ? sqlite_conn_prepare(conn, sql) : NULL;
    char *items = xcalloc(max, item_size);
    int result = SQLITE_ERROR;
    size_t count = 0;

    if (s != NULL) {
        sqlite_bind_text(s, 1, after);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)max);
        while ((result = sqlite_step(s)) == SQLITE_ROW)
            read(s, items + item_size * count++);
    }
    if (conn != NULL)
        sqlite_db_give_back(store->db, conn);
    if (result != SQLITE_DONE) {
        free(items);
        items = NULL;
        count = 0;
    }
    *items_out = items;
    *count_out = count;
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void read_user_item(sqlite3_stmt *s, void *item)
{
    user_sqlite_rows_read(s, item);
}

enum status user_sqlite_pages_page(struct user_store *store, const char *after_key, size_t max,
                                   struct user_list *list_out)
{
    void *items;

    enum status status =
        read_page(user_sqlite_handle(store),
                  "SELECT " USER_ROW_COLUMNS " FROM user WHERE key > ? ORDER BY key LIMIT ?",
                  after_key, max, sizeof(struct user), read_user_item, &items, &list_out->count);
    list_out->items = items;
    return status;
}

enum status user_sqlite_pages_unannounced(struct user_store *store, const char *after_key,
                                          size_t max, struct user_list *list_out)
{
    void *items;

    enum status status =
        read_page(user_sqlite_handle(store),
                  "SELECT " USER_ROW_COLUMNS " FROM user WHERE unannounced <> 0"
                  " AND key > ? ORDER BY key LIMIT ?",
                  after_key, max, sizeof(struct user), read_user_item, &items, &list_out->count);
    list_out->items = items;
    return status;
}

static void read_image_name(sqlite3_stmt *s, void *item)
{
    sqlite_column_copy(s, 0, ((struct user_image_name *)item)->name, USER_IMAGE_SIZE);
}

enum status user_sqlite_pages_image_page(struct user_store *store, const char *after_name,
                                         size_t max, struct user_image_names *names_out)
{
    void *items;

    enum status status =
        read_page(user_sqlite_handle(store),
                  "SELECT name FROM image WHERE name > ? ORDER BY name LIMIT ?", after_name, max,
                  sizeof(struct user_image_name), read_image_name, &items, &names_out->count);
    names_out->items = items;
    return status;
}

static void read_revoked(sqlite3_stmt *s, void *item)
{
    struct revoked_token *token = item;

    sqlite_column_copy(s, 0, token->jti, sizeof(token->jti));
    token->expires_at_s = sqlite3_column_int64(s, 1);
}

enum status user_sqlite_pages_revoked_page(struct user_store *store, const char *after_jti,
                                           size_t max, struct revoked_list *list_out)
{
    void *items;

    enum status status = read_page(
        user_sqlite_handle(store),
        "SELECT jti, expires_at FROM revoked_token WHERE jti > ? ORDER BY jti LIMIT ?", after_jti,
        max, sizeof(struct revoked_token), read_revoked, &items, &list_out->count);
    list_out->items = items;
    return status;
}

enum status user_sqlite_pages_count(struct user_store *store, struct user_store_counts *counts_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = user_sqlite_rows_begin(
        user_sqlite_handle(store)->db,
        "SELECT (SELECT count(*) FROM user),"
        " (SELECT count(*) FROM image),"
        " (SELECT count(*) FROM revoked_token),"
        " (SELECT count(*) FROM session),"
        " (SELECT ifnull(sum(revision + session_epoch), 0) FROM user) WHERE ? = ''",
        "", &conn, &s);
    if (status == STATUS_OK)
        *counts_out = (struct user_store_counts){ (uint64_t)sqlite3_column_int64(s, 0),
                                                  (uint64_t)sqlite3_column_int64(s, 1),
                                                  (uint64_t)sqlite3_column_int64(s, 2),
                                                  (uint64_t)sqlite3_column_int64(s, 3),
                                                  (uint64_t)sqlite3_column_int64(s, 4) };
    user_sqlite_rows_end(user_sqlite_handle(store)->db, conn, s);
    return status;
}
