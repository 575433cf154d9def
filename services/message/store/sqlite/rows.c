#include "services/message/store/sqlite/rows.h"

#include <stdio.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/lineage.h"

enum status row_status(int result)
{
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

enum status row_find_account(struct sqlite_conn *conn, const char *key, int64_t *id_out,
                             char *tag_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT id, tag FROM account WHERE key = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, key);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK) {
        *id_out = sqlite3_column_int64(s, 0);
        if (tag_out != NULL)
            sqlite_column_copy(s, 1, tag_out, ACCOUNT_NAME_SIZE);
    }
    sqlite3_reset(s);
    return status;
}

enum status row_ensure_account(struct sqlite_conn *conn, const struct message_user *user,
                               int64_t *id_out)
{
    enum status status = row_find_account(conn, user->key, id_out, NULL);

    if (status != STATUS_NOT_FOUND)
        return status;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO account (key, tag) VALUES (?,?)");
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, user->key);
    sqlite_bind_text(s, 2, user->tag);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    *id_out = sqlite_conn_last_rowid(conn);
    return STATUS_OK;
}

/* In the account's first change of a run, nothing matches. */
static enum status increment_user_seq(struct sqlite_conn *conn, int64_t account, int64_t *seq_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE account SET user_seq = user_seq + 1"
              " WHERE id = ? AND run = (SELECT run FROM store) RETURNING user_seq");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *seq_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status;
}

static enum status read_user_seq(struct sqlite_conn *conn, int64_t account, int64_t *seq_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT user_seq FROM account WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *seq_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status;
}

enum status row_next_user_seq(struct sqlite_conn *conn, int64_t account, int64_t *seq_out)
{
    enum status status = increment_user_seq(conn, account, seq_out);
    int64_t before;

    if (status != STATUS_NOT_FOUND)
        return status;
    status = read_user_seq(conn, account, &before);
    return status == STATUS_OK ? lineage_step(conn, account, before, seq_out) : STATUS_UNAVAILABLE;
}

/* Read and written apart: the transaction holds the lock for writing, and RETURNING costs more
 * than both. */
enum status row_read_account(struct sqlite_conn *conn, const char *key, struct account_row *row_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT id, user_seq, run = (SELECT run FROM store) FROM account WHERE key = ?");

    *row_out = (struct account_row){ 0 };
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, key);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *row_out = (struct account_row){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                         sqlite3_column_int(s, 2) != 0 };
    sqlite3_reset(s);
    return status;
}

enum status row_advance_account(struct sqlite_conn *conn, const struct message_user *user,
                                struct account_row *row)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "UPDATE account SET user_seq = ? WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    if (row->id == 0) {
        enum status status = row_ensure_account(conn, user, &row->id);
        if (status != STATUS_OK)
            return status;
    }
    if (!row->in_run) {
        row->in_run = true;
        return lineage_step(conn, row->id, row->user_seq, &row->user_seq);
    }
    sqlite3_bind_int64(s, 1, ++row->user_seq);
    sqlite3_bind_int64(s, 2, row->id);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status row_find_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                            struct dialog_row *row_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT conversation, last_seq, last_date_ms, in_count, out_count, in_read, out_read"
              " FROM dialog WHERE owner = ? AND peer = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, peer);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *row_out = (struct dialog_row){
            sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
            sqlite3_column_int64(s, 3), sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5),
            sqlite3_column_int64(s, 6),
        };
    sqlite3_reset(s);
    return status;
}

struct dialog_row row_mirror(const struct dialog_row *row)
{
    struct dialog_row mirror = *row;

    mirror.in_count = row->out_count;
    mirror.out_count = row->in_count;
    mirror.in_read = row->out_read;
    mirror.out_read = row->in_read;
    return mirror;
}

