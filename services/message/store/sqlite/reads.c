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
                          " JOIN account o ON o.id = d.owner"
                          " LEFT JOIN account p ON p.id = d.peer" RELATION_JOINS
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

/* A part of a conversation, by the seq of the store. */
struct part {
    const char *sql;
    int64_t owner;
    char owner_tag[ACCOUNT_NAME_SIZE], peer_tag[ACCOUNT_NAME_SIZE];
    struct dialog_row row;
    int64_t newest, oldest; /* none when newest < 1 */
    int64_t shift;          /* how many before `newest`, and it, are withheld from the owner */
    bool is_raw;
};

static const char shared_messages[] =
    "SELECT " ROW_SHARED_MESSAGE_COLUMNS("?3") " FROM message m"
                                               " WHERE rowid BETWEEN ?1 AND ?2"
                                               " ORDER BY rowid DESC";
static const char all_messages[] = "SELECT " ROW_MESSAGE_COLUMNS(
    "?3") " FROM message m WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid DESC";

/* The entries of the range, as the owner counts, when something is withheld from the owner. */
static enum status find_seen_part(struct sqlite_conn *conn, struct message_range range,
                                  struct part *part)
{
    const int64_t conversation = part->row.conversation;

    enum status status =
        withheld_count(conn, conversation, part->owner, part->row.last_seq, &part->shift);
    int64_t last = part->row.last_seq - part->shift;
    if (range.newest_seq > 0 && (int64_t)range.newest_seq < last)
        last = (int64_t)range.newest_seq;
    int64_t newest = last - range.start, oldest = last - range.end + 1;
    part->newest = 0;
    if (status != STATUS_OK || newest < 1)
        return status;
    status = withheld_to_stored(conn, conversation, part->owner, newest, &part->newest);
    if (status == STATUS_OK)
        status = withheld_to_stored(conn, conversation, part->owner, oldest > 1 ? oldest : 1,
                                    &part->oldest);
    part->shift = part->newest - newest;
    return status;
}

static void find_shared_part(struct message_range range, struct part *part)
{
    int64_t last = part->row.last_seq;

    if (range.newest_seq > 0 && (int64_t)range.newest_seq < last)
        last = (int64_t)range.newest_seq;
    part->newest = last - range.start;
    part->oldest = last - range.end + 1 > 1 ? last - range.end + 1 : 1;
}

static enum status find_part(struct sqlite_conn *conn, const char *owner_key, const char *peer_key,
                             struct message_range range, struct part *part)
{
    struct relation_rows relations = { 0 };
    int64_t peer;

    *part = (struct part){ .sql = shared_messages, .is_raw = range.is_raw };
    enum status status = row_find_account(conn, owner_key, &part->owner, part->owner_tag);
    if (status == STATUS_OK)
        status = row_find_account(conn, peer_key, &peer, part->peer_tag);
    if (status == STATUS_OK)
        status = row_find_dialog(conn, part->owner, peer, &part->row);
    if (status == STATUS_OK)
        status = relation_rows_find(conn, part->owner, peer, &relations);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    if (relations.withheld_from_me > 0 || relations.withheld_from_them > 0)
        part->sql = all_messages;
    if (relations.withheld_from_me > 0 && !range.is_raw)
        return find_seen_part(conn, range, part);
    if (range.is_raw && relations.withheld_from_me > part->row.last_seq)
        part->row.last_seq = relations.withheld_from_me;
    find_shared_part(range, part);
    return STATUS_OK;
}

static enum status read_part(struct sqlite_conn *conn, const struct part *part, size_t max_bytes,
                             struct message_list *list)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, part->sql);
    int64_t next = part->newest, shift = part->shift;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(part->row.conversation, part->oldest));
    sqlite3_bind_int64(s, 2, row_message_rowid(part->row.conversation, part->newest));
    sqlite3_bind_int64(s, 3, part->owner);
    for (size_t bytes = 0; next >= part->oldest && !is_enough(bytes, max_bytes); next--) {
        int result = sqlite_step(s);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
            return STATUS_UNAVAILABLE;
        if (result == SQLITE_DONE || row_message_seq(s) != next) {
            sqlite3_reset(s);
            return sqlite_conn_note_damage(conn, "a conversation with a hole");
        }
        if (!part->is_raw && row_is_withheld_from_reader(s)) {
            shift--;
            continue;
        }
        struct message *message = &list->items[list->count++];
        row_read_message(s, part->owner_tag, part->peer_tag, &part->row, message);
        message->seq -= (uint64_t)shift;
        bytes += strlen(message->text);
    }
    sqlite3_reset(s);
    return STATUS_OK;
}

static enum status read_messages(struct sqlite_conn *conn, const char *owner_key,
                                 const char *peer_key, struct message_range range,
                                 struct message_list *list)
{
    struct part part;

    enum status status = find_part(conn, owner_key, peer_key, range, &part);
    return status == STATUS_OK && part.newest >= 1 ? read_part(conn, &part, range.max_bytes, list)
                                                   : status;
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
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT p.key, p.tag, " RELATION_COLUMNS
                                                " FROM account o JOIN dialog d ON d.owner = o.id"
                                                " JOIN account p ON p.id = d.peer" RELATION_JOINS
                                                " WHERE o.key = ?"
                                                " AND p.superseded = 0");
    if (s != NULL) {
        sqlite_bind_text(s, 1, owner_key);
        while ((result = sqlite_step(s)) == SQLITE_ROW) {
            contacts_out->items = array_reserve(contacts_out->items, contacts_out->count, &capacity,
                                                sizeof(*contacts_out->items));
            struct message_contact *contact = &contacts_out->items[contacts_out->count++];
            sqlite_column_copy(s, 0, contact->key, ACCOUNT_NAME_SIZE);
            sqlite_column_copy(s, 1, contact->tag, ACCOUNT_NAME_SIZE);
            contact->relation = relation_rows_read_columns(s, 2);
        }
    }
    sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    message_contacts_finish(contacts_out);
    return STATUS_UNAVAILABLE;
}
