#include "services/message/store/sqlite/copy_relations.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/relation_rows.h"
#include "services/message/store/sqlite/rows.h"

static void read_user(sqlite3_stmt *s, int column, struct message_user *user)
{
    sqlite_column_copy(s, column, user->key, ACCOUNT_NAME_SIZE);
    sqlite_column_copy(s, column + 1, user->tag, ACCOUNT_NAME_SIZE);
}

/* The join order is fixed as in copy.c. */
static const char relations_sql[] =
    "SELECT o.key, o.tag, p.key, p.tag, r.state, r.since_ms"
    " FROM account o CROSS JOIN relation r CROSS JOIN account p"
    " WHERE o.key >= ?1 AND r.owner = o.id AND r.state <> 0 AND p.id = r.peer"
    " AND (o.key > ?1 OR p.key > ?2) ORDER BY o.key, p.key LIMIT ?3";

enum status message_sqlite_copy_relations_list(struct message_store *store,
                                               const char *after_owner_key,
                                               const char *after_peer_key, size_t max,
                                               struct relation_record_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = conn != NULL ? sqlite_conn_prepare(conn, relations_sql) : NULL;
    int result = SQLITE_ERROR;

    *list_out = (struct relation_record_list){ xcalloc(max, sizeof(*list_out->items)), 0 };
    if (s != NULL) {
        sqlite_bind_text(s, 1, after_owner_key);
        sqlite_bind_text(s, 2, after_peer_key);
        sqlite3_bind_int64(s, 3, (sqlite3_int64)max);
        while ((result = sqlite_step(s)) == SQLITE_ROW) {
            struct relation_record *record = &list_out->items[list_out->count++];
            read_user(s, 0, &record->owner);
            read_user(s, 2, &record->peer);
            record->state = (enum relation_state)sqlite3_column_int(s, 4);
            record->since_ms = sqlite3_column_int64(s, 5);
        }
    }
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct relation_record_list){ 0 };
    return STATUS_UNAVAILABLE;
}

struct import_job {
    struct sqlite_job head;
    const struct relation_record *record;
};

static enum status run_import(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct relation_record *record = ((const struct import_job *)head)->record;
    int64_t owner, peer;

    enum status status = row_ensure_account(conn, &record->owner, &owner);
    if (status == STATUS_OK)
        status = row_ensure_account(conn, &record->peer, &peer);
    if (status == STATUS_OK)
        status = relation_rows_put(conn, owner, peer, record->state, record->since_ms);
    return status;
}

enum status message_sqlite_copy_relations_import(struct message_store *store,
                                                 const struct relation_record *record)
{
    struct import_job job = { { .run = run_import }, record };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
}

enum status message_sqlite_copy_relations_privacies(struct message_store *store,
                                                    const char *after_key, size_t max,
                                                    struct privacy_record_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    int result = SQLITE_ERROR;

    *list_out = (struct privacy_record_list){ xcalloc(max, sizeof(*list_out->items)), 0 };
    if (conn != NULL)
        s = sqlite_conn_prepare(conn, "SELECT key, tag, show_online, show_marks FROM account"
                                      " WHERE key > ?1 AND (show_online <> 0 OR show_marks <> 0)"
                                      " ORDER BY key LIMIT ?2");
    if (s != NULL) {
        sqlite_bind_text(s, 1, after_key);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)max);
        while ((result = sqlite_step(s)) == SQLITE_ROW) {
            struct privacy_record *record = &list_out->items[list_out->count++];
            read_user(s, 0, &record->user);
            record->privacy = (struct privacy){ (enum audience)sqlite3_column_int(s, 2),
                                                (enum audience)sqlite3_column_int(s, 3) };
        }
    }
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct privacy_record_list){ 0 };
    return STATUS_UNAVAILABLE;
}
