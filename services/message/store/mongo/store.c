#include "services/message/store/mongo/handle.h"

#include <stdlib.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/message/store/mongo/accounts.h"
#include "services/message/store/mongo/changes.h"
#include "services/message/store/mongo/copy.h"
#include "services/message/store/mongo/copy_relations.h"
#include "services/message/store/mongo/documents.h"
#include "services/message/store/mongo/erase.h"
#include "services/message/store/mongo/positions.h"
#include "services/message/store/mongo/profile.h"
#include "services/message/store/mongo/reads.h"
#include "services/message/store/mongo/relations.h"
#include "services/message/store/mongo/usage.h"
#include "services/message/store/mongo/writes.h"

enum { WRITES_PENDING_MAX = 16384 };

static void on_reported(struct message_store *store, void (*reported)(void *ctx), void *ctx)
{
    message_mongo_writes_on_reported(message_mongo_handle(store)->writer, reported, ctx);
}

static const char *problem(struct message_store *store)
{
    return mongo_watch_problem(message_mongo_handle(store)->watch);
}

static void close_store(struct message_store *store)
{
    message_mongo_writes_stop(&message_mongo_handle(store)->writer);
    mongo_watch_stop(&message_mongo_handle(store)->watch);
    message_mongo_lineage_stop(&message_mongo_handle(store)->lineage);
    mongo_db_close(&message_mongo_handle(store)->db);
    message_mongo_accounts_finish(&message_mongo_handle(store)->superseded);
    pthread_mutex_destroy(&message_mongo_handle(store)->lock);
    free(store);
}

static enum status ensure_indexes(struct mongo_db *db)
{
    enum status status = mongo_ensure_index(db, MESSAGES, "conv_seq", true,
                                            BCON_NEW("conv", BCON_INT32(1), "seq", BCON_INT32(1)));

    if (status == STATUS_OK)
        status = mongo_ensure_index(db, CHANGES, "owner_mod", true,
                                    BCON_NEW("owner", BCON_INT32(1), "mod", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, ACCOUNTS, "superseded", false,
                                    BCON_NEW("superseded", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, WITHHELD, "conv_seq", true,
                                    BCON_NEW("conv", BCON_INT32(1), "seq", BCON_INT32(1)));
    return status;
}

/* Another database may be in its place: one without indexes, or with another epoch. */
static void watch_lineage(void *ctx)
{
    struct message_mongo_store *store = ctx;

    if (!message_mongo_lineage_beat(store->lineage))
        return;
    if (ensure_indexes(store->db) != STATUS_OK)
        log_error("mongo: the indexes could not be checked: restart the service");
    message_mongo_positions_forget_epoch(&store->head);
}

static enum status begin_lineage(struct message_mongo_store *store)
{
    bool creates;

    enum status status = message_mongo_positions_make_epoch(&store->head, &creates);
    if (status == STATUS_OK)
        store->lineage = message_mongo_lineage_start(store->db, creates);
    return status;
}

static enum status open_store(const char *url, struct message_store **store_out)
{
    struct message_mongo_store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &message_store_mongo;
    pthread_mutex_init(&store->lock, NULL);
    enum status status = mongo_db_open(url, &store->db);
    if (status == STATUS_OK)
        status = ensure_indexes(store->db);
    if (status == STATUS_OK)
        status = begin_lineage(store);
    if (status == STATUS_OK)
        store->writer =
            message_mongo_writes_start(store->db, store->lineage, WRITES_PENDING_MAX, &status);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    store->watch = mongo_watch_start(store->db, watch_lineage, store);
    *store_out = &store->head;
    return STATUS_OK;
}

const struct message_store_kind message_store_mongo = {
    .scheme = "mongodb",
    .open = open_store,
    .close = close_store,
    .problem = problem,
    .on_reported = on_reported,
    .claim = message_mongo_accounts_claim,
    .send = message_mongo_writes_send,
    .mark_read = message_mongo_writes_mark_read,
    .dialogs = message_mongo_reads_dialogs,
    .messages = message_mongo_reads_messages,
    .contacts = message_mongo_reads_contacts,
    .relate = message_mongo_relations_change,
    .blocked = message_mongo_relations_blocked,
    .relations = message_mongo_relations_find,
    .privacy = message_mongo_relations_privacy,
    .set_privacy = message_mongo_relations_set_privacy,
    .epoch = message_mongo_positions_epoch,
    .renew = message_mongo_positions_renew,
    .changes = message_mongo_changes_read,
    .positions = message_mongo_positions_read,
    .note_profile = message_mongo_profile_note,
    .erase = message_mongo_erase,
    .expire = message_mongo_erase_old,
    .purge = message_mongo_erase_purge,
    .add_usage = message_mongo_usage_add,
    .records = message_mongo_copy_records,
    .newest_seq = message_mongo_copy_newest_seq,
    .import = message_mongo_copy_import,
    .import_dialogs = message_mongo_copy_import_dialogs,
    .relation_records = message_mongo_copy_relations_list,
    .import_relation = message_mongo_copy_relations_import,
    .privacy_records = message_mongo_copy_relations_privacies,
    .count = message_mongo_copy_count,
};
