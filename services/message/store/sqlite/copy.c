#include "services/message/store/sqlite/copy.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

/* --- reading ------------------------------------------------------------------------------- */

static uint64_t column_count(sqlite3_stmt *s, int column)
{
    return (uint64_t)sqlite3_column_int64(s, column);
}

static void read_record(sqlite3_stmt *s, struct dialog_record *record)
{
    *record = (struct dialog_record){
        .last_seq = column_count(s, 4),
        .in_count = column_count(s, 5),
        .out_count = column_count(s, 6),
        .in_read = column_count(s, 7),
        .out_read = column_count(s, 8),
        .last_date_ms = sqlite3_column_int64(s, 9),
        .last_mod = column_count(s, 10),
        .mod = column_count(s, 11),
        .user_seq = column_count(s, 12),
    };
    sqlite_column_copy(s, 13, record->owner_account, sizeof(record->owner_account));
    record->owner_superseded = sqlite3_column_int(s, 14) != 0;
    if (record->in_read > column_count(s, 15))
        record->secret_read = record->in_read;
    sqlite_column_copy(s, 0, record->owner.key, ACCOUNT_NAME_SIZE);
    sqlite_column_copy(s, 1, record->owner.tag, ACCOUNT_NAME_SIZE);
    sqlite_column_copy(s, 2, record->peer.key, ACCOUNT_NAME_SIZE);
    sqlite_column_copy(s, 3, record->peer.tag, ACCOUNT_NAME_SIZE);
}

/* In the order of the index of the keys, from the given dialog on. CROSS JOIN fixes the join order:
 * another one would sort the whole table for each page. */
static const char records_sql[] =
    "SELECT o.key, o.tag, p.key, p.tag, d.last_seq, d.in_count, d.out_count, d.in_read,"
    " d.out_read, d.last_date_ms, d.last_mod, d.mod, o.user_seq,"
    " o.account_id, o.superseded, coalesce((SELECT m.out_read FROM dialog m WHERE m.owner = p.id"
    " AND m.peer = o.id), d.in_read)"
    " FROM account o CROSS JOIN dialog d CROSS JOIN account p"
    " WHERE o.key >= ?1 AND d.owner = o.id AND p.id = d.peer AND (o.key > ?1 OR p.key > ?2)"
    " ORDER BY o.key, p.key LIMIT ?3";

enum status message_sqlite_copy_records(struct message_store *store, const char *after_owner_key,
                                        const char *after_peer_key, size_t max,
                                        struct dialog_record_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = conn != NULL ? sqlite_conn_prepare(conn, records_sql) : NULL;
    int result = SQLITE_ERROR;

    *list_out = (struct dialog_record_list){ .items = xcalloc(max, sizeof(struct dialog_record)) };
    if (s != NULL) {
        sqlite_bind_text(s, 1, after_owner_key);
        sqlite_bind_text(s, 2, after_peer_key);
        sqlite3_bind_int64(s, 3, (sqlite3_int64)max);
        while ((result = sqlite_step(s)) == SQLITE_ROW)
            read_record(s, &list_out->items[list_out->count++]);
    }
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    free(list_out->items);
    *list_out = (struct dialog_record_list){ 0 };
    return STATUS_UNAVAILABLE;
}

/* Both accounts, and the dialog of `key`; STATUS_NOT_FOUND when one of them is missing. */
static enum status find_dialog(struct sqlite_conn *conn, const char *key, const char *other_key,
                               struct dialog_row *row_out)
{
    int64_t owner, peer;

    enum status status = row_find_account(conn, key, &owner, NULL);
    if (status == STATUS_OK)
        status = row_find_account(conn, other_key, &peer, NULL);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, owner, peer, row_out);
    return status;
}

