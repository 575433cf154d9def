#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/memory.h"
#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_writer.h"
#include "services/message/store/sqlite/changes.h"
#include "services/message/store/sqlite/copy.h"
#include "services/message/store/sqlite/rows.h"
#include "services/message/store/message_store_kind.h"

enum { WRITES_MOST = 16384 };

/*
 * Keys are small integers: an account's number for a tag, a conversation's number for a pair, and
 * a message's rowid is (conversation << 32) + seq, so that a conversation lies together in the
 * tree and a page of it is one range. Ids are random, but those of a sender lie together: who sends
 * again needs the same pages again, however many messages there are.
 */
static const char *const migrations[] = {
    "CREATE TABLE account ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE,"
    "  tag TEXT NOT NULL,"
    "  user_seq INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE conversation (id INTEGER PRIMARY KEY);"
    "CREATE TABLE message ("
    "  rowid INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL,"
    "  sender INTEGER NOT NULL,"
    "  receiver INTEGER NOT NULL,"
    "  date_ms INTEGER NOT NULL,"
    "  sender_count INTEGER NOT NULL,"
    "  text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX message_id ON message (id);"
    "CREATE TABLE dialog ("
    "  owner INTEGER NOT NULL,"
    "  peer INTEGER NOT NULL,"
    "  conversation INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  last_date_ms INTEGER NOT NULL,"
    "  last_mod INTEGER NOT NULL," /* the owner's user sequence at the last message */
    "  in_count INTEGER NOT NULL,"
    "  out_count INTEGER NOT NULL,"
    "  in_read INTEGER NOT NULL,"
    "  out_read INTEGER NOT NULL,"
    "  mod INTEGER NOT NULL," /* the owner's user sequence at the last change */
    "  PRIMARY KEY (owner, peer)) WITHOUT ROWID;",
    /* What message_changes_sqlite.h needs. What was there before has no place in a sequence. */
    "ALTER TABLE message ADD COLUMN sender_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN receiver_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN in_read_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN out_read_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN profile_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN profile_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN profile_revision INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
    "UPDATE account SET untold = user_seq;"
    "CREATE TABLE store (epoch TEXT NOT NULL);"
    "INSERT INTO store (epoch) VALUES (lower(hex(randomblob(8))));",
    "DROP INDEX message_id;"
    "CREATE UNIQUE INDEX message_sender_id ON message (sender, id);",
};

struct store {
    struct message_store head;
    struct sqlite_db *db;
    struct sqlite_writer *writer;
};

static struct store *in(struct message_store *store)
{
    return (struct store *)store;
}

static void on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    sqlite_writer_on_reported(in(store)->writer, reported, ctx);
}

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
    row_bind_text(s, 7, send->text);
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

static enum status send_message(struct message_store *store, struct message_send *send)
{
    struct send_job *job = xcalloc(1, sizeof(*job));

    job->head.run = run_send;
    job->head.done = report_send;
    job->send = send;
    enum status status = sqlite_writer_submit(in(store)->writer, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}

/* --- reading marks ----------------------------------------------------------------------- */

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

static enum status run_mark(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_mark *mark = ((struct mark_job *)job)->mark;
    struct dialog_row row = { 0 };
    int64_t reader, sender;

    enum status status = row_find_account(conn, mark->reader.key, &reader, mark->reader_tag);
    if (status == STATUS_OK)
        status = row_find_account(conn, mark->sender.key, &sender, mark->sender_tag);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, reader, sender, &row);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    mark->has_dialog = true;
    mark->newly_read = (uint64_t)(row.in_count - row.in_read);
    return mark->newly_read > 0 ? set_read(conn, reader, sender, row.in_count, mark) : STATUS_OK;
}

static void report_mark(struct sqlite_job *job, enum status status)
{
    struct message_mark *mark = ((struct mark_job *)job)->mark;

    free(job);
    mark->done(mark, status);
}

