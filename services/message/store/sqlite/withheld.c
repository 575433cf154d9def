#include "services/message/store/sqlite/withheld.h"

enum status withheld_insert(struct sqlite_conn *conn, int64_t conversation, int64_t seq,
                            int64_t receiver, int64_t sender_count)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT OR IGNORE INTO withheld (conversation, seq,"
                                                " receiver, sender_count) VALUES (?,?,?,?)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, conversation);
    sqlite3_bind_int64(s, 2, seq);
    sqlite3_bind_int64(s, 3, receiver);
    sqlite3_bind_int64(s, 4, sender_count);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status read_count(sqlite3_stmt *s, int64_t *count_out)
{
    bool has_row = sqlite_step(s) == SQLITE_ROW;

    *count_out = has_row ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return has_row ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status withheld_count(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                           int64_t seq, int64_t *count_out)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT count(*) FROM withheld WHERE conversation = ?1"
                                  " AND receiver = ?2 AND seq <= ?3");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, conversation);
    sqlite3_bind_int64(s, 2, receiver);
    sqlite3_bind_int64(s, 3, seq);
    return read_count(s, count_out);
}

enum status withheld_count_sent(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                                int64_t above, int64_t up_to, int64_t *count_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT count(*) FROM withheld WHERE conversation = ?1"
              " AND receiver = ?2 AND sender_count > ?3 AND sender_count <= ?4");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, conversation);
    sqlite3_bind_int64(s, 2, receiver);
    sqlite3_bind_int64(s, 3, above);
    sqlite3_bind_int64(s, 4, up_to);
    return read_count(s, count_out);
}

/* Adds what is withheld up to the place reached, until that adds nothing. */
enum status withheld_to_stored(struct sqlite_conn *conn, int64_t conversation, int64_t receiver,
                               int64_t seq, int64_t *stored_out)
{
    enum status status = STATUS_OK;
    int64_t before = -1, count = 0;

    while (status == STATUS_OK && count != before) {
        before = count;
        status = withheld_count(conn, conversation, receiver, seq + before, &count);
    }
    *stored_out = seq + count;
    return status;
}
