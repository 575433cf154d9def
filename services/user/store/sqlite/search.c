#include "services/user/store/sqlite/search.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

enum {
    FREQUENT = 3000,  /* tails: among so many, a walk through the keys soon finds enough */
    WALK_MAX = 20000, /* keys, if it does not, for they are all at the end */
};

/* ?1: the part, ?2: greater than all strings with this prefix, ?3: the excluded key. */
static sqlite3_stmt *prepare_search(struct sqlite_conn *conn, const char *sql_literal,
                                    const char *part, const char *except_key)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql_literal);
    char end[TAG_SIZE + 1];

    if (s == NULL)
        return NULL;
    snprintf(end, sizeof(end), "%s\x7f", part); /* above every character of a key */
    sqlite_bind_text(s, 1, part);
    sqlite3_bind_text(s, 2, end, -1, SQLITE_TRANSIENT);
    sqlite_bind_text(s, 3, except_key);
    return s;
}

/* Appends the rows of a bound statement until the list has `max`. */
static enum status collect_users(sqlite3_stmt *s, size_t max, struct user_list *list)
{
    int result = SQLITE_DONE;

    while (list->count < max && (result = sqlite_step(s)) == SQLITE_ROW)
        user_sqlite_rows_read(s, &list->items[list->count++]);
    sqlite3_reset(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status find_prefix(struct sqlite_conn *conn, const char *part, const char *except_key,
                               size_t max, struct user_list *list)
{
    sqlite3_stmt *s = prepare_search(conn,
                                     "SELECT " USER_ROW_COLUMNS " FROM user"
                                     " WHERE key >= ?1 AND key < ?2 AND key <> ?3 AND deleted = 0"
                                     " ORDER BY key",
                                     part, except_key);

    return s != NULL ? collect_users(s, max, list) : STATUS_UNAVAILABLE;
}

/* Each key by its first suffix that begins with the part, so that none is repeated. */
static enum status find_by_tail(struct sqlite_conn *conn, const char *part, const char *except_key,
                                size_t max, struct user_list *list)
{
    sqlite3_stmt *s = prepare_search(conn,
                                     "SELECT " USER_ROW_COLUMNS " FROM"
                                     " (SELECT head || tail AS found FROM user_tail"
                                     "  WHERE tail >= ?1 AND tail < ?2 AND head || tail <> ?3"
                                     "  AND instr(head || tail, ?1) = length(head) + 1"
                                     "  ORDER BY found LIMIT ?4)"
                                     " JOIN user ON key = found ORDER BY found",
                                     part, except_key);

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 4, (sqlite3_int64)(max - list->count));
    return collect_users(s, max, list);
}

static enum status find_by_walk(struct sqlite_conn *conn, const char *part, const char *except_key,
                                size_t max, struct user_list *list)
{
    sqlite3_stmt *s = prepare_search(conn,
                                     "SELECT " USER_ROW_COLUMNS " FROM"
                                     " (SELECT key AS found FROM user ORDER BY key LIMIT ?4)"
                                     " JOIN user ON key = found"
                                     " WHERE instr(found, ?1) > 1 AND found <> ?3 AND deleted = 0"
                                     " ORDER BY found",
                                     part, except_key);

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 4, WALK_MAX);
    return collect_users(s, max, list);
}

/* STATUS_OK, or STATUS_NOT_FOUND when there are fewer. */
static enum status are_frequent(struct sqlite_conn *conn, const char *part)
{
    sqlite3_stmt *s = prepare_search(
        conn, "SELECT 1 FROM user_tail WHERE tail >= ?1 AND tail < ?2 LIMIT 1 OFFSET ?3", part, "");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 3, FREQUENT);
    int result = sqlite_step(s);
    sqlite3_reset(s);
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

/* Those that hold the part but do not begin with it. */
static enum status find_inside(struct sqlite_conn *conn, const char *part, const char *except_key,
                               size_t max, struct user_list *list)
{
    size_t before = list->count;
    enum status status = are_frequent(conn, part);

    if (status == STATUS_OK) {
        status = find_by_walk(conn, part, except_key, max, list);
        if (status != STATUS_OK || list->count == max)
            return status;
        list->count = before;
    } else if (status != STATUS_NOT_FOUND) {
        return status;
    }
    return find_by_tail(conn, part, except_key, max, list);
}

static enum status run_search(struct sqlite_conn *conn, const char *part, const char *except_key,
                              size_t max, struct user_list *list)
{
    enum status status = find_prefix(conn, part, except_key, max, list);

    if (status == STATUS_OK && list->count < max && *part != '\0')
        status = find_inside(conn, part, except_key, max, list);
    return status;
}

enum status user_sqlite_search_find(struct user_store *store, const char *part,
                                    const char *except_key, size_t max, struct user_list *list_out)
{
    *list_out = (struct user_list){ 0 };
    if (strlen(part) >= TAG_SIZE || max == 0)
        return STATUS_OK; /* longer than any key */
    struct sqlite_conn *conn = sqlite_db_borrow(user_sqlite_handle(store)->db);
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    list_out->items = xcalloc(max, sizeof(struct user));
    enum status status = run_search(conn, part, except_key, max, list_out);
    sqlite_db_give_back(user_sqlite_handle(store)->db, conn);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_list){ 0 };
    }
    return status;
}

enum status user_sqlite_search_remove(struct sqlite_conn *conn, const char *key)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "DELETE FROM user_tail WHERE (tail, head) IN (SELECT substr(?1, place),"
              " substr(?1, 1, place - 1) FROM cut WHERE place <= length(?1))");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, key);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}