enum status row_put_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                           const struct dialog_row *row, int64_t mod)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO dialog (owner, peer, conversation, last_seq, last_date_ms, in_count,"
              " out_count, in_read, out_read, mod, last_mod) VALUES (?,?,?,?,?,?,?,?,?,?10,?10)"
              " ON CONFLICT (owner, peer) DO UPDATE SET last_seq = excluded.last_seq,"
              " last_date_ms = excluded.last_date_ms, in_count = excluded.in_count,"
              " out_count = excluded.out_count, mod = excluded.mod, last_mod = excluded.last_mod");
    const int64_t values[] = {
        owner,         peer,           row->conversation, row->last_seq, row->last_date_ms,
        row->in_count, row->out_count, row->in_read,      row->out_read, mod
    };

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    for (int i = 0; i < 10; i++)
        sqlite3_bind_int64(s, i + 1, values[i]);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status row_new_conversation(struct sqlite_conn *conn, int64_t *conversation_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO conversation DEFAULT VALUES");

    if (s == NULL || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    *conversation_out = sqlite_conn_last_rowid(conn);
    return STATUS_OK;
}

int64_t row_message_rowid(int64_t conversation, int64_t seq)
{
    return (conversation << 32) + seq;
}

int64_t row_message_seq(sqlite3_stmt *s)
{
    return sqlite3_column_int64(s, 0) & UINT32_MAX;
}

bool row_is_withheld_from_reader(sqlite3_stmt *s)
{
    return sqlite3_column_type(s, 6) != SQLITE_NULL && sqlite3_column_int(s, 5) == 0;
}

void row_read_message(sqlite3_stmt *s, const char *owner_tag, const char *peer_tag,
                      const struct dialog_row *row, struct message *message_out)
{
    bool outgoing = sqlite3_column_int(s, 5) != 0;

    *message_out = (struct message){ .text = NULL };
    message_out->seq = (uint64_t)row_message_seq(s);
    if (sqlite3_column_bytes(s, 1) == ID_BYTES)
        memcpy(message_out->id.bytes, sqlite3_column_blob(s, 1), ID_BYTES);
    message_out->date_ms = sqlite3_column_int64(s, 2);
    message_out->sender_count = (uint64_t)sqlite3_column_int64(s, 3);
    message_out->text = xstrdup(sqlite_column_text_or_empty(s, 4));
    message_out->is_withheld = sqlite3_column_type(s, 6) != SQLITE_NULL;
    message_out->is_read =
        !message_out->is_withheld &&
        (int64_t)message_out->sender_count <= (outgoing ? row->out_read : row->in_read);
    snprintf(message_out->sender_tag, ACCOUNT_NAME_SIZE, "%s", outgoing ? owner_tag : peer_tag);
    snprintf(message_out->receiver_tag, ACCOUNT_NAME_SIZE, "%s", outgoing ? peer_tag : owner_tag);
}

/* Of ROW_DIALOG_COLUMNS, after those of the message. */
enum {
    IN_COUNT = ROW_MESSAGE_COLUMN_COUNT,
    OUT_COUNT,
    IN_READ,
    OUT_READ,
    PEER_TAG,
    PEER_KEY,
    RELATION,
    LOOKS_UNREAD = RELATION + RELATION_COLUMN_COUNT,
    LOOKS_READ,
    BEFORE_LAST,
};

bool row_has_dialog(sqlite3_stmt *s)
{
    return sqlite3_column_type(s, 0) != SQLITE_NULL &&
           sqlite3_column_type(s, PEER_KEY) != SQLITE_NULL;
}

void row_read_dialog(sqlite3_stmt *s, const char *owner_key, const char *owner_tag,
                     struct dialog *dialog_out)
{
    const struct dialog_row row = { .in_read = sqlite3_column_int64(s, IN_READ),
                                    .out_read = sqlite3_column_int64(s, OUT_READ) };

    *dialog_out = (struct dialog){ .peer_tag = "" };
    sqlite_column_copy(s, PEER_TAG, dialog_out->peer_tag, ACCOUNT_NAME_SIZE);
    row_read_message(s, owner_tag, dialog_out->peer_tag, &row, &dialog_out->last);
    dialog_out->last.seq -= (uint64_t)sqlite3_column_int64(s, BEFORE_LAST);
    dialog_out->unread_incoming = (uint64_t)(sqlite3_column_int64(s, IN_COUNT) - row.in_read -
                                             sqlite3_column_int64(s, LOOKS_UNREAD));
    dialog_out->unread_outgoing = (uint64_t)(sqlite3_column_int64(s, OUT_COUNT) - row.out_read +
                                             sqlite3_column_int64(s, LOOKS_READ));
    dialog_out->relation = relation_rows_read_columns(s, RELATION);
    dialog_out->conversation =
        message_conversation_id(owner_key, sqlite_column_text_or_empty(s, PEER_KEY));
}
