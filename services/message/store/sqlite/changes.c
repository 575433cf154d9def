#include "services/message/store/sqlite/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

/* --- a few of many, the first by user sequence --------------------------------------------- */

/* Collects changes in any order and keeps the `max` ones with the smallest numbers. */
struct gathering {
    struct message_change *items;
    size_t count, max;
    uint64_t below; /* changes from this number on are of no use any more */
};

static int by_user_seq(const void *a, const void *b)
{
    uint64_t one = ((const struct message_change *)a)->user_seq;
    uint64_t other = ((const struct message_change *)b)->user_seq;
    return (one > other) - (one < other);
}

static void keep_smallest(struct gathering *gathering)
{
    if (gathering->count > 0)
        qsort(gathering->items, gathering->count, sizeof(*gathering->items), by_user_seq);
    while (gathering->count > gathering->max)
        free(gathering->items[--gathering->count].message.text);
    if (gathering->count == gathering->max)
        gathering->below = gathering->items[gathering->count - 1].user_seq;
}

static bool is_wanted(const struct gathering *gathering, uint64_t user_seq)
{
    return user_seq < gathering->below;
}

/* The change, empty but for its number; NULL when it is not wanted. */
static struct message_change *gather_change(struct gathering *gathering, int64_t user_seq)
{
    if (!is_wanted(gathering, (uint64_t)user_seq))
        return NULL;
    if (gathering->count == 2 * gathering->max)
        keep_smallest(gathering);
    if (!is_wanted(gathering, (uint64_t)user_seq))
        return NULL;
    struct message_change *change = &gathering->items[gathering->count++];
    *change = (struct message_change){ .user_seq = (uint64_t)user_seq };
    return change;
}

/* --- reading ------------------------------------------------------------------------------- */

struct owner {
    const char *key;
    int64_t id, user_seq, untold, profile_mod;
    char tag[ACCOUNT_NAME_SIZE];
};

struct peer {
    char tag[ACCOUNT_NAME_SIZE];
    struct dialog_row row;
    int64_t last_mod, in_read_mod, out_read_mod, profile_mod;
    bool withheld_from_me, withheld_from_them; /* some messages are */
};

static enum status find_owner(struct sqlite_conn *conn, const char *key, struct owner *owner_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT id, user_seq, untold, profile_mod, tag FROM account WHERE key = ?");

    *owner_out = (struct owner){ .key = key };
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, key);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK) {
        owner_out->id = sqlite3_column_int64(s, 0);
        owner_out->user_seq = sqlite3_column_int64(s, 1);
        owner_out->untold = sqlite3_column_int64(s, 2);
        owner_out->profile_mod = sqlite3_column_int64(s, 3);
        sqlite_column_copy(s, 4, owner_out->tag, ACCOUNT_NAME_SIZE);
    }
    sqlite3_reset(s);
    return status;
}

/* The owner's user sequence of one message. */
static enum status read_mod(struct sqlite_conn *conn, const struct owner *owner,
                            const struct dialog_row *row, int64_t seq, int64_t *mod_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT iif(sender = ?2, sender_mod, receiver_mod) FROM message WHERE rowid = ?1");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(row->conversation, seq));
    sqlite3_bind_int64(s, 2, owner->id);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *mod_out = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status == STATUS_NOT_FOUND ? sqlite_conn_note_damage(conn, "a conversation with a hole")
                                      : status;
}

/* The first message of a conversation that is newer than `since`; there is one. */
static enum status find_first_new(struct sqlite_conn *conn, const struct owner *owner,
                                  const struct dialog_row *row, int64_t since, int64_t *seq_out)
{
    int64_t old = 0, fresh = row->last_seq; /* it lies in (old, fresh] */
    enum status status = STATUS_OK;

    while (fresh - old > 1 && status == STATUS_OK) {
        int64_t middle = old + (fresh - old) / 2, mod = 0;
        status = read_mod(conn, owner, row, middle, &mod);
        *(mod > since ? &fresh : &old) = middle;
    }
    *seq_out = fresh;
    return status;
}

#define MESSAGES_SINCE(columns)                                                                    \
    "SELECT " columns ", iif(m.sender = ?3, sender_mod, receiver_mod)"                             \
    " FROM message m WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid"

static const char shared_messages[] = MESSAGES_SINCE(ROW_SHARED_MESSAGE_COLUMNS("?3"));
static const char all_messages[] = MESSAGES_SINCE(ROW_MESSAGE_COLUMNS("?3"));

/* The row that the statement is at, if the owner sees it; `shift` messages before it, the owner
 * does not. False: no further message is wanted, for those that follow are newer still. */