enum status message_sqlite_copy_newest_seq(struct message_store *store, const char *key,
                                           const char *other_key, uint64_t *seq_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    struct dialog_row rows[2] = { { 0 }, { 0 } };

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = find_dialog(conn, key, other_key, &rows[0]);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) /* the newest may be withheld from one */
        status = find_dialog(conn, other_key, key, &rows[1]);
    sqlite_db_give_back(db, conn);
    *seq_out =
        (uint64_t)(rows[0].last_seq > rows[1].last_seq ? rows[0].last_seq : rows[1].last_seq);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status message_sqlite_copy_count(struct message_store *store,
                                      struct message_store_counts *counts_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s = NULL;
    enum status status = STATUS_UNAVAILABLE;

    if (conn != NULL)
        s = sqlite_conn_prepare(
            conn, "SELECT (SELECT count(*) FROM dialog), (SELECT count(*) FROM message),"
                  " (SELECT commits FROM store)");
    if (s != NULL && sqlite_step(s) == SQLITE_ROW) {
        *counts_out = (struct message_store_counts){ column_count(s, 0), column_count(s, 1),
                                                     column_count(s, 2) };
        status = STATUS_OK;
    }
    sqlite3_reset(s);
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
    return status;
}

/* --- dialogs ------------------------------------------------------------------------------- */

struct numbers {
    int64_t last_seq, last_date_ms, in_count, out_count, in_read, out_read, last_mod, mod;
};

/* Makes the dialog or raises its numbers, each that is lower. */
static enum status raise_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                                int64_t conversation, const struct numbers *numbers)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO dialog (owner, peer, conversation, last_seq, last_date_ms, in_count,"
              " out_count, in_read, out_read, last_mod, mod) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
              " ON CONFLICT (owner, peer) DO UPDATE SET"
              " last_seq = max(last_seq, excluded.last_seq),"
              " last_date_ms = max(last_date_ms, excluded.last_date_ms),"
              " in_count = max(in_count, excluded.in_count),"
              " out_count = max(out_count, excluded.out_count),"
              " in_read = max(in_read, excluded.in_read),"
              " out_read = max(out_read, excluded.out_read),"
              " last_mod = max(last_mod, excluded.last_mod),"
              " mod = max(mod, excluded.mod)");
    const int64_t values[] = { owner,
                               peer,
                               conversation,
                               numbers->last_seq,
                               numbers->last_date_ms,
                               numbers->in_count,
                               numbers->out_count,
                               numbers->in_read,
                               numbers->out_read,
                               numbers->last_mod,
                               numbers->mod };

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
        sqlite3_bind_int64(s, i + 1, values[i]);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status raise_user_seq(struct sqlite_conn *conn, int64_t account, uint64_t user_seq)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "UPDATE account SET user_seq = max(user_seq, ?2),"
                                                " untold = max(untold, ?2), run ="
                                                " iif(user_seq = 0, (SELECT run FROM store), run)"
                                                " WHERE id = ?1");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite3_bind_int64(s, 2, (int64_t)user_seq);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* Two users and the number of their conversation. */
struct pair {
    int64_t one, other, conversation;
};

/* Finds or makes the two accounts and their conversation, which is known by the dialogs only. */
static enum status ensure_pair(struct sqlite_conn *conn, const struct message_user *one,
                               const struct message_user *other, struct pair *pair_out)
{
    struct dialog_row row = { 0 };

    enum status status = row_ensure_account(conn, one, &pair_out->one);
    if (status == STATUS_OK)
        status = row_ensure_account(conn, other, &pair_out->other);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, pair_out->one, pair_out->other, &row);
    if (status == STATUS_NOT_FOUND)
        status = row_find_dialog(conn, pair_out->other, pair_out->one, &row);
    if (status == STATUS_NOT_FOUND)
        status = row_new_conversation(conn, &row.conversation);
    pair_out->conversation = row.conversation;
    return status;
}

static enum status import_claim(struct sqlite_conn *conn, int64_t account,
                                const struct dialog_record *record)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "UPDATE account SET account_id = ?2, superseded = ?3"
                                  " WHERE id = ?1 AND account_id IS NULL");

    if (*record->owner_account == '\0')
        return STATUS_OK;
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, account);
    sqlite_bind_text(s, 2, record->owner_account);
    sqlite3_bind_int64(s, 3, record->owner_superseded);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

struct dialogs_job {
    struct sqlite_job head;
    const struct dialog_record *records;
    size_t count;
};

