#ifndef MESSAGE_STORE_SQLITE_WITHHELD_H
#define MESSAGE_STORE_SQLITE_WITHHELD_H

#include "services/common/store/sqlite_db.h"
#include "services/message/store/message_data.h"

/*
 * Messages that are withheld from their receivers (message_store.h): rows of the table `withheld`,
 * beside those of `message`. A user counts the other messages of a conversation, so the seq that a
 * user sees is that of the store less the number of earlier messages withheld from this user. All
 * functions return STATUS_UNAVAILABLE when the store fails, and run inside a transaction of the
 * caller.
 */

enum status withheld_insert(struct sqlite_conn *conn, int64_t conversation, int64_t seq,
                            int64_t receiver, int64_t sender_count) MUST_CHECK;

/* How many messages up to this seq of the store are withheld from the receiver. */
enum status withheld_count(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                           int64_t seq, int64_t *count_out) MUST_CHECK;

/* The same by the sender's count: more than `above`, at most `up_to`. */
enum status withheld_count_sent(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                                int64_t above, int64_t up_to, int64_t *count_out) MUST_CHECK;

/* The seq of the store of the message that the receiver sees as `seq`. */
enum status withheld_to_stored(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                               int64_t seq, int64_t *stored_out) MUST_CHECK;

/* SQL: the receiver of the message `m` if it is withheld, else NULL. */
#define WITHHELD_RECEIVER                                                                          \
    "(SELECT w.receiver FROM withheld w"                                                           \
    " WHERE w.conversation = m.rowid >> 32 AND w.seq = m.rowid & 4294967295)"

/* SQL, for a dialog `d` with the relations `r` and `t` (relations.h): how many messages that are
 * withheld from the owner look unread, how many that are withheld from the peer look read, and how
 * many of the first come before the last message. */
#define WITHHELD_COLUMNS                                                                           \
    "iif(coalesce(r.last_withheld, 0) = 0, 0, (SELECT count(*) FROM withheld w WHERE"              \
    " w.conversation = d.conversation AND w.receiver = d.owner AND w.sender_count > d.in_read"     \
    " AND w.sender_count <= d.in_count)),"                                                         \
    " iif(coalesce(t.last_withheld, 0) = 0, 0, (SELECT count(*) FROM withheld w WHERE"             \
    " w.conversation = d.conversation AND w.receiver = d.peer AND w.sender_count <= d.out_read))," \
    " iif(coalesce(r.last_withheld, 0) = 0, 0, (SELECT count(*) FROM withheld w WHERE"             \
    " w.conversation = d.conversation AND w.receiver = d.owner AND w.seq < d.last_seq))"

#endif
