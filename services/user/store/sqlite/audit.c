#include "services/user/store/sqlite/audit.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"

#define AUDIT_COLUMNS                                                                              \
    "at, id, last, count, share, kind, outcome, done_by, account, account_tag, address, device,"   \
    " subject"

/* --- writing ------------------------------------------------------------------------------- */

struct put_job {
    struct sqlite_job head;
    const struct user_audit_entry *entries;
    size_t count;
};

static bool put_entry(sqlite3_stmt *s, const struct user_audit_entry *entry)
{
    sqlite3_bind_int64(s, 1, entry->place.at_ms);
    sqlite3_bind_blob(s, 2, entry->place.id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, entry->last_ms);
    sqlite3_bind_int64(s, 4, entry->count);
    sqlite3_bind_int(s, 5, (int)entry->share);
    sqlite_bind_text(s, 6, entry->kind);
    sqlite_bind_text(s, 7, entry->outcome);
    sqlite_bind_text(s, 8, entry->by);
    sqlite3_bind_blob(s, 9, entry->account.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite_bind_text(s, 10, entry->account_tag);
    sqlite_bind_text(s, 11, entry->address);
    sqlite_bind_text(s, 12, entry->device);
    sqlite_bind_text(s, 13, entry->subject);
    return sqlite_step(s) == SQLITE_DONE;
}

static enum status run_put(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct put_job *put = (const struct put_job *)job;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
              " ON CONFLICT DO UPDATE SET last = max(last, excluded.last),"
              " count = max(count, excluded.count)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    for (size_t i = 0; i < put->count; i++)
        if (!put_entry(s, &put->entries[i]))
            return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_audit_put(struct user_store *store, const struct user_audit_entry *entries,
                                  size_t count)
{
    struct put_job job = { { .run = run_put }, entries, count };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct prune_job {
    struct sqlite_job head;
    int64_t before_ms;
    const size_t *max;
};

static enum status run_prune(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct prune_job *prune = (const struct prune_job *)job;
    sqlite3_stmt *old = sqlite_conn_prepare(conn, "DELETE FROM audit WHERE at < ?");
    sqlite3_stmt *excess = sqlite_conn_prepare(
        conn, "DELETE FROM audit WHERE share = ?1 AND (at, id) <= (SELECT at, id FROM audit"
              " WHERE share = ?1 ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?2)");

    if (old == NULL || excess == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(old, 1, prune->before_ms);
    bool done = sqlite_step(old) == SQLITE_DONE;
    for (int share = 0; share < USER_AUDIT_SHARES && done; share++) {
        sqlite3_bind_int(excess, 1, share);
        sqlite3_bind_int64(excess, 2, (sqlite3_int64)prune->max[share]);
        done = sqlite_step(excess) == SQLITE_DONE;
    }
    return done ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_audit_prune(struct user_store *store, int64_t before_ms, const size_t *max)
{
    struct prune_job job = { { .run = run_prune }, before_ms, max };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct forget_job {
    struct sqlite_job head;
    const struct id *account;
};

static enum status run_forget(struct sqlite_job *job, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE audit SET address = '', device = '', account_tag = '' WHERE account = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_blob(s, 1, ((const struct forget_job *)job)->account->bytes, ID_BYTES,
                      SQLITE_STATIC);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_audit_forget(struct user_store *store, const struct id *account)
{
    struct forget_job job = { { .run = run_forget }, account };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- reading ------------------------------------------------------------------------------- */

static void read_id(sqlite3_stmt *s, int column, struct id *id)
{
    if (sqlite3_column_bytes(s, column) == ID_BYTES)
        memcpy(id->bytes, sqlite3_column_blob(s, column), ID_BYTES);
}

static void read_entry(sqlite3_stmt *s, struct user_audit_entry *entry)
{
    entry->place.at_ms = sqlite3_column_int64(s, 0);
    read_id(s, 1, &entry->place.id);
    entry->last_ms = sqlite3_column_int64(s, 2);
    entry->count = sqlite3_column_int64(s, 3);
    entry->share = (enum user_audit_share)sqlite3_column_int(s, 4);
    sqlite_column_copy(s, 5, entry->kind, sizeof(entry->kind));
    sqlite_column_copy(s, 6, entry->outcome, sizeof(entry->outcome));
    sqlite_column_copy(s, 7, entry->by, sizeof(entry->by));
    read_id(s, 8, &entry->account);
    sqlite_column_copy(s, 9, entry->account_tag, sizeof(entry->account_tag));
    sqlite_column_copy(s, 10, entry->address, sizeof(entry->address));
    sqlite_column_copy(s, 11, entry->device, sizeof(entry->device));
    sqlite_column_copy(s, 12, entry->subject, sizeof(entry->subject));
}

#define OTHER_FILTERS                                                                              \
    " (at, id) < (?1, ?2) AND at >= ?3 AND (?4 = '' OR kind = ?4)"                                 \
    " AND (?5 = '' OR address = ?5 OR (?6 <> '' AND address = ?6))"                                \
    " ORDER BY at DESC, id DESC LIMIT ?7"

/* By the index of the account, or by time. NULL on failure. */
static sqlite3_stmt *prepare_list(struct sqlite_conn *conn, const struct user_audit_filter *filter,
                                  size_t max)
{
    static const struct user_audit_place end = { .at_ms = INT64_MAX };
    const struct user_audit_place *before = filter->before != NULL ? filter->before : &end;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, filter->account == NULL ? "SELECT " AUDIT_COLUMNS " FROM audit WHERE" OTHER_FILTERS
                                      : "SELECT " AUDIT_COLUMNS
                                        " FROM audit WHERE account = ?8 AND" OTHER_FILTERS);

    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, before->at_ms);
    sqlite3_bind_blob(s, 2, before->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, filter->since_ms);
    sqlite_bind_text(s, 4, filter->kind);
    sqlite_bind_text(s, 5, filter->address);
    sqlite_bind_text(s, 6, filter->network);
    sqlite3_bind_int64(s, 7, (sqlite3_int64)max);
    if (filter->account != NULL)
        sqlite3_bind_blob(s, 8, filter->account->bytes, ID_BYTES, SQLITE_STATIC);
    return s;
}

enum status user_sqlite_audit_list(struct user_store *store, const struct user_audit_filter *filter,
                                   size_t max, struct user_audit_list *list_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = conn != NULL ? prepare_list(conn, filter, max) : NULL;
    int result = SQLITE_ERROR;

    *list_out = (struct user_audit_list){ .items = xcalloc(max, sizeof(*list_out->items)) };
    while (s != NULL && (result = sqlite_step(s)) == SQLITE_ROW)
        read_entry(s, &list_out->items[list_out->count++]);
    user_sqlite_rows_end(db, conn, s);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct user_audit_list){ 0 };
    return STATUS_UNAVAILABLE;
}
