#include "services/message/store/sqlite/usage.h"

#include <string.h>

#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

static enum status add(struct sqlite_conn *conn, int64_t account, int64_t bytes)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE account SET text_bytes = max(0, text_bytes + ?2) WHERE id = ?1");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite3_bind_int64(s, 2, bytes);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status message_sqlite_usage_subtract(struct sqlite_conn *conn, int64_t account, int64_t bytes)
{
    return add(conn, account, -bytes);
}

static enum status read_total(struct sqlite_conn *conn, int64_t account, int64_t *total_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT text_bytes FROM account WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *total_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status;
}

struct usage_job {
    struct sqlite_job head;
    struct message_usage *usage;
    size_t count;
};

/* A user without an account here has stored nothing. */
static enum status run_add(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct usage_job *job = (const struct usage_job *)head;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < job->count && status == STATUS_OK; i++) {
        struct message_usage *usage = &job->usage[i];
        int64_t account;
        usage->total = 0;
        status = row_find_account(conn, usage->key, &account, NULL);
        if (status == STATUS_OK && usage->added != 0)
            status = add(conn, account, usage->added);
        if (status == STATUS_OK)
            status = read_total(conn, account, &usage->total);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
    }
    return status;
}

enum status message_sqlite_usage_add(struct message_store *store, struct message_usage *usage,
                                     size_t count)
{
    struct usage_job job = { { .run = run_add }, usage, count };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
}
