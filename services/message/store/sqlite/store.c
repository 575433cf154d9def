#include "services/message/store/sqlite/handle.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/message/store/sqlite/accounts.h"
#include "services/message/store/sqlite/changes.h"
#include "services/message/store/sqlite/copy.h"
#include "services/message/store/sqlite/copy_relations.h"
#include "services/message/store/sqlite/erase.h"
#include "services/message/store/sqlite/lineage.h"
#include "services/message/store/sqlite/profile.h"
#include "services/message/store/sqlite/reads.h"
#include "services/message/store/sqlite/relations.h"
#include "services/message/store/sqlite/usage.h"
#include "services/message/store/sqlite/writes.h"

enum { WRITES_PENDING_MAX = 16384 };

/*
 * Keys are small integers: an account's number for a tag, a conversation's number for a pair, and
 * a message's rowid is (conversation << 32) + seq, so that a conversation is contiguous in the
 * tree and a page of it is one range. Ids are random, but those of a sender are adjacent: the next
 * message of a sender needs the same pages, however large the table is.
 */
static const char *const migrations[] = {
    "CREATE TABLE account ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE,"
    "  tag TEXT NOT NULL,"
    "  user_seq INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE conversation (id INTEGER PRIMARY KEY);"
    "CREATE TABLE message ("
    "  rowid INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL,"
    "  sender INTEGER NOT NULL,"
    "  receiver INTEGER NOT NULL,"
    "  date_ms INTEGER NOT NULL,"
    "  sender_count INTEGER NOT NULL,"
    "  text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX message_id ON message (id);"
    "CREATE TABLE dialog ("
    "  owner INTEGER NOT NULL,"
    "  peer INTEGER NOT NULL,"
    "  conversation INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  last_date_ms INTEGER NOT NULL,"
    "  last_mod INTEGER NOT NULL," /* the owner's user sequence at the last message */
    "  in_count INTEGER NOT NULL,"
    "  out_count INTEGER NOT NULL,"
    "  in_read INTEGER NOT NULL,"
    "  out_read INTEGER NOT NULL,"
    "  mod INTEGER NOT NULL," /* the owner's user sequence at the last change */
    "  PRIMARY KEY (owner, peer)) WITHOUT ROWID;",
    /* The columns of changes.h. Earlier rows are not part of a sequence. */
    "ALTER TABLE message ADD COLUMN sender_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN receiver_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN in_read_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN out_read_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dialog ADD COLUMN profile_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN profile_mod INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN profile_revision INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
    "UPDATE account SET untold = user_seq;"
    "CREATE TABLE store (epoch TEXT NOT NULL);"
    "INSERT INTO store (epoch) VALUES (lower(hex(randomblob(8))));",
    "DROP INDEX message_id;"
    "CREATE UNIQUE INDEX message_sender_id ON message (sender, id);",
    /* The columns of lineage.h. Numbers of before may have been lost with an older program. */
    "ALTER TABLE account ADD COLUMN run INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE store ADD COLUMN run INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE store ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;"
    "UPDATE store SET run = EXISTS (SELECT 1 FROM account);"
    "CREATE TABLE jump ("
    "  account INTEGER NOT NULL,"
    "  first INTEGER NOT NULL,"  /* the first user sequence after the jump */
    "  before INTEGER NOT NULL," /* the last one before it */
    "  PRIMARY KEY (account, first)) WITHOUT ROWID;",
    /* The columns of accounts.h. */
    "ALTER TABLE account ADD COLUMN account_id TEXT;"
    "ALTER TABLE account ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX account_superseded ON account (superseded) WHERE superseded = 1;",
    /* relations.h, withheld.h. */
    "ALTER TABLE account ADD COLUMN show_online INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE account ADD COLUMN show_marks INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE relation ("
    "  owner INTEGER NOT NULL,"
    "  peer INTEGER NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  since_ms INTEGER NOT NULL DEFAULT 0,"
    "  last_withheld INTEGER NOT NULL DEFAULT 0," /* the seq of the peer's last such message */
    "  PRIMARY KEY (owner, peer)) WITHOUT ROWID;"
    "CREATE TABLE withheld ("
    "  conversation INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  receiver INTEGER NOT NULL,"
    "  sender_count INTEGER NOT NULL,"
    "  PRIMARY KEY (conversation, seq)) WITHOUT ROWID;",
    "ALTER TABLE account ADD COLUMN text_bytes INTEGER NOT NULL DEFAULT 0;", /* usage.h */
};

static void on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    sqlite_writer_on_reported(message_sqlite_handle(store)->writer, reported, ctx);
}

static const char *problem(struct message_store *store)
{
    return sqlite_db_problem(message_sqlite_handle(store)->db);
}

static void close_store(struct message_store *store)
{
    sqlite_scrub_stop(&message_sqlite_handle(store)->scrub);
    sqlite_writer_stop(&message_sqlite_handle(store)->writer);
    sqlite_db_close(&message_sqlite_handle(store)->db);
    free(store);
}

static enum status open_store(const char *url, struct message_store **store_out)
{
    struct message_sqlite_store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &message_store_sqlite;
    enum status status = sqlite_db_open(url + strlen("sqlite://"), migrations,
                                        sizeof(migrations) / sizeof(migrations[0]), &store->db);
    if (status == STATUS_OK)
        status = sqlite_writer_start(store->db, WRITES_PENDING_MAX, &store->writer);
    if (status == STATUS_OK) {
        sqlite_writer_observe(store->writer, lineage_observer(&store->lineage));
        status = lineage_create(store->writer, store->db);
    }
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    store->scrub = sqlite_scrub_start(store->db);
    *store_out = &store->head;
    return STATUS_OK;
}

const struct message_store_kind message_store_sqlite = {
    .scheme = "sqlite",
    .open = open_store,
    .close = close_store,
    .problem = problem,
    .on_reported = on_reported,
    .claim = message_sqlite_accounts_claim,
    .send = message_sqlite_writes_send,
    .mark_read = message_sqlite_writes_mark_read,
    .dialogs = message_sqlite_reads_dialogs,
    .messages = message_sqlite_reads_messages,
    .contacts = message_sqlite_reads_contacts,
    .relate = message_sqlite_relations_change,
    .blocked = message_sqlite_relations_blocked,
    .relations = message_sqlite_relations_find,
    .privacy = message_sqlite_relations_privacy,
    .set_privacy = message_sqlite_relations_set_privacy,
    .epoch = message_sqlite_changes_epoch,
    .renew = message_sqlite_changes_renew,
    .changes = message_sqlite_changes_read,
    .positions = message_sqlite_changes_positions,
    .note_profile = message_sqlite_profile_note,
    .erase = message_sqlite_erase,
    .expire = message_sqlite_erase_old,
    .purge = message_sqlite_erase_purge,
    .add_usage = message_sqlite_usage_add,
    .records = message_sqlite_copy_records,
    .newest_seq = message_sqlite_copy_newest_seq,
    .import = message_sqlite_copy_import,
    .import_dialogs = message_sqlite_copy_import_dialogs,
    .relation_records = message_sqlite_copy_relations_list,
    .import_relation = message_sqlite_copy_relations_import,
    .privacy_records = message_sqlite_copy_relations_privacies,
    .count = message_sqlite_copy_count,
};
