#include "services/message/store/sqlite/writes.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/relation_rows.h"
#include "services/message/store/sqlite/rows.h"
#include "services/message/store/sqlite/withheld.h"

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
        conn, "SELECT m.rowid, m.date_ms, m.sender_count, m.text, a.key, d.out_read,"
              " " WITHHELD_RECEIVER " IS NOT NULL, (SELECT count(*) FROM withheld w WHERE"
              " w.conversation = m.rowid >> 32 AND w.receiver = m.sender"
              " AND w.seq < m.rowid & 4294967295)"
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
        send->withheld = sqlite3_column_int(s, 6) != 0;
        send->seq = (uint64_t)(row_message_seq(s) - sqlite3_column_int64(s, 7));
        send->date_ms = sqlite3_column_int64(s, 1);
        send->is_read = !send->withheld && sqlite3_column_int64(s, 2) <= sqlite3_column_int64(s, 5);
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

/* The sender's dialog as of the conversation's newest message, which may be withheld from the
 * sender, and so be in the receiver's only. STATUS_NOT_FOUND: there is no message. */
static enum status find_newest(struct sqlite_conn *conn, int64_t sender, int64_t receiver,
                               const struct relation_rows *relations, struct dialog_row *row_out)
{
    struct dialog_row theirs;

    *row_out = (struct dialog_row){ 0 };
    enum status status = row_find_dialog(conn, sender, receiver, row_out);
    if ((status != STATUS_OK && status != STATUS_NOT_FOUND) ||
        relations->withheld_from_me <= row_out->last_seq)
        return status;
    status = row_find_dialog(conn, receiver, sender, &theirs);
    if (status == STATUS_OK)
        *row_out = row_mirror(&theirs);
    return status;
}

/* The same with this message counted. */
static enum status count_message(struct sqlite_conn *conn, const struct message_send *send,
                                 int64_t sender, int64_t receiver,
                                 const struct relation_rows *relations, struct dialog_row *row_out)
{
    enum status status = find_newest(conn, sender, receiver, relations, row_out);

    if (status == STATUS_NOT_FOUND)
        status = row_new_conversation(conn, &row_out->conversation);
    row_out->last_seq++;
    row_out->out_count++;
    if (send->now_ms > row_out->last_date_ms)
        row_out->last_date_ms = send->now_ms;
    return status;
}

/* The seq of each of the two. */
static enum status count_as_seen(struct sqlite_conn *conn, struct message_send *send,
                                 int64_t sender, int64_t receiver, const struct dialog_row *row,
                                 const struct relation_rows *relations)
{
    int64_t from_sender = 0, from_receiver = 0;
    enum status status = STATUS_OK;

    if (relations->withheld_from_me > 0)
        status = withheld_count(conn, row->conversation, sender, row->last_seq, &from_sender);
    if (status == STATUS_OK && relations->withheld_from_them > 0)
        status = withheld_count(conn, row->conversation, receiver, row->last_seq, &from_receiver);
    send->seq = (uint64_t)(row->last_seq - from_sender);
    send->receiver_seq = (uint64_t)(row->last_seq - from_receiver);
    return status;
}

static enum status withhold(struct sqlite_conn *conn, int64_t sender, int64_t receiver,
                            const struct dialog_row *row)
{
    enum status status =
        withheld_insert(conn, row->conversation, row->last_seq, receiver, row->out_count);

    return status == STATUS_OK ? relation_rows_note_withheld(conn, receiver, sender, row->last_seq)
                               : status;
}

/* Both dialogs; of a message that is withheld, the sender's only. */
static enum status put_dialogs(struct sqlite_conn *conn, const struct message_send *send,
                               int64_t sender, int64_t receiver, const struct dialog_row *row)
{
    struct dialog_row mirror = row_mirror(row);

    enum status status =
        row_put_dialog(conn, sender, receiver, row, (int64_t)send->sender_user_seq);
    if (status == STATUS_OK && send->withheld)
        return withhold(conn, sender, receiver, row);
    if (status == STATUS_OK)
        status = row_put_dialog(conn, receiver, sender, &mirror, (int64_t)send->receiver_user_seq);
    return status;
}