static bool gather_message(sqlite3_stmt *s, const struct owner *owner, const struct peer *peer,
                           int64_t *shift, struct gathering *gathering)
{
    if (row_is_withheld_from_reader(s)) {
        ++*shift;
        return true;
    }
    struct message_change *change =
        gather_change(gathering, sqlite3_column_int64(s, ROW_MESSAGE_COLUMN_COUNT));
    if (change == NULL)
        return false;
    row_read_message(s, owner->tag, peer->tag, &peer->row, &change->message);
    change->message.seq -= (uint64_t)*shift;
    change->kind = sqlite3_column_int(s, 5) != 0 ? CHANGE_MESSAGE_SENT : CHANGE_NEW_MESSAGE;
    memcpy(change->peer_tag, peer->tag, ACCOUNT_NAME_SIZE);
    return true;
}

static enum status gather_messages(struct sqlite_conn *conn, const struct owner *owner,
                                   const struct peer *peer, int64_t since,
                                   struct gathering *gathering)
{
    bool is_any_withheld = peer->withheld_from_me || peer->withheld_from_them;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, is_any_withheld ? all_messages : shared_messages);
    int64_t first, shift = 0;
    int result;

    enum status status = find_first_new(conn, owner, &peer->row, since, &first);
    if (status == STATUS_OK && peer->withheld_from_me)
        status = withheld_count(conn, peer->row.conversation, owner->id, first - 1, &shift);
    if (status != STATUS_OK || s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, row_message_rowid(peer->row.conversation, first));
    sqlite3_bind_int64(s, 2, row_message_rowid(peer->row.conversation, peer->row.last_seq));
    sqlite3_bind_int64(s, 3, owner->id);
    int64_t next = first;
    bool is_hole = false;
    while (!is_hole && (result = sqlite_step(s)) == SQLITE_ROW) {
        is_hole = row_message_seq(s) != next++;
        if (!is_hole && !gather_message(s, owner, peer, &shift, gathering))
            break;
    }
    sqlite3_reset(s);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    bool whole = result == SQLITE_ROW ? !is_hole : next == peer->row.last_seq + 1;
    return whole ? STATUS_OK : sqlite_conn_note_damage(conn, "a conversation with a hole");
}

static void gather_fact(struct gathering *gathering, int64_t since, int64_t mod,
                        enum change_kind kind, const char *peer_tag)
{
    struct message_change *change = mod > since ? gather_change(gathering, mod) : NULL;

    if (change == NULL)
        return;
    change->kind = kind;
    snprintf(change->peer_tag, ACCOUNT_NAME_SIZE, "%s", peer_tag);
}

static void read_peer(sqlite3_stmt *s, struct peer *peer_out)
{
    *peer_out = (struct peer){
        .row = { .conversation = sqlite3_column_int64(s, 0),
                 .last_seq = sqlite3_column_int64(s, 1),
                 .in_read = sqlite3_column_int64(s, 2),
                 .out_read = sqlite3_column_int64(s, 3) },
        .last_mod = sqlite3_column_int64(s, 4),
        .in_read_mod = sqlite3_column_int64(s, 5),
        .out_read_mod = sqlite3_column_int64(s, 6),
        .profile_mod = sqlite3_column_int64(s, 7),
    };
    sqlite_column_copy(s, 8, peer_out->tag, ACCOUNT_NAME_SIZE);
    peer_out->withheld_from_me = sqlite3_column_int64(s, 9) > 0;
    peer_out->withheld_from_them = sqlite3_column_int64(s, 10) > 0;
}

static enum status gather_all(struct sqlite_conn *conn, const struct owner *owner, int64_t since,
                              struct gathering *gathering)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT d.conversation, d.last_seq, d.in_read, d.out_read, d.last_mod, d.in_read_mod,"
              " d.out_read_mod, d.profile_mod, p.tag, r.last_withheld, t.last_withheld"
              " FROM dialog d JOIN account o ON o.id = d.owner"
              " JOIN account p ON p.id = d.peer" RELATION_JOINS
              " WHERE d.owner = ? AND d.mod > ? AND p.superseded = 0");
    enum status status = STATUS_OK;
    int result = SQLITE_ROW;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    gather_fact(gathering, since, owner->profile_mod, CHANGE_SELF, "");
    sqlite3_bind_int64(s, 1, owner->id);
    sqlite3_bind_int64(s, 2, since);
    while (status == STATUS_OK && (result = sqlite_step(s)) == SQLITE_ROW) {
        struct peer peer;
        read_peer(s, &peer);
        gather_fact(gathering, since, peer.in_read_mod, CHANGE_READ, peer.tag);
        gather_fact(gathering, since, peer.out_read_mod, CHANGE_WAS_READ, peer.tag);
        gather_fact(gathering, since, peer.profile_mod, CHANGE_CONTACT, peer.tag);
        if (peer.last_mod > since)
            status = gather_messages(conn, owner, &peer, since, gathering);
    }
    sqlite3_reset(s);
    return status == STATUS_OK && result != SQLITE_DONE ? STATUS_UNAVAILABLE : status;
}

