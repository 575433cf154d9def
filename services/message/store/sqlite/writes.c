#include "services/message/store/sqlite/writes.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

/* --- sending ----------------------------------------------------------------------------- */

struct send_job {
    struct sqlite_job head;
    struct message_send *send;
};

/* Has this client's id been used? STATUS_NOT_FOUND: no. STATUS_OK: yes, for this very message. */
static enum status find_repeated(struct sqlite_conn *conn, int64_t sender,
                                 struct message_send *send)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT m.rowid, m.date_ms, m.sender_count, m.text, a.key, d.out_read"
              " FROM message m JOIN account a ON a.id = m.receiver"
              " LEFT JOIN dialog d ON d.owner = m.sender AND d.peer = m.receiver"
              " WHERE m.sender = ? AND m.id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, sender);
    sqlite3_bind_blob(s, 2, send->id.bytes, ID_BYTES, SQLITE_STATIC);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK) {
        send->repeated = true;
        send->seq = (uint64_t)(sqlite3_column_int64(s, 0) & UINT32_MAX);
        send->date_ms = sqlite3_column_int64(s, 1);
        send->is_read = sqlite3_column_int64(s, 2) <= sqlite3_column_int64(s, 5);
        if (strcmp(sqlite_column_text_or_empty(s, 3), send->text) != 0 ||
            strcmp(sqlite_column_text_or_empty(s, 4), send->receiver.key) != 0)
            status = STATUS_CONFLICT;
    }
    sqlite3_reset(s);
    return status;
}

