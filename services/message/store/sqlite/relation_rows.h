#ifndef MESSAGE_STORE_SQLITE_RELATION_ROWS_H
#define MESSAGE_STORE_SQLITE_RELATION_ROWS_H

#include "services/common/store/sqlite_db.h"
#include "services/message/store/message_data.h"

/* Rows of the table `relation`, for the statements of this folder. */

/* Both rows of two accounts; zero for one that does not exist. */
struct relation_rows {
    enum relation_state mine, theirs;
    int64_t withheld_from_me; /* the seq of the last message; 0: none */
    int64_t withheld_from_them;
};

/* Inside a transaction, as those below. */
enum status relation_rows_find(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                               struct relation_rows *rows_out) MUST_CHECK;

/* All of one user's relation to another; zero for a user without a row. */
enum status relation_rows_describe(struct sqlite_conn *conn, const char *owner_key,
                                   const char *peer_key, struct relation *relation_out) MUST_CHECK;

/* Sets what `owner` has decided about `peer`. */
enum status relation_rows_put(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                              enum relation_state state, int64_t now_ms) MUST_CHECK;

/* Records that a message of `peer` is withheld from `owner`. */
enum status relation_rows_note_withheld(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                                        int64_t seq) MUST_CHECK;

/* SQL: the relations of the accounts `o` and `p` (`r`, and `t` of `p` to `o`); and, with the dialog
 * `d` of the two, the columns for relation_rows_read_columns. */
#define RELATION_JOINS                                                                             \
    " LEFT JOIN relation r ON r.owner = o.id AND r.peer = p.id"                                    \
    " LEFT JOIN relation t ON t.owner = p.id AND t.peer = o.id"
#define RELATION_COLUMNS                                                                           \
    "coalesce(r.state, 0), coalesce(t.state, 0), coalesce(d.out_count, 0) > 0,"                    \
    " coalesce(d.in_count, 0) > 0, coalesce(o.show_online, 0), coalesce(o.show_marks, 0),"         \
    " coalesce(p.show_online, 0), coalesce(p.show_marks, 0)"
enum { RELATION_COLUMN_COUNT = 8 };

struct relation relation_rows_read_columns(sqlite3_stmt *statement, int first_column);

#endif