static enum status read_dialog(struct sqlite_conn *conn, const struct owner *owner,
                               const char *peer_key, struct dialog_list *dialogs)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT " ROW_DIALOG_COLUMNS " FROM account p JOIN account o ON o.id = ?1"
              " JOIN dialog d ON d.owner = o.id AND d.peer = p.id" RELATION_JOINS
              " JOIN message m ON m.rowid = (d.conversation << 32) + d.last_seq WHERE p.key = ?2");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, owner->id);
    sqlite_bind_text(s, 2, peer_key);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        row_read_dialog(s, owner->key, owner->tag, &dialogs->items[dialogs->count++]);
    sqlite3_reset(s);
    return status == STATUS_NOT_FOUND
               ? sqlite_conn_note_damage(conn, "a dialog without its last message")
               : status;
}

static enum status read_dialogs(struct sqlite_conn *conn, const struct owner *owner,
                                struct change_list *list)
{
    struct hashmap *seen = hashmap_create();
    enum status status = STATUS_OK;

    list->dialogs.items = xcalloc(list->count, sizeof(struct dialog));
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++) {
        char key[ACCOUNT_NAME_SIZE];
        if (account_name_to_key(list->items[i].peer_tag, key) &&
            hashmap_put(seen, key, list) == NULL)
            status = read_dialog(conn, owner, key, &list->dialogs);
    }
    hashmap_destroy(&seen);
    return status;
}

/* Whether this file has given the owner the number `since`, and has all changes after it. */
static enum status is_known(struct sqlite_conn *conn, const struct owner *owner, uint64_t since,
                            bool *known_out)
{
    *known_out = false;
    if (since > (uint64_t)owner->user_seq || since < (uint64_t)owner->untold)
        return STATUS_OK;
    return lineage_has(conn, owner->id, (int64_t)since, known_out);
}

/* Within one snapshot. */
static enum status read_changes(struct sqlite_conn *conn, const char *owner_key,
                                struct change_range range, struct change_list *list)
{
    struct owner owner;
    bool known;

    enum status status = find_owner(conn, owner_key, &owner);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    list->position = (uint64_t)owner.user_seq;
    status = is_known(conn, &owner, range.since, &known);
    if (status != STATUS_OK)
        return status;
    list->reset = !known;
    if (list->reset || range.since == list->position)
        return STATUS_OK;
    struct gathering gathering = { .max = range.max + 1, .below = UINT64_MAX };
    gathering.items = xcalloc(2 * gathering.max, sizeof(*gathering.items));
    status = gather_all(conn, &owner, (int64_t)range.since, &gathering);
    keep_smallest(&gathering);
    list->items = gathering.items;
    list->count = gathering.count;
    list->more = list->count > range.max;
    if (list->more) {
        free(list->items[--list->count].message.text);
        list->position = list->items[list->count - 1].user_seq;
    }
    if (status == STATUS_OK && range.dialogs)
        status = read_dialogs(conn, &owner, list);
    return status;
}

enum status message_sqlite_changes_read(struct message_store *store, const char *owner_key,
                                        struct change_range range, struct change_list *list_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);

    *list_out = (struct change_list){ 0 };
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = sqlite_conn_exec(conn, "BEGIN");
    if (status == STATUS_OK) {
        status = read_changes(conn, owner_key, range, list_out);
        if (sqlite_conn_exec(conn, "COMMIT") != STATUS_OK)
            status = STATUS_UNAVAILABLE;
    }
    sqlite_db_give_back(db, conn);
    if (status != STATUS_OK)
        change_list_finish(list_out);
    return status;
}

enum status message_sqlite_changes_positions(struct message_store *store,
                                             const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                             uint64_t *positions_out)
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    enum status status = STATUS_OK;

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct owner owner;
        status = find_owner(conn, keys[i], &owner);
        positions_out[i] = (uint64_t)owner.user_seq;
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
    }
    sqlite_db_give_back(db, conn);
    return status;
}

enum status message_sqlite_changes_epoch(struct message_store *store, char epoch_out[EPOCH_SIZE])
{
    struct sqlite_db *db = message_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    enum status status = STATUS_UNAVAILABLE;

    if (conn == NULL)
        return status;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT epoch FROM store");
    if (s != NULL) {
        status = row_status(sqlite_step(s));
        sqlite_column_copy(s, 0, epoch_out, EPOCH_SIZE);
        sqlite3_reset(s);
    }
    sqlite_db_give_back(db, conn);
    return status;
}

static enum status run_renew(struct sqlite_job *job, struct sqlite_conn *conn)
{
    (void)job;
    return sqlite_conn_exec(conn, "UPDATE store SET epoch = lower(hex(randomblob(8)))");
}

enum status message_sqlite_changes_renew(struct message_store *store)
{
    struct sqlite_job job = { .run = run_renew };
    return sqlite_writer_run(message_sqlite_handle(store)->writer, &job);
}