static void note_relation(struct message_send *send, const struct relation_rows *relations,
                          const struct dialog_row *row)
{
    send->is_first = row->out_count == 1;
    send->relation = (struct relation){ .mine = relations->mine,
                                        .theirs = relations->theirs,
                                        .i_wrote = true,
                                        .they_wrote = row->in_count > 0 };
}

/* A message that is withheld takes no number of the receiver, but has the last one, so that the
 * numbers of a conversation increase (changes.c). */
static enum status take_receiver_number(struct sqlite_conn *conn, const struct message_send *send,
                                        struct account_row *receiver)
{
    enum status status = row_read_account(conn, send->receiver.key, receiver);

    if ((status != STATUS_OK && status != STATUS_NOT_FOUND) || send->withheld)
        return status;
    return row_advance_account(conn, &send->receiver, receiver);
}

static enum status write_message(struct sqlite_conn *conn, struct message_send *send,
                                 struct account_row *sender, const struct relation_rows *relations)
{
    struct account_row receiver;
    struct dialog_row row;

    enum status status = row_advance_account(conn, &send->sender, sender);
    /* After the sender's account is written, for it may be the same. */
    if (status == STATUS_OK)
        status = take_receiver_number(conn, send, &receiver);
    if (status == STATUS_OK)
        status = count_message(conn, send, sender->id, receiver.id, relations, &row);
    if (status == STATUS_OK)
        status = count_as_seen(conn, send, sender->id, receiver.id, &row, relations);
    if (status != STATUS_OK)
        return status;
    note_relation(send, relations, &row);
    send->date_ms = row.last_date_ms;
    send->sender_user_seq = (uint64_t)sender->user_seq;
    send->receiver_user_seq = (uint64_t)receiver.user_seq;
    status = insert_message(conn, send, sender->id, receiver.id, &row);
    if (status == STATUS_OK)
        status = put_dialogs(conn, send, sender->id, receiver.id, &row);
    if (send->withheld)
        send->receiver_user_seq = 0;
    return status;
}

