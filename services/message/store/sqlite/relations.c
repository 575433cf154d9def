#include "services/message/store/sqlite/relations.h"

#include "services/common/base/array.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/relation_rows.h"
#include "services/message/store/sqlite/rows.h"

/* --- changes ------------------------------------------------------------------------------- */

struct change_job {
    struct sqlite_job head;
    struct relation_change *change;
};

/* STATUS_FORBIDDEN: the owner has as many relations as are allowed. */
static enum status check_is_room(struct sqlite_conn *conn, int64_t owner)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT count(*) FROM relation WHERE owner = ? AND state <> 0");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK && sqlite3_column_int64(s, 0) >= RELATIONS_MAX)
        status = STATUS_FORBIDDEN;
    sqlite3_reset(s);
    return status;
}

static enum status find_account(struct sqlite_conn *conn, const char *key, int64_t *id_out)
{
    enum status status = row_find_account(conn, key, id_out, NULL);

    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status write_change(struct sqlite_conn *conn, struct relation_change *change,
                                enum relation_state state)
{
    int64_t owner = 0, peer = 0;

    enum status status = row_ensure_account(conn, &change->owner, &owner);
    if (status == STATUS_OK)
        status = row_ensure_account(conn, &change->peer, &peer);
    if (status == STATUS_OK)
        status = relation_rows_put(conn, owner, peer, state, change->now_ms);
    change->changed = status == STATUS_OK;
    return status;
}

static enum status run_change(struct sqlite_job *head, struct sqlite_conn *conn)
{
    struct relation_change *change = ((struct change_job *)head)->change;
    int64_t owner = 0, peer = 0;
    enum relation_state state;
    struct relation_rows rows;

    enum status status = find_account(conn, change->owner.key, &owner);
    if (status == STATUS_OK)
        status = find_account(conn, change->peer.key, &peer);
    if (status == STATUS_OK)
        status = relation_rows_find(conn, owner, peer, &rows);
    if (status != STATUS_OK)
        return status;
    status = relation_apply(rows.mine, change->action, &state);
    if (status == STATUS_OK && state != RELATION_NONE && rows.mine == RELATION_NONE)
        status = check_is_room(conn, owner);
    if (status != STATUS_OK || state == rows.mine)
        return status;
    return write_change(conn, change, state);
}

enum status message_sqlite_relations_change(struct message_store *store,
                                            struct relation_change *change)
{
    struct change_job job = { { .run = run_change }, change };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
}

struct privacy_job {
    struct sqlite_job head;
    const struct message_user *user;
    struct privacy privacy;
};

static enum status run_set_privacy(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct privacy_job *job = (const struct privacy_job *)head;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE account SET show_online = ?2, show_marks = ?3 WHERE id = ?1");
    int64_t account;

    if (s == NULL || row_ensure_account(conn, job->user, &account) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite3_bind_int64(s, 2, job->privacy.online);
    sqlite3_bind_int64(s, 3, job->privacy.read_marks);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status message_sqlite_relations_set_privacy(struct message_store *store,
                                                 const struct message_user *user,
                                                 struct privacy privacy)
{
    struct privacy_job job = { { .run = run_set_privacy }, user, privacy };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
}

/* --- reads --------------------------------------------------------------------------------- */

static enum status read_blocked(struct sqlite_conn *conn, const char *owner_key,
                                struct blocked_list *list)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT p.tag, r.since_ms FROM account o JOIN relation r ON r.owner = o.id"
              " JOIN account p ON p.id = r.peer WHERE o.key = ?1 AND r.state = ?2"
              " AND p.superseded = 0 ORDER BY r.since_ms DESC, p.key");
    size_t capacity = 0;
    int result;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, owner_key);
    sqlite3_bind_int64(s, 2, RELATION_BLOCKED);
    while ((result = sqlite_step(s)) == SQLITE_ROW) {
        list->items = array_reserve(list->items, list->count, &capacity, sizeof(*list->items));
        struct blocked_user *user = &list->items[list->count++];
        sqlite_column_copy(s, 0, user->tag, ACCOUNT_NAME_SIZE);
        user->since_ms = sqlite3_column_int64(s, 1);
    }
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status message_sqlite_relations_blocked(struct message_store *store, const char *owner_key,
                                             struct blocked_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);

    *list_out = (struct blocked_list){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = read_blocked(conn, owner_key, list_out);
    sqlite_db_give_back(db, conn);
    if (status != STATUS_OK)
        blocked_list_finish(list_out);
    return status;
}

enum status message_sqlite_relations_find(struct message_store *store, const char *owner_key,
                                          const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                          struct relation *relations_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    enum status status = STATUS_OK;

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = relation_rows_describe(conn, owner_key, keys[i], &relations_out[i]);
    sqlite_db_give_back(db, conn);
    return status;
}

enum status message_sqlite_relations_privacy(struct message_store *store, const char *key,
                                             struct privacy *privacy_out)
{
    struct relation relation;

    enum status status = message_sqlite_relations_find(
        store, "", (const char(*)[ACCOUNT_NAME_SIZE])key, 1, &relation);
    if (status == STATUS_OK)
        *privacy_out = relation.their_privacy;
    return status;
}