static enum status insert_message(struct sqlite_conn *conn, const struct message_send *send,
                                  int64_t sender, int64_t receiver, const struct dialog_row *row)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO message (rowid, id, sender, receiver, date_ms, sender_count, text"
              ", sender_mod, receiver_mod) VALUES (?,?,?,?,?,?,?,?,?)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(row->conversation, row->last_seq));
    sqlite3_bind_blob(s, 2, send->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, sender);
    sqlite3_bind_int64(s, 4, receiver);
    sqlite3_bind_int64(s, 5, row->last_date_ms);
    sqlite3_bind_int64(s, 6, row->out_count);
    sqlite_bind_text(s, 7, send->text);
    sqlite3_bind_int64(s, 8, (int64_t)send->sender_user_seq);
    sqlite3_bind_int64(s, 9, (int64_t)send->receiver_user_seq);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* The dialog of the two, as the sender sees it, with this message counted. */
static enum status count_message(struct sqlite_conn *conn, const struct message_send *send,
                                 int64_t sender, int64_t receiver, struct dialog_row *row_out)
{
    *row_out = (struct dialog_row){ 0 };
    enum status status = row_find_dialog(conn, sender, receiver, row_out);
    if (status == STATUS_NOT_FOUND)
        status = row_new_conversation(conn, &row_out->conversation);
    row_out->last_seq++;
    row_out->out_count++;
    if (send->now_ms > row_out->last_date_ms)
        row_out->last_date_ms = send->now_ms;
    return status;
}

static enum status put_dialogs(struct sqlite_conn *conn, const struct message_send *send,
                               int64_t sender, int64_t receiver, const struct dialog_row *row)
{
    struct dialog_row mirror = *row;

    mirror.in_count = row->out_count;
    mirror.out_count = row->in_count;
    mirror.in_read = row->out_read;
    mirror.out_read = row->in_read;
    enum status status =
        row_put_dialog(conn, sender, receiver, row, (int64_t)send->sender_user_seq);
    if (status == STATUS_OK)
        status = row_put_dialog(conn, receiver, sender, &mirror, (int64_t)send->receiver_user_seq);
    return status;
}

static enum status write_message(struct sqlite_conn *conn, struct message_send *send,
                                 struct account_row *sender)
{
    struct account_row receiver;
    struct dialog_row row;

    enum status status = row_advance_account(conn, &send->sender, sender);
    /* After the sender's account is written, for it may be the same. */
    if (status == STATUS_OK)
        status = row_read_account(conn, send->receiver.key, &receiver);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = row_advance_account(conn, &send->receiver, &receiver);
    if (status == STATUS_OK)
        status = count_message(conn, send, sender->id, receiver.id, &row);
    if (status != STATUS_OK)
        return status;
    send->seq = (uint64_t)row.last_seq;
    send->date_ms = row.last_date_ms;
    send->sender_user_seq = (uint64_t)sender->user_seq;
    send->receiver_user_seq = (uint64_t)receiver.user_seq;
    status = insert_message(conn, send, sender->id, receiver.id, &row);
    if (status == STATUS_OK)
        status = put_dialogs(conn, send, sender->id, receiver.id, &row);
    return status;
}

static enum status run_send(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_send *send = ((struct send_job *)job)->send;
    struct account_row sender;

    enum status status = row_read_account(conn, send->sender.key, &sender);
    if (status == STATUS_UNAVAILABLE)
        return status;
    if (*send->client_message_id != '\0') {
        send->id = message_id_from_client(send->sender.key, send->client_message_id);
        if (status == STATUS_OK)
            status = find_repeated(conn, sender.id, send);
        if (status != STATUS_NOT_FOUND)
            return status;
    } else {
        send->id = id_new();
    }
    return write_message(conn, send, &sender) == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void report_send(struct sqlite_job *job, enum status status)
{
    struct message_send *send = ((struct send_job *)job)->send;

    free(job);
    send->done(send, status);
}

enum status message_sqlite_writes_send(struct message_store *store, struct message_send *send)
{
    struct send_job *job = xcalloc(1, sizeof(*job));

    job->head.run = run_send;
    job->head.done = report_send;
    job->send = send;
    enum status status = sqlite_writer_submit(message_sqlite_handle(store)->writer, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}

/* --- marking as read --------------------------------------------------------------------- */

struct mark_job {
    struct sqlite_job head;
    struct message_mark *mark;
};

static enum status set_read(struct sqlite_conn *conn, int64_t reader, int64_t sender,
                            int64_t in_count, struct message_mark *mark)
{
    sqlite3_stmt *mine =
        sqlite_conn_prepare(conn, "UPDATE dialog SET in_read = ?1, mod = ?2, in_read_mod = ?2"
                                  " WHERE owner = ?3 AND peer = ?4");
    sqlite3_stmt *theirs =
        sqlite_conn_prepare(conn, "UPDATE dialog SET out_read = ?1, mod = ?2, out_read_mod = ?2"
                                  " WHERE owner = ?3 AND peer = ?4");
    int64_t reader_seq = 0, sender_seq = 0;

    if (mine == NULL || theirs == NULL ||
        row_next_user_seq(conn, reader, &reader_seq) != STATUS_OK ||
        row_next_user_seq(conn, sender, &sender_seq) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(mine, 1, in_count);
    sqlite3_bind_int64(mine, 2, reader_seq);
    sqlite3_bind_int64(mine, 3, reader);
    sqlite3_bind_int64(mine, 4, sender);
    sqlite3_bind_int64(theirs, 1, in_count);
    sqlite3_bind_int64(theirs, 2, sender_seq);
    sqlite3_bind_int64(theirs, 3, sender);
    sqlite3_bind_int64(theirs, 4, reader);
    if (sqlite_step(mine) != SQLITE_DONE || sqlite_step(theirs) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    mark->reader_user_seq = (uint64_t)reader_seq;
    mark->sender_user_seq = (uint64_t)sender_seq;
    return STATUS_OK;
}

/* How many of the messages up to a seq were sent by the peer: their number without the owner's. */
static enum status count_received(struct sqlite_conn *conn, const struct dialog_row *row,
                                  int64_t owner, uint64_t up_to_seq, int64_t *count_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT iif(sender = ?2, ?3 - sender_count, sender_count) FROM message"
              " WHERE rowid = ?1");

    *count_out = row->in_count;
    if (up_to_seq == 0 || up_to_seq >= (uint64_t)row->last_seq)
        return STATUS_OK;
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(row->conversation, (int64_t)up_to_seq));
    sqlite3_bind_int64(s, 2, owner);
    sqlite3_bind_int64(s, 3, (int64_t)up_to_seq);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *count_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status == STATUS_NOT_FOUND ? sqlite_conn_note_damage(conn, "a conversation with a hole")
                                      : status;
}

static enum status run_mark(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_mark *mark = ((struct mark_job *)job)->mark;
    struct dialog_row row = { 0 };
    int64_t reader, sender, count;

    enum status status = row_find_account(conn, mark->reader.key, &reader, mark->reader_tag);
    if (status == STATUS_OK)
        status = row_find_account(conn, mark->sender.key, &sender, mark->sender_tag);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, reader, sender, &row);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = count_received(conn, &row, reader, mark->up_to_seq, &count);
    if (status != STATUS_OK)
        return status;
    mark->has_dialog = true;
    mark->newly_read = count > row.in_read ? (uint64_t)(count - row.in_read) : 0;
    return mark->newly_read > 0 ? set_read(conn, reader, sender, count, mark) : STATUS_OK;
}

static void report_mark(struct sqlite_job *job, enum status status)
{
    struct message_mark *mark = ((struct mark_job *)job)->mark;

    free(job);
    mark->done(mark, status);
}

enum status message_sqlite_writes_mark_read(struct message_store *store, struct message_mark *mark)
{
    struct mark_job *job = xcalloc(1, sizeof(*job));

    job->head.run = run_mark;
    job->head.done = report_mark;
    job->mark = mark;
    enum status status = sqlite_writer_submit(message_sqlite_handle(store)->writer, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}
