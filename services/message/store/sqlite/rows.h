#ifndef MESSAGE_STORE_SQLITE_ROWS_H
#define MESSAGE_STORE_SQLITE_ROWS_H

#include "services/common/store/sqlite_db.h"
#include "services/message/store/message_data.h"
#include "services/message/store/sqlite/relation_rows.h"
#include "services/message/store/sqlite/withheld.h"

/* Rows of accounts and dialogs, for the statements of this folder. All functions return
 * STATUS_UNAVAILABLE when the store fails, and run inside a transaction of the caller.
 */

/* One owner's view of a conversation, without its owner and peer. */
struct dialog_row {
    int64_t conversation, last_seq, last_date_ms;
    int64_t in_count, out_count, in_read, out_read;
};

/* The account's number and, unless NULL, its tag as typed (ACCOUNT_NAME_SIZE). STATUS_NOT_FOUND. */
enum status row_find_account(struct sqlite_conn *conn, const char *key, int64_t *id_out,
                             char *tag_out) MUST_CHECK;

/* Finds or inserts the account. */
enum status row_ensure_account(struct sqlite_conn *conn, const struct message_user *user,
                               int64_t *id_out) MUST_CHECK;

/* Takes the next user sequence of an account that exists. */
enum status row_next_user_seq(struct sqlite_conn *conn, int64_t account,
                              int64_t *seq_out) MUST_CHECK;

/* An account's number, 0 while there is none, and its user sequence. */
struct account_row {
    int64_t id, user_seq;
    bool in_run; /* it has had changes in this run (lineage.h) */
};

/* STATUS_NOT_FOUND, with zeros. */
enum status row_read_account(struct sqlite_conn *conn, const char *key,
                             struct account_row *row_out) MUST_CHECK;

/* Takes the next user sequence of the row that row_read_account has read in this transaction;
 * inserts the account if there was none. */
enum status row_advance_account(struct sqlite_conn *conn, const struct message_user *user,
                                struct account_row *row) MUST_CHECK;

/* STATUS_NOT_FOUND. */
enum status row_find_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                            struct dialog_row *row_out) MUST_CHECK;

/* The same conversation, as the other user sees it. */
struct dialog_row row_mirror(const struct dialog_row *row);

/* Inserts the dialog, or updates it after a message; the read counts of an existing one do not
 * change. `mod` is the owner's user sequence of the change. */
enum status row_put_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                           const struct dialog_row *row, int64_t mod) MUST_CHECK;

/* Inserts a conversation. */
enum status row_new_conversation(struct sqlite_conn *conn, int64_t *conversation_out) MUST_CHECK;

/* The row id of a message: those of a conversation are adjacent, in the order of seq. */
int64_t row_message_rowid(int64_t conversation, int64_t seq);

/* The columns of a message `m`, for row_read_message; `owner` is SQL for the reader's number. The
 * other is that of messages which nothing is withheld of, and cheaper. */
#define ROW_MESSAGE_COLUMNS(owner)                                                                 \
    "m.rowid, m.id, m.date_ms, m.sender_count, m.text, m.sender = " owner ", " WITHHELD_RECEIVER
#define ROW_SHARED_MESSAGE_COLUMNS(owner)                                                          \
    "m.rowid, m.id, m.date_ms, m.sender_count, m.text, m.sender = " owner ", NULL"
enum { ROW_MESSAGE_COLUMN_COUNT = 7 };

/* The seq of that message. */
int64_t row_message_seq(sqlite3_stmt *statement);

/* The message is withheld from the reader. */
bool row_is_withheld_from_reader(sqlite3_stmt *statement);

/* `row`: the read counts of the conversation. `seq` is that of the store. The caller frees the
 * text. */
void row_read_message(sqlite3_stmt *statement, const char *owner_tag, const char *peer_tag,
                      const struct dialog_row *row, struct message *message_out);

/* The columns of a dialog `d` of the accounts `o` and `p` (RELATION_JOINS), and its last message
 * `m`. */
#define ROW_DIALOG_COLUMNS                                                                         \
    ROW_MESSAGE_COLUMNS("d.owner")                                                                 \
    ", d.in_count, d.out_count, d.in_read, d.out_read, p.tag, p.key, " RELATION_COLUMNS            \
    ", " WITHHELD_COLUMNS

/* False when the account or the message of an outer join is missing. */
bool row_has_dialog(sqlite3_stmt *statement);

void row_read_dialog(sqlite3_stmt *statement, const char *owner_key, const char *owner_tag,
                     struct dialog *dialog_out);

/* SQLITE_ROW is STATUS_OK, SQLITE_DONE is STATUS_NOT_FOUND, anything else the store's failure. */
enum status row_status(int result);

#endif