static enum status import_dialog(struct sqlite_conn *conn, const struct dialog_record *record)
{
    const struct numbers numbers = {
        .last_seq = (int64_t)record->last_seq,
        .last_date_ms = record->last_date_ms,
        .in_count = (int64_t)record->in_count,
        .out_count = (int64_t)record->out_count,
        .in_read = (int64_t)record->in_read,
        .out_read = (int64_t)record->out_read,
        .last_mod = (int64_t)record->last_mod,
        .mod = (int64_t)record->mod,
    };
    struct pair pair;

    enum status status = ensure_pair(conn, &record->owner, &record->peer, &pair);
    if (status == STATUS_OK)
        status = raise_dialog(conn, pair.one, pair.other, pair.conversation, &numbers);
    if (status == STATUS_OK)
        status = raise_user_seq(conn, pair.one, record->user_seq);
    if (status == STATUS_OK)
        status = import_claim(conn, pair.one, record);
    return status;
}

static enum status run_import_dialogs(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct dialogs_job *job = (const struct dialogs_job *)head;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < job->count && status == STATUS_OK; i++)
        status = import_dialog(conn, &job->records[i]);
    return status;
}

enum status message_sqlite_copy_import_dialogs(struct message_store *store,
                                               const struct dialog_record *records, size_t count)
{
    struct dialogs_job job = { { .run = run_import_dialogs }, records, count };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
}

/* --- messages ------------------------------------------------------------------------------ */

struct messages_job {
    struct sqlite_job head;
    const struct message_list *messages;
    struct message_user one, other; /* the sender and the receiver of the newest */
    bool *is_there;                 /* of each */
};

/* What has the message's place: STATUS_NOT_FOUND nothing, STATUS_OK itself, STATUS_CONFLICT. */
static enum status find_at_place(struct sqlite_conn *conn, int64_t conversation,
                                 const struct message *message)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT m.id, a.key, m.date_ms, m.sender_count, m.text"
              " FROM message m JOIN account a ON a.id = m.sender WHERE m.rowid = ?");
    char sender_key[ACCOUNT_NAME_SIZE];

    if (s == NULL || !account_name_to_key(message->sender_tag, sender_key))
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(conversation, (int64_t)message->seq));
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK &&
        (sqlite3_column_bytes(s, 0) != ID_BYTES ||
         memcmp(sqlite3_column_blob(s, 0), message->id.bytes, ID_BYTES) != 0 ||
         strcmp(sqlite_column_text_or_empty(s, 1), sender_key) != 0 ||
         sqlite3_column_int64(s, 2) != message->date_ms ||
         column_count(s, 3) != message->sender_count ||
         !message_text_agrees(sqlite_column_text_or_empty(s, 4), message->text)))
        status = STATUS_CONFLICT;
    sqlite3_reset(s);
    return status;
}

/* Of the sender's messages none may have it. */
static enum status check_id_is_free(struct sqlite_conn *conn, const struct message *message)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT 1 FROM account a JOIN message m ON m.sender = a.id"
                                  " WHERE a.key = ? AND m.id = ?");
    char sender_key[ACCOUNT_NAME_SIZE];

    if (s == NULL || !account_name_to_key(message->sender_tag, sender_key))
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, sender_key);
    sqlite3_bind_blob(s, 2, message->id.bytes, ID_BYTES, SQLITE_STATIC);
    enum status status = row_status(sqlite_step(s));
    sqlite3_reset(s);
    if (status == STATUS_OK)
        return STATUS_CONFLICT;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Before anything is written: a job that ends with STATUS_CONFLICT must not have. */
static enum status check_places(struct sqlite_conn *conn, struct messages_job *job)
{
    const struct message_list *messages = job->messages;
    struct dialog_row row = { 0 };

    enum status status = find_dialog(conn, job->one.key, job->other.key, &row);
    if (status == STATUS_NOT_FOUND)
        status = find_dialog(conn, job->other.key, job->one.key, &row);
    bool has_conversation = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    for (size_t i = 0; i < messages->count && status == STATUS_OK; i++) {
        const struct message *message = &messages->items[i];
        status =
            has_conversation ? find_at_place(conn, row.conversation, message) : STATUS_NOT_FOUND;
        job->is_there[i] = status == STATUS_OK;
        if (status == STATUS_NOT_FOUND)
            status = check_id_is_free(conn, message);
    }
    return status;
}