/* Those of an account that does not exist are zero. */
static enum status find_relations(struct sqlite_conn *conn, const struct message_send *send,
                                  const struct account_row *sender, struct relation_rows *rows_out)
{
    int64_t receiver = 0;

    *rows_out = (struct relation_rows){ 0 };
    if (sender->id == 0)
        return STATUS_OK;
    enum status status = row_find_account(conn, send->receiver.key, &receiver, NULL);
    if (status == STATUS_OK)
        status = relation_rows_find(conn, sender->id, receiver, rows_out);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status run_send(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_send *send = ((struct send_job *)job)->send;
    struct relation_rows relations;
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
    if (find_relations(conn, send, &sender, &relations) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    if (relations.mine == RELATION_BLOCKED)
        return STATUS_FORBIDDEN;
    send->withheld = relations.theirs == RELATION_BLOCKED;
    return write_message(conn, send, &sender, &relations) == STATUS_OK ? STATUS_OK
                                                                       : STATUS_UNAVAILABLE;
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

/* One of the two dialogs. */
static enum status write_mark(struct sqlite_conn *conn, const char *sql, int64_t owner,
                              int64_t peer, int64_t count, uint64_t *user_seq_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql);
    int64_t user_seq = 0;

    if (s == NULL || row_next_user_seq(conn, owner, &user_seq) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, count);
    sqlite3_bind_int64(s, 2, user_seq);
    sqlite3_bind_int64(s, 3, owner);
    sqlite3_bind_int64(s, 4, peer);
    *user_seq_out = (uint64_t)user_seq;
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status set_read(struct sqlite_conn *conn, int64_t reader, int64_t sender,
                            int64_t in_count, bool is_shown, struct message_mark *mark)
{
    enum status status = write_mark(conn,
                                    "UPDATE dialog SET in_read = ?1, mod = ?2, in_read_mod = ?2"
                                    " WHERE owner = ?3 AND peer = ?4",
                                    reader, sender, in_count, &mark->reader_user_seq);

    if (status != STATUS_OK || !is_shown)
        return status;
    return write_mark(conn,
                      "UPDATE dialog SET out_read = ?1, mod = ?2, out_read_mod = ?2"
                      " WHERE owner = ?3 AND peer = ?4",
                      sender, reader, in_count, &mark->sender_user_seq);
}

/* How many of the messages up to a seq, as the owner counts, were sent by the peer: their number
 * without the owner's. */
static enum status count_received(struct sqlite_conn *conn, const struct dialog_row *row,
                                  int64_t owner, bool is_withheld, uint64_t up_to_seq,
                                  int64_t *count_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT iif(sender = ?2, ?3 - sender_count, sender_count) FROM message"
              " WHERE rowid = ?1");
    int64_t seq = (int64_t)up_to_seq;
    enum status status = STATUS_OK;

    *count_out = row->in_count;
    if (up_to_seq == 0 || up_to_seq >= (uint64_t)row->last_seq)
        return STATUS_OK;
    if (is_withheld)
        status = withheld_to_stored(conn, row->conversation, owner, seq, &seq);
    if (s == NULL || status != STATUS_OK)
        return STATUS_UNAVAILABLE;
    if (seq >= row->last_seq)
        return STATUS_OK;
    sqlite3_bind_int64(s, 1, row_message_rowid(row->conversation, seq));
    sqlite3_bind_int64(s, 2, owner);
    sqlite3_bind_int64(s, 3, seq);
    status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *count_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status == STATUS_NOT_FOUND ? sqlite_conn_note_damage(conn, "a conversation with a hole")
                                      : status;
}

/* Two users, one of whom has read messages of the other. */
struct reading {
    int64_t reader, sender;
    struct dialog_row row; /* the reader's */
    struct relation_rows relations;
    bool is_shown; /* the sender may see it */
};

/* STATUS_NOT_FOUND: there is no dialog. */
static enum status find_reading(struct sqlite_conn *conn, struct message_mark *mark,
                                struct reading *reading)
{
    struct relation relation;

    enum status status =
        row_find_account(conn, mark->reader.key, &reading->reader, mark->reader_tag);
    if (status == STATUS_OK)
        status = row_find_account(conn, mark->sender.key, &reading->sender, mark->sender_tag);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, reading->reader, reading->sender, &reading->row);
    if (status == STATUS_OK)
        status = relation_rows_find(conn, reading->reader, reading->sender, &reading->relations);
    if (status == STATUS_OK)
        status = relation_rows_describe(conn, mark->reader.key, mark->sender.key, &relation);
    if (status == STATUS_OK)
        reading->is_shown = relation_they_see_my_marks(&relation, mark->consent);
    return status;
}

static enum status run_mark(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_mark *mark = ((struct mark_job *)job)->mark;
    struct reading reading = { 0 };
    int64_t count, withheld = 0;

    enum status status = find_reading(conn, mark, &reading);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    bool is_withheld = reading.relations.withheld_from_me > 0;
    if (status == STATUS_OK)
        status = count_received(conn, &reading.row, reading.reader, is_withheld, mark->up_to_seq,
                                &count);
    if (status == STATUS_OK && is_withheld)
        status = withheld_count_sent(conn, reading.row.conversation, reading.reader,
                                     reading.row.in_read, count, &withheld);
    if (status != STATUS_OK)
        return status;
    int64_t newly_read = count - reading.row.in_read - withheld;
    mark->has_dialog = true;
    mark->newly_read = newly_read > 0 ? (uint64_t)newly_read : 0;
    return newly_read > 0
               ? set_read(conn, reading.reader, reading.sender, count, reading.is_shown, mark)
               : STATUS_OK;
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
