#include "services/user/store/mongo/handle.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/audit.h"
#include "services/user/store/mongo/codes.h"
#include "services/user/store/mongo/departure.h"
#include "services/user/store/mongo/images.h"
#include "services/user/store/mongo/logins.h"
#include "services/user/store/mongo/pages.h"
#include "services/user/store/mongo/pending.h"
#include "services/user/store/mongo/reads.h"
#include "services/user/store/mongo/search.h"
#include "services/user/store/mongo/sessions.h"
#include "services/user/store/mongo/updates.h"
#include "services/user/store/mongo/writes.h"

static const char *problem(struct user_store *store)
{
    return mongo_watch_problem(user_mongo_handle(store)->watch);
}

static void close_store(struct user_store *store)
{
    mongo_watch_stop(&user_mongo_handle(store)->watch);
    mongo_db_close(&user_mongo_handle(store)->db);
    free(store);
}

static enum status ensure_login_indexes(struct mongo_db *db)
{
    enum status status = mongo_ensure_index(db, "failedLogins", "expiresAt", false,
                                            BCON_NEW("counter.expiresAt", BCON_INT32(1)));

    if (status == STATUS_OK)
        status = mongo_ensure_index(
            db, "failedLogins", "failures", false,
            BCON_NEW("counter.failures", BCON_INT32(1), "counter.expiresAt", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "loginNetworks", "account", false,
                                    BCON_NEW("account", BCON_INT32(1), "at", BCON_INT32(1)));
    return status;
}

static enum status ensure_session_indexes(struct mongo_db *db)
{
    enum status status =
        mongo_ensure_index(db, "sessions", "account", false,
                           BCON_NEW("account", BCON_INT32(1), "seen", BCON_INT32(1)));

    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "sessions", "expiresAt", false,
                                    BCON_NEW("expiresAt", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(
            db, "codes", "account", false,
            BCON_NEW("kind", BCON_INT32(1), "account", BCON_INT32(1), "created", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "codes", "expiresAt", false,
                                    BCON_NEW("used", BCON_INT32(1), "expiresAt", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "pending", "expiresAt", false,
                                    BCON_NEW("expiresAt", BCON_INT32(1)));
    return status;
}

static enum status ensure_audit_indexes(struct mongo_db *db)
{
    enum status status = mongo_ensure_index(db, "audit", "at", false,
                                            BCON_NEW("at", BCON_INT32(1), "_id", BCON_INT32(1)));

    if (status == STATUS_OK)
        status = mongo_ensure_index(
            db, "audit", "account", false,
            BCON_NEW("account", BCON_INT32(1), "at", BCON_INT32(1), "_id", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(
            db, "audit", "share", false,
            BCON_NEW("share", BCON_INT32(1), "at", BCON_INT32(1), "_id", BCON_INT32(1)));
    return status;
}

static enum status ensure_indexes(struct mongo_db *db)
{
    enum status status =
        mongo_ensure_index(db, "users", "key", true, BCON_NEW("key", BCON_INT32(1)));

    if (status == STATUS_OK)
        status =
            mongo_ensure_index(db, "users", "emailKey", true, BCON_NEW("emailKey", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "users", "grams", false,
                                    BCON_NEW("grams", BCON_INT32(1), "key", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "users", "unannounced", false,
                                    BCON_NEW("unannounced", BCON_INT32(1), "key", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = mongo_ensure_index(db, "users", "img", false, BCON_NEW("img", BCON_INT32(1)));
    if (status == STATUS_OK)
        status = ensure_login_indexes(db);
    if (status == STATUS_OK)
        status = ensure_session_indexes(db);
    if (status == STATUS_OK)
        status = ensure_audit_indexes(db);
    return status;
}

static enum status open_store(const char *url, struct user_store **store_out)
{
    struct user_mongo_store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &user_store_mongo;
    enum status status = mongo_db_open(url, &store->db);
    if (status == STATUS_OK)
        status = ensure_indexes(store->db);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    store->watch = mongo_watch_start(store->db, NULL, NULL);
    *store_out = &store->head;
    return STATUS_OK;
}

const struct user_store_kind user_store_mongo = {
    .scheme = "mongodb",
    .open = open_store,
    .close = close_store,
    .problem = problem,
    .add = user_mongo_writes_add,
    .by_email = user_mongo_reads_by_email,
    .by_keys = user_mongo_reads_by_keys,
    .find = user_mongo_search_find,
    .update = user_mongo_updates_update,
    .unannounced = user_mongo_pages_unannounced,
    .announced = user_mongo_updates_announced,
    .import_profile = user_mongo_updates_import_profile,
    .put_image = user_mongo_writes_put_image,
    .get_image = user_mongo_reads_get_image,
    .has_image = user_mongo_reads_has_image,
    .revoke = user_mongo_writes_revoke,
    .is_revoked = user_mongo_reads_is_revoked,
    .set_credentials = user_mongo_sessions_set_credentials,
    .delete_user = user_mongo_departure_delete,
    .forget = user_mongo_departure_forget,
    .set_departure = user_mongo_departure_set,
    .purge = user_mongo_departure_purge,
    .drop_image = user_mongo_images_drop,
    .unused_images = user_mongo_images_unused,
    .add_session = user_mongo_sessions_add,
    .get_session = user_mongo_sessions_get,
    .touch_session = user_mongo_sessions_touch,
    .delete_session = user_mongo_sessions_delete,
    .sessions = user_mongo_sessions_of_account,
    .session_page = user_mongo_sessions_page,
    .add_code = user_mongo_codes_add,
    .get_code = user_mongo_codes_get,
    .use_code = user_mongo_codes_use,
    .delete_code = user_mongo_codes_delete,
    .codes = user_mongo_codes_of_account,
    .code_page = user_mongo_codes_page,
    .add_pending = user_mongo_pending_add,
    .get_pending = user_mongo_pending_get,
    .delete_pending = user_mongo_pending_delete,
    .get_failed = user_mongo_logins_get_failed,
    .put_failed = user_mongo_logins_put_failed,
    .clear_failed = user_mongo_logins_clear_failed,
    .prune_failed = user_mongo_logins_prune_failed,
    .get_login = user_mongo_logins_get_login,
    .put_login = user_mongo_logins_put_login,
    .put_audit = user_mongo_audit_put,
    .list_audit = user_mongo_audit_list,
    .prune_audit = user_mongo_audit_prune,
    .forget_audit = user_mongo_audit_forget,
    .page = user_mongo_pages_page,
    .image_page = user_mongo_pages_image_page,
    .revoked_page = user_mongo_pages_revoked_page,
    .count = user_mongo_pages_count,
};
