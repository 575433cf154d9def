#include "services/message/store/sqlite/erase.h"

#include <string.h>

#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"
#include "services/message/store/sqlite/usage.h"

enum { ERASED_AT_ONCE = 200 }; /* in a transaction, which other writers share */

/* --- decisions ----------------------------------------------------------------------------- */

struct decisions_job {
    struct sqlite_job head;
    const struct message_user *user;
};

static enum status run_for(struct sqlite_conn *conn, const char *sql_literal, int64_t account)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql_literal);

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* What is withheld from the user stays so. */
static enum status run_decisions(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct decisions_job *job = (const struct decisions_job *)head;
    int64_t account;

    enum status status = row_find_account(conn, job->user->key, &account, NULL);
    if (status == STATUS_OK)
        status = run_for(conn, "UPDATE account SET show_online = 0, show_marks = 0 WHERE id = ?",
                         account);
    if (status == STATUS_OK)
        status =
            run_for(conn, "DELETE FROM relation WHERE owner = ? AND last_withheld = 0", account);
    if (status == STATUS_OK)
        status =
            run_for(conn, "UPDATE relation SET state = 0, since_ms = 0 WHERE owner = ?", account);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* --- texts --------------------------------------------------------------------------------- */

/* Messages whose texts are erased with one transaction. */
struct texts_job {
    struct sqlite_job head;
    struct text_row {
        int64_t rowid, sender, bytes;
    } rows[ERASED_AT_ONCE];
    size_t count;
};

static enum status run_texts(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct texts_job *job = (const struct texts_job *)head;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < job->count && status == STATUS_OK; i++) {
        status = run_for(conn, "UPDATE message SET text = '' WHERE rowid = ?", job->rows[i].rowid);
        if (status == STATUS_OK)
            status = message_sqlite_usage_subtract(conn, job->rows[i].sender, job->rows[i].bytes);
    }
    return status;
}

/* Of a row with these columns first. */
#define TEXT_ROW_COLUMNS "m.rowid, m.sender, length(CAST(m.text AS BLOB))"

static void append_row(struct texts_job *job, sqlite3_stmt *s)
{
    job->rows[job->count++] =
        (struct text_row){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                           sqlite3_column_int64(s, 2) };
}

/* Finds with a connection of its own, then erases. */
static enum status erase_found(struct message_sqlite_store *store, void *ctx,
                               enum status (*find)(struct sqlite_conn *conn, void *ctx,
                                                   struct texts_job *job),
                               size_t *erased_out)
{
    struct texts_job job = { .head = { .run = run_texts } };
    struct sqlite_conn *conn = sqlite_db_borrow(store->db);

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = find(conn, ctx, &job);
    sqlite_db_give_back(store->db, conn);
    if (status == STATUS_OK && job.count > 0)
        status = sqlite_writer_run(store->writer, &job.head);
    *erased_out = job.count;
    return status;
}

/* --- of an account ------------------------------------------------------------------------- */

/* The next ones by id, for which there is an index. */
static enum status find_own(struct sqlite_conn *conn, void *ctx, struct texts_job *job)
{
    struct message_erasure *erasure = ctx;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT " TEXT_ROW_COLUMNS ", m.id FROM account a JOIN message m ON m.sender = a.id"
              " WHERE a.key = ?1 AND m.id > ?2 AND m.text <> '' ORDER BY m.id LIMIT ?3");
    int result;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, erasure->user.key);
    sqlite3_bind_blob(s, 2, erasure->after_id.bytes, erasure->begun ? ID_BYTES : 0, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, ERASED_AT_ONCE);
    while ((result = sqlite_step(s)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(s, 3) != ID_BYTES) {
            sqlite3_reset(s);
            return sqlite_conn_note_damage(conn, "a message without an id");
        }
        append_row(job, s);
        memcpy(erasure->after_id.bytes, sqlite3_column_blob(s, 3), ID_BYTES);
    }
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status erase_own(struct message_sqlite_store *store, struct message_erasure *erasure)
{
    size_t erased;

    enum status status = erase_found(store, erasure, find_own, &erased);
    if (status != STATUS_OK)
        return status;
    erasure->begun = true;
    erasure->erased += erased;
    erasure->is_over = erased < ERASED_AT_ONCE;
    return STATUS_OK;
}

enum status message_sqlite_erase(struct message_store *head, struct message_erasure *erasure)
{
    struct message_sqlite_store *store = message_sqlite_handle(head);
    struct decisions_job decisions = { { .run = run_decisions }, &erasure->user };
    enum status status = STATUS_OK;

    if (!erasure->begun)
        status = sqlite_writer_run(store->writer, &decisions.head);
    if (status != STATUS_OK)
        return status;
    if (erasure->texts)
        return erase_own(store, erasure);
    erasure->is_over = true;
    return STATUS_OK;
}

/* --- what is old --------------------------------------------------------------------------- */

/* Looks at so many messages, in the order of their rows: a short read, whatever it finds. */
static enum status find_old(struct sqlite_conn *conn, void *ctx, struct texts_job *job)
{
    struct message_expiry *expiry = ctx;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT " TEXT_ROW_COLUMNS
                                                ", m.date_ms FROM message m WHERE m.rowid > ?1"
                                                " ORDER BY m.rowid LIMIT ?2");
    int result, looked_at = 0;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, expiry->after_row);
    sqlite3_bind_int(s, 2, ERASED_AT_ONCE);
    while ((result = sqlite_step(s)) == SQLITE_ROW) {
        if (sqlite3_column_int64(s, 2) > 0 && sqlite3_column_int64(s, 3) < expiry->before_ms)
            append_row(job, s);
        expiry->after_row = sqlite3_column_int64(s, 0);
        looked_at++;
    }
    expiry->is_over = looked_at < ERASED_AT_ONCE;
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status message_sqlite_erase_old(struct message_store *store, struct message_expiry *expiry)
{
    size_t erased;

    enum status status = erase_found(message_sqlite_handle(store), expiry, find_old, &erased);
    if (status == STATUS_OK)
        expiry->erased += erased;
    else
        expiry->is_over = false;
    return status;
}

enum status message_sqlite_erase_purge(struct message_store *store)
{
    return sqlite_db_empty_log(message_sqlite_handle(store)->db);
}
