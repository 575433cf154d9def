#include "services/message/store/sqlite/reads.h"

#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/memory.h"
#include "services/message/store/sqlite/accounts.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

static enum status read_dialogs(struct sqlite_conn *conn, const char *owner_key, uint32_t start,
                                uint32_t max, struct dialog_list *list)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT " ROW_DIALOG_COLUMNS " FROM (SELECT * FROM dialog WHERE owner = ?1"
              "       AND " ACCOUNTS_PEER_IS_CURRENT(
                  "peer") " ORDER BY last_mod DESC"
                          "       LIMIT ?2 OFFSET ?3) d"
                          " LEFT JOIN account a ON a.id = d.peer"
                          " LEFT JOIN message m ON m.rowid = (d.conversation << 32) + d.last_seq"
                          " ORDER BY d.last_mod DESC");
    char owner_tag[ACCOUNT_NAME_SIZE];
    int64_t owner;
    int result = SQLITE_DONE;

    enum status status = row_find_account(conn, owner_key, &owner, owner_tag);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK || s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner);
    sqlite3_bind_int64(s, 2, max);
    sqlite3_bind_int64(s, 3, start);
    while (status == STATUS_OK && list->count < max && (result = sqlite_step(s)) == SQLITE_ROW) {
        if (row_has_dialog(s))
            row_read_dialog(s, owner_key, owner_tag, &list->items[list->count++]);
        else
            status = sqlite_conn_note_damage(conn, "a dialog without its last message");
    }
    sqlite3_reset(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? status : STATUS_UNAVAILABLE;
}

enum status message_sqlite_reads_dialogs(struct message_store *store, const char *owner_key,
                                         uint32_t start, uint32_t end, struct dialog_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);

    *list_out = (struct dialog_list){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    list_out->items = xcalloc(end - start, sizeof(struct dialog));
    enum status status = read_dialogs(conn, owner_key, start, end - start, list_out);
    sqlite_db_give_back(db, conn);
    if (status != STATUS_OK)
        dialog_list_finish(list_out);
    return status;
}

static bool is_enough(size_t bytes, size_t max_bytes)
{
    return max_bytes > 0 && bytes > max_bytes;
}

static enum status read_messages(struct sqlite_conn *conn, const char *owner_key,
                                 const char *peer_key, struct message_range range,
                                 struct message_list *list)
{
    char owner_tag[ACCOUNT_NAME_SIZE], peer_tag[ACCOUNT_NAME_SIZE];
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
    oldest = oldest > 1 ? oldest : 1;
    sqlite3_bind_int64(s, 1, row_message_rowid(row.conversation, oldest));
    sqlite3_bind_int64(s, 2, row_message_rowid(row.conversation, newest));
    sqlite3_bind_int64(s, 3, owner);
    int64_t next = newest;
    for (size_t bytes = 0; next >= oldest && !is_enough(bytes, range.max_bytes); next--) {
        result = sqlite_step(s);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
            return STATUS_UNAVAILABLE;
        if (result == SQLITE_DONE || row_message_seq(s) != next) {
            sqlite3_reset(s);
            return sqlite_conn_note_damage(conn, "a conversation with a hole");
        }
        struct message *message = &list->items[list->count++];
        row_read_message(s, owner_tag, peer_tag, &row, message);
        bytes += strlen(message->text);
    }
    sqlite3_reset(s);
    return STATUS_OK;
}

enum status message_sqlite_reads_messages(struct message_store *store, const char *owner_key,
                                          const char *peer_key, struct message_range range,
                                          struct message_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);

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
    sqlite_db_give_back(db, conn);
    if (status != STATUS_OK)
        message_list_finish(list_out);
    return status;
}

enum status message_sqlite_reads_contacts(struct message_store *store, const char *owner_key,
                                          struct message_contacts *contacts_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    size_t capacity = 0;
    int result = SQLITE_ERROR;

    *contacts_out = (struct message_contacts){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT p.key FROM account o JOIN dialog d ON d.owner = o.id"
                                  " JOIN account p ON p.id = d.peer WHERE o.key = ?"
                                  " AND p.superseded = 0");
    if (s != NULL) {
        sqlite_bind_text(s, 1, owner_key);
        while ((result = sqlite_step(s)) == SQLITE_ROW) {
            contacts_out->keys = array_reserve(contacts_out->keys, contacts_out->count, &capacity,
                                               ACCOUNT_NAME_SIZE);
            sqlite_column_copy(s, 0, contacts_out->keys[contacts_out->count++], ACCOUNT_NAME_SIZE);
        }
    }
    sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    message_contacts_finish(contacts_out);
    return STATUS_UNAVAILABLE;
}
