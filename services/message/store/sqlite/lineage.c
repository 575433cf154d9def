#include "services/message/store/sqlite/lineage.h"

#include <inttypes.h>

#include "services/common/base/id.h"
#include "services/common/base/log.h"

/* The number of this file's runs and commits. */
struct store_row {
    int64_t run, commits;
};

static enum status read_store(struct sqlite_conn *conn, struct store_row *row_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT run, commits FROM store");

    if (s == NULL || sqlite_step(s) != SQLITE_ROW)
        return STATUS_UNAVAILABLE;
    *row_out = (struct store_row){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1) };
    sqlite3_reset(s);
    return STATUS_OK;
}

static enum status write_store(struct sqlite_conn *conn, const struct store_row *row)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "UPDATE store SET run = ?, commits = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row->run);
    sqlite3_bind_int64(s, 2, row->commits);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* As the transaction in progress sees it. */
static enum status read_version(struct sqlite_conn *conn, int64_t *version_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "PRAGMA schema_version");

    if (s == NULL || sqlite_step(s) != SQLITE_ROW)
        return STATUS_UNAVAILABLE;
    *version_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return STATUS_OK;
}

/* A number that stays the same as long as no other connection has changed the file. */
static unsigned read_data_version(struct sqlite_conn *conn)
{
    unsigned version = 0;

    if (sqlite3_file_control(sqlite_conn_handle(conn), "main", SQLITE_FCNTL_DATA_VERSION,
                             &version) != SQLITE_OK)
        log_debug("sqlite: no data version");
    return version;
}

/* What another connection has changed may be the whole file. */
static enum status look_at_store(struct lineage *lineage, struct sqlite_conn *conn,
                                 struct store_row *row)
{
    if (read_store(conn, row) != STATUS_OK ||
        read_version(conn, &lineage->pending.schema_version) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    bool turned_back = lineage->begun && row->commits < lineage->seen.commits;
    if (turned_back)
        log_error("the store was turned back from commit %" PRId64 " to %" PRId64
                  ": clients that have seen more must read their lists again",
                  lineage->seen.commits, row->commits);
    if (turned_back || !lineage->begun ||
        lineage->pending.schema_version != lineage->seen.schema_version)
        row->run++;
    return STATUS_OK;
}

static enum status count_commit(void *ctx, struct sqlite_conn *conn)
{
    struct lineage *lineage = ctx;
    struct store_row row = { lineage->seen.run, lineage->seen.commits };
    unsigned data_version = read_data_version(conn);

    lineage->pending = lineage->seen;
    if ((!lineage->begun || data_version != lineage->seen.data_version || data_version == 0) &&
        look_at_store(lineage, conn, &row) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    row.commits++;
    lineage->pending.run = row.run;
    lineage->pending.commits = row.commits;
    lineage->pending.data_version = data_version;
    return write_store(conn, &row);
}

static void note_commit(void *ctx)
{
    struct lineage *lineage = ctx;

    lineage->begun = true;
    lineage->seen = lineage->pending;
}

struct sqlite_observer lineage_observer(struct lineage *lineage)
{
    return (
        struct sqlite_observer){ .begun = count_commit, .committed = note_commit, .ctx = lineage };
}

static enum status do_nothing(struct sqlite_job *job, struct sqlite_conn *conn)
{
    (void)job;
    (void)conn;
    return STATUS_OK;
}

enum status lineage_create(struct sqlite_writer *writer, struct sqlite_db *db)
{
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    struct sqlite_job job = { .run = do_nothing };
    struct store_row row;

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = read_store(conn, &row);
    sqlite_db_give_back(db, conn);
    return status == STATUS_OK && row.commits == 0 ? sqlite_writer_run(writer, &job) : status;
}

static int64_t random_step(void)
{
    uint32_t step;

    id_random_bytes(&step, sizeof(step));
    return (int64_t)step + 1;
}

static enum status record_step(struct sqlite_conn *conn, int64_t account, int64_t first,
                               int64_t before)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "INSERT INTO jump (account, first, before) VALUES (?,?,?)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite3_bind_int64(s, 2, first);
    sqlite3_bind_int64(s, 3, before);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status lineage_step(struct sqlite_conn *conn, int64_t account, int64_t before,
                         int64_t *seq_out)
{
    struct store_row store;
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "UPDATE account SET user_seq = ?, run = ? WHERE id = ?");

    enum status status = s == NULL ? STATUS_UNAVAILABLE : read_store(conn, &store);
    if (status != STATUS_OK)
        return status;
    bool first_run = store.run <= 1 && before == 0;
    *seq_out = before + (first_run ? 1 : random_step());
    if (!first_run)
        status = record_step(conn, account, *seq_out, before);
    sqlite3_bind_int64(s, 1, *seq_out);
    sqlite3_bind_int64(s, 2, store.run);
    sqlite3_bind_int64(s, 3, account);
    return status == STATUS_OK && sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status lineage_has(struct sqlite_conn *conn, int64_t account, int64_t seq, bool *has_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT before FROM jump WHERE account = ? AND first > ? ORDER BY first LIMIT 1");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite3_bind_int64(s, 2, seq);
    int result = sqlite_step(s);
    *has_out = result != SQLITE_ROW || seq <= sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}