static enum status insert_message(struct sqlite_conn *conn, const struct message *message,
                                  const struct pair *pair, bool by_one)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO message (rowid, id, sender, receiver, date_ms, sender_count, text)"
              " VALUES (?,?,?,?,?,?,?)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(pair->conversation, (int64_t)message->seq));
    sqlite3_bind_blob(s, 2, message->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, by_one ? pair->one : pair->other);
    sqlite3_bind_int64(s, 4, by_one ? pair->other : pair->one);
    sqlite3_bind_int64(s, 5, message->date_ms);
    sqlite3_bind_int64(s, 6, (int64_t)message->sender_count);
    sqlite_bind_text(s, 7, message->text);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* As of one of its messages that is withheld. */
static enum status import_withheld(struct sqlite_conn *conn, const struct message *message,
                                   const struct pair *pair, bool by_one)
{
    int64_t sender = by_one ? pair->one : pair->other, receiver = by_one ? pair->other : pair->one;

    enum status status = withheld_insert(conn, pair->conversation, (int64_t)message->seq, receiver,
                                         (int64_t)message->sender_count);
    return status == STATUS_OK
               ? relation_rows_note_withheld(conn, receiver, sender, (int64_t)message->seq)
               : status;
}

/* The dialogs as of the newest message that each of the two sees, but for what only a dialog
 * knows. */
static enum status raise_to(struct sqlite_conn *conn, const struct pair *pair,
                            const struct message *newest, bool by_one, bool of_one)
{
    int64_t sent = (int64_t)newest->sender_count, other = (int64_t)newest->seq - sent;
    struct numbers numbers = { .last_seq = (int64_t)newest->seq,
                               .last_date_ms = newest->date_ms,
                               .in_count = by_one == of_one ? other : sent,
                               .out_count = by_one == of_one ? sent : other };

    return raise_dialog(conn, of_one ? pair->one : pair->other, of_one ? pair->other : pair->one,
                        pair->conversation, &numbers);
}

/* The messages are in order, the newest first. */
static enum status raise_both(struct sqlite_conn *conn, const struct messages_job *job,
                              const struct pair *pair)
{
    enum status status = STATUS_OK;

    for (int of_one = 0; of_one <= 1 && status == STATUS_OK; of_one++) {
        for (size_t i = 0; i < job->messages->count; i++) {
            const struct message *message = &job->messages->items[i];
            bool by_one = account_name_same(message->sender_tag, job->one.tag);
            if (message->is_withheld && by_one != of_one)
                continue;
            status = raise_to(conn, pair, message, by_one, of_one);
            break;
        }
    }
    return status;
}

static enum status import_message(struct sqlite_conn *conn, const struct message *message,
                                  const struct pair *pair, bool by_one)
{
    enum status status = insert_message(conn, message, pair, by_one);

    return status == STATUS_OK && message->is_withheld
               ? import_withheld(conn, message, pair, by_one)
               : status;
}

static enum status run_import(struct sqlite_job *head, struct sqlite_conn *conn)
{
    struct messages_job *job = (struct messages_job *)head;
    const struct message_list *messages = job->messages;
    struct pair pair = { 0 };

    enum status status = check_places(conn, job);
    if (status != STATUS_OK)
        return status;
    status = ensure_pair(conn, &job->one, &job->other, &pair);
    for (size_t i = messages->count; i-- > 0 && status == STATUS_OK;) {
        const struct message *message = &messages->items[i];
        if (!job->is_there[i])
            status = import_message(conn, message, &pair,
                                    account_name_same(message->sender_tag, job->one.tag));
    }
    if (status == STATUS_OK)
        status = raise_both(conn, job, &pair);
    return status;
}

enum status message_sqlite_copy_import(struct message_store *store,
                                       const struct message_list *messages)
{
    struct messages_job job = { { .run = run_import }, messages, { "", "" }, { "", "" }, NULL };
    const struct message *newest = &messages->items[0];

    if (!message_user_set(&job.one, newest->sender_tag) ||
        !message_user_set(&job.other, newest->receiver_tag))
        return STATUS_INVALID_ARGUMENT;
    job.is_there = xcalloc(messages->count, sizeof(bool));
    enum status status = sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
    free(job.is_there);
    return status;
}
