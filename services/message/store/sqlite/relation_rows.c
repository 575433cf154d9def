#include "services/message/store/sqlite/relation_rows.h"

enum status relation_rows_find(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                               struct relation_rows *rows_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT 1, state, last_withheld FROM relation WHERE owner = ?1 AND peer = ?2"
              " UNION ALL"
              " SELECT 0, state, last_withheld FROM relation WHERE owner = ?2 AND peer = ?1");
    int result;

    *rows_out = (struct relation_rows){ 0 };
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, peer);
    while ((result = sqlite_step(s)) == SQLITE_ROW) {
        bool mine = sqlite3_column_int(s, 0) != 0;
        *(mine ? &rows_out->mine : &rows_out->theirs) =
            (enum relation_state)sqlite3_column_int(s, 1);
        *(mine ? &rows_out->withheld_from_me : &rows_out->withheld_from_them) =
            sqlite3_column_int64(s, 2);
    }
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status relation_rows_note_withheld(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                                        int64_t seq)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO relation (owner, peer, last_withheld) VALUES (?1, ?2, ?3)"
              " ON CONFLICT (owner, peer) DO UPDATE SET"
              " last_withheld = max(last_withheld, excluded.last_withheld)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, peer);
    sqlite3_bind_int64(s, 3, seq);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status relation_rows_put(struct sqlite_conn *conn, int64_t owner, int64_t peer,
                              enum relation_state state, int64_t now_ms)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO relation (owner, peer, state, since_ms) VALUES (?1, ?2, ?3, ?4)"
              " ON CONFLICT (owner, peer) DO UPDATE SET"
              " state = excluded.state, since_ms = excluded.since_ms");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, peer);
    sqlite3_bind_int64(s, 3, state);
    sqlite3_bind_int64(s, 4, now_ms);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

struct relation relation_rows_read_columns(sqlite3_stmt *s, int first_column)
{
    int values[RELATION_COLUMN_COUNT];

    for (int i = 0; i < RELATION_COLUMN_COUNT; i++)
        values[i] = sqlite3_column_int(s, first_column + i);
    return (struct relation){
        .mine = (enum relation_state)values[0],
        .theirs = (enum relation_state)values[1],
        .i_wrote = values[2] != 0,
        .they_wrote = values[3] != 0,
        .my_privacy = { (enum audience)values[4], (enum audience)values[5] },
        .their_privacy = { (enum audience)values[6], (enum audience)values[7] },
    };
}

/* A user without a row has decided nothing, and the owner may have none. */
enum status relation_rows_describe(struct sqlite_conn *conn, const char *owner_key,
                                   const char *peer_key, struct relation *relation_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT " RELATION_COLUMNS " FROM account p LEFT JOIN account o ON o.key = ?1"
              " LEFT JOIN dialog d ON d.owner = o.id AND d.peer = p.id" RELATION_JOINS
              " WHERE p.key = ?2");

    *relation_out = (struct relation){ 0 };
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, owner_key);
    sqlite_bind_text(s, 2, peer_key);
    int result = sqlite_step(s);
    if (result == SQLITE_ROW)
        *relation_out = relation_rows_read_columns(s, 0);
    sqlite3_reset(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}
