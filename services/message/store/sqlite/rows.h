#ifndef MESSAGE_STORE_SQLITE_ROWS_H
#define MESSAGE_STORE_SQLITE_ROWS_H

#include "services/common/store/sqlite_db.h"
#include "services/message/store/message_data.h"

/*
 * The rows that the SQLite store's statements share: accounts and dialogs. All return
 * STATUS_UNAVAILABLE when the store fails, and belong into a transaction of the caller.
 */

/* One owner's view of a conversation, without its owner and peer. */
struct dialog_row {
    int64_t conversation, last_seq, last_date_ms;
    int64_t in_count, out_count, in_read, out_read;
};

/* The account's number and, unless NULL, its tag as typed (TAG_SIZE). STATUS_NOT_FOUND. */
enum status row_find_account(struct sqlite_conn *conn, const char *key, int64_t *id_out,
                             char *tag_out) MUST_CHECK;

/* Finds or makes it. */
enum status row_ensure_account(struct sqlite_conn *conn, const struct message_user *user,
                               int64_t *id_out) MUST_CHECK;

/* Takes the account's next user sequence. */
enum status row_next_user_seq(struct sqlite_conn *conn, int64_t account,
                              int64_t *seq_out) MUST_CHECK;

/* An account's number, 0 while there is none, and its user sequence. */
struct account_row {
    int64_t id, user_seq;
};

/* STATUS_NOT_FOUND, with zeros. */
enum status row_read_account(struct sqlite_conn *conn, const char *key,
                             struct account_row *row_out) MUST_CHECK;

/* Takes the next user sequence of what row_read_account has read in this transaction; makes the
 * account if there was none. */
enum status row_advance_account(struct sqlite_conn *conn, const struct message_user *user,
                                struct account_row *row) MUST_CHECK;

/* STATUS_NOT_FOUND. */
enum status row_find_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                            struct dialog_row *row_out) MUST_CHECK;

/* Makes the dialog, or brings it up to date after a message; the read counts of one that is there
 * stay as they are. `mod` is the owner's user sequence of the change. */
enum status row_put_dialog(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                           const struct dialog_row *row, int64_t mod) MUST_CHECK;

/* Makes a conversation for the two who have none. */
enum status row_new_conversation(struct sqlite_conn *conn, int64_t *conversation_out) MUST_CHECK;

/* A conversation lies together in the tree, in the order of its messages. */
int64_t row_message_rowid(int64_t conversation, int64_t seq);

/* The columns of a message `m`, for row_read_message; `owner` is SQL for the reader's number. */
#define ROW_MESSAGE_COLUMNS(owner)                                                                 \
    "m.rowid, m.id, m.date_ms, m.sender_count, m.text, m.sender = " owner

/* `row`: how much of the conversation is read. The text is the caller's to free. */
void row_read_message(sqlite3_stmt *statement, const char *owner_tag, const char *peer_tag,
                      const struct dialog_row *row, struct message *message_out);

/* The columns of a dialog `d`, its last message `m` and its peer's account `a`. */
#define ROW_DIALOG_COLUMNS                                                                         \
    ROW_MESSAGE_COLUMNS("d.owner")                                                                 \
    ", d.in_count, d.out_count, d.in_read, d.out_read, a.tag, a.key"

void row_read_dialog(sqlite3_stmt *statement, const char *owner_key, const char *owner_tag,
                     struct dialog *dialog_out);

/* SQLITE_ROW is STATUS_OK, SQLITE_DONE is STATUS_NOT_FOUND, anything else the store's failure. */
enum status row_status(int result);

#endif