static enum status mark_read(struct message_store *store, struct message_mark *mark)
{
    struct mark_job *job = xcalloc(1, sizeof(*job));

    job->head.run = run_mark;
    job->head.done = report_mark;
    job->mark = mark;
    enum status status = sqlite_writer_submit(in(store)->writer, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}

/* --- reads ------------------------------------------------------------------------------- */

static enum status read_dialogs(struct sqlite_conn *conn, const char *owner_key, uint32_t start,
                                uint32_t most, struct dialog_list *list)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT " ROW_DIALOG_COLUMNS
              " FROM (SELECT * FROM dialog WHERE owner = ?1 ORDER BY last_mod DESC"
              "       LIMIT ?2 OFFSET ?3) d"
              " JOIN account a ON a.id = d.peer"
              " JOIN message m ON m.rowid = (d.conversation << 32) + d.last_seq"
              " ORDER BY d.last_mod DESC");
    char owner_tag[TAG_SIZE];
    int64_t owner;
    int result = SQLITE_DONE;

    enum status status = row_find_account(conn, owner_key, &owner, owner_tag);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK || s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, most);
    sqlite3_bind_int64(s, 3, start);
    while (list->count < most && (result = sqlite_step(s)) == SQLITE_ROW)
        row_read_dialog(s, owner_key, owner_tag, &list->items[list->count++]);
    sqlite3_reset(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status dialogs(struct message_store *store, const char *owner_key, uint32_t start,
                           uint32_t end, struct dialog_list *list_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(in(store)->db);

    *list_out = (struct dialog_list){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    list_out->items = xcalloc(end - start, sizeof(struct dialog));
    enum status status = read_dialogs(conn, owner_key, start, end - start, list_out);
    sqlite_db_give_back(in(store)->db, conn);
    if (status != STATUS_OK)
        dialog_list_finish(list_out);
    return status;
}

static enum status read_messages(struct sqlite_conn *conn, const char *owner_key,
                                 const char *peer_key, struct message_range range,
                                 struct message_list *list)
{
    char owner_tag[TAG_SIZE], peer_tag[TAG_SIZE];
    struct dialog_row row;
    int64_t owner, peer;
    int result;

    enum status status = row_find_account(conn, owner_key, &owner, owner_tag);
    if (status == STATUS_OK)
        status = row_find_account(conn, peer_key, &peer, peer_tag);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, owner, peer, &row);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    if (range.newest_seq > 0 && (int64_t)range.newest_seq < row.last_seq)
        row.last_seq = (int64_t)range.newest_seq;
    int64_t newest = row.last_seq - range.start, oldest = row.last_seq - range.end + 1;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn,
        "SELECT " ROW_MESSAGE_COLUMNS("?3") " FROM message m"
                                            " WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid DESC");
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    if (newest < 1)
        return STATUS_OK;
    sqlite3_bind_int64(s, 1, row_message_rowid(row.conversation, oldest > 1 ? oldest : 1));
    sqlite3_bind_int64(s, 2, row_message_rowid(row.conversation, newest));
    sqlite3_bind_int64(s, 3, owner);
    while ((result = sqlite_step(s)) == SQLITE_ROW)
        row_read_message(s, owner_tag, peer_tag, &row, &list->items[list->count++]);
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status messages(struct message_store *store, const char *owner_key,
                            const char *peer_key, struct message_range range,
                            struct message_list *list_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(in(store)->db);

    *list_out = (struct message_list){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    list_out->items = xcalloc(range.end - range.start, sizeof(struct message));
    /* One snapshot for the counts and the messages. */
    enum status status = sqlite_conn_exec(conn, "BEGIN");
    if (status == STATUS_OK) {
        status = read_messages(conn, owner_key, peer_key, range, list_out);
        if (sqlite_conn_exec(conn, "COMMIT") != STATUS_OK)
            status = STATUS_UNAVAILABLE;
    }
    sqlite_db_give_back(in(store)->db, conn);
    if (status != STATUS_OK)
        message_list_finish(list_out);
    return status;
}

static enum status contacts(struct message_store *store, const char *owner_key,
                            struct message_contacts *contacts_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(in(store)->db);
    size_t capacity = 0;
    int result = SQLITE_ERROR;

    *contacts_out = (struct message_contacts){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT p.key FROM account o JOIN dialog d ON d.owner = o.id"
                                  " JOIN account p ON p.id = d.peer WHERE o.key = ?");
    if (s != NULL) {
        row_bind_text(s, 1, owner_key);
        while ((result = sqlite_step(s)) == SQLITE_ROW) {
            contacts_out->keys =
                array_reserve(contacts_out->keys, contacts_out->count, &capacity, TAG_SIZE);
            row_copy_text(s, 0, contacts_out->keys[contacts_out->count++], TAG_SIZE);
        }
    }
    sqlite_db_give_back(in(store)->db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    message_contacts_finish(contacts_out);
    return STATUS_UNAVAILABLE;
}

/* --- what a user has missed -------------------------------------------------------------- */

static enum status epoch(struct message_store *store, char *epoch_out)
{
    return changes_sqlite_epoch(in(store)->db, epoch_out);
}

static enum status changes(struct message_store *store, const char *owner_key,
                           struct change_range range, struct change_list *list_out)
{
    return changes_sqlite_read(in(store)->db, owner_key, range, list_out);
}

static enum status positions(struct message_store *store, const char (*keys)[TAG_SIZE],
                             size_t count, uint64_t *positions_out)
{
    return changes_sqlite_positions(in(store)->db, keys, count, positions_out);
}

static enum status note_profile(struct message_store *store, struct message_profile *profile)
{
    return changes_sqlite_note_profile(in(store)->writer, profile);
}

/* --- copies ------------------------------------------------------------------------------ */

static enum status records(struct message_store *store, const char *after_owner_key,
                           const char *after_peer_key, size_t most,
                           struct dialog_record_list *list_out)
{
    return copy_sqlite_records(in(store)->db, after_owner_key, after_peer_key, most, list_out);
}

static enum status newest_seq(struct message_store *store, const char *key, const char *other_key,
                              uint64_t *seq_out)
{
    return copy_sqlite_newest_seq(in(store)->db, key, other_key, seq_out);
}

static enum status import(struct message_store *store, const struct message_list *messages)
{
    return copy_sqlite_import(in(store)->writer, messages);
}

static enum status import_dialogs(struct message_store *store, const struct dialog_record *records,
                                  size_t count)
{
    return copy_sqlite_import_dialogs(in(store)->writer, records, count);
}

static enum status count(struct message_store *store, struct message_store_counts *counts_out)
{
    return copy_sqlite_count(in(store)->db, counts_out);
}

/* --- life -------------------------------------------------------------------------------- */

static void close_store(struct message_store *store)
{
    sqlite_writer_stop(&in(store)->writer);
    sqlite_db_close(&in(store)->db);
    free(store);
}

static enum status open_store(const char *url, struct message_store **store_out)
{
    struct store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &message_store_sqlite;
    enum status status = sqlite_db_open(url + strlen("sqlite://"), migrations,
                                        sizeof(migrations) / sizeof(migrations[0]), &store->db);
    if (status == STATUS_OK)
        status = sqlite_writer_start(store->db, WRITES_MOST, &store->writer);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    *store_out = &store->head;
    return STATUS_OK;
}

const struct message_store_kind message_store_sqlite = {
    .scheme = "sqlite",
    .open = open_store,
    .close = close_store,
    .on_reported = on_reported,
    .send = send_message,
    .mark_read = mark_read,
    .dialogs = dialogs,
    .messages = messages,
    .contacts = contacts,
    .epoch = epoch,
    .changes = changes,
    .positions = positions,
    .note_profile = note_profile,
    .records = records,
    .newest_seq = newest_seq,
    .import = import,
    .import_dialogs = import_dialogs,
    .count = count,
};
