#include "services/user/store/sqlite/handle.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/audit.h"
#include "services/user/store/sqlite/codes.h"
#include "services/user/store/sqlite/departure.h"
#include "services/user/store/sqlite/images.h"
#include "services/user/store/sqlite/logins.h"
#include "services/user/store/sqlite/pages.h"
#include "services/user/store/sqlite/pending.h"
#include "services/user/store/sqlite/reads.h"
#include "services/user/store/sqlite/search.h"
#include "services/user/store/sqlite/sessions.h"
#include "services/user/store/sqlite/updates.h"
#include "services/user/store/sqlite/writes.h"

enum { WRITES_PENDING_MAX = 4096 };

static const char *const migrations[] = {
    "CREATE TABLE user ("
    "  rowid INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL,"
    "  key TEXT NOT NULL UNIQUE," /* the tag in lower case, without '@' */
    "  tag TEXT NOT NULL,"
    "  email TEXT NOT NULL,"
    "  email_key TEXT NOT NULL UNIQUE,"
    "  first_name TEXT NOT NULL,"
    "  last_name TEXT NOT NULL,"
    "  img TEXT NOT NULL,"
    "  password_hash TEXT NOT NULL);"
    "CREATE VIRTUAL TABLE user_key USING fts5("
    "  key, content='user', content_rowid='rowid', tokenize='trigram');"
    "CREATE TRIGGER user_added AFTER INSERT ON user BEGIN"
    "  INSERT INTO user_key (rowid, key) VALUES (new.rowid, new.key); END;"
    "CREATE TABLE image ("
    "  name TEXT PRIMARY KEY, content_type TEXT NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE revoked_token ("
    "  jti TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX revoked_token_expires_at ON revoked_token (expires_at);",
    "ALTER TABLE user ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN unannounced INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX user_unannounced ON user (key) WHERE unannounced <> 0;",
    /* Each key cut in two at every place, so that what lies inside is found as what begins. */
    "DROP TRIGGER user_added;"
    "DROP TABLE user_key;"
    "CREATE TABLE cut (place INTEGER PRIMARY KEY);"
    "INSERT INTO cut WITH RECURSIVE places (n) AS"
    "  (SELECT 2 UNION ALL SELECT n + 1 FROM places WHERE n < 32) SELECT n FROM places;"
    "CREATE TABLE user_tail (tail TEXT NOT NULL, head TEXT NOT NULL, PRIMARY KEY (tail, head))"
    "  WITHOUT ROWID;"
    "CREATE TRIGGER user_added AFTER INSERT ON user BEGIN"
    "  INSERT INTO user_tail (tail, head)"
    "  SELECT substr(new.key, place), substr(new.key, 1, place - 1) FROM cut"
    "  WHERE place <= length(new.key); END;"
    "INSERT INTO user_tail (tail, head)"
    "  SELECT substr(key, place), substr(key, 1, place - 1) FROM user"
    "  JOIN cut ON place <= length(key) ORDER BY 1, 2;",
    "CREATE TABLE failed_login ("
    "  key BLOB PRIMARY KEY, failures INTEGER NOT NULL, at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX failed_login_expires_at ON failed_login (expires_at);"
    "CREATE INDEX failed_login_failures ON failed_login (failures, expires_at);"
    "CREATE TABLE login_network (" /* key: of account and network */
    "  key BLOB PRIMARY KEY, account BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX login_network_account ON login_network (account, at);",
    "ALTER TABLE user ADD COLUMN session_epoch INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE user ADD COLUMN kept_session TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE user ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE session ("
    "  id TEXT PRIMARY KEY, account BLOB NOT NULL, epoch INTEGER NOT NULL, device TEXT NOT NULL,"
    "  address TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX session_account ON session (account, seen);"
    "CREATE INDEX session_expires_at ON session (expires_at);"
    "CREATE TABLE code ("
    "  key BLOB PRIMARY KEY, kind INTEGER NOT NULL, account BLOB NOT NULL,"
    "  account_tag TEXT NOT NULL, created INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
    "  used INTEGER NOT NULL, used_by BLOB NOT NULL, used_by_tag TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX code_account ON code (kind, account, created);"
    "CREATE INDEX code_expires_at ON code (expires_at) WHERE used = 0;",
    "CREATE TABLE pending (" /* sign-ups that wait for a proof */
    "  key BLOB PRIMARY KEY, expires_at INTEGER NOT NULL, invite BLOB NOT NULL, tag TEXT NOT NULL,"
    "  email TEXT NOT NULL, email_key TEXT NOT NULL, first_name TEXT NOT NULL,"
    "  last_name TEXT NOT NULL, img TEXT NOT NULL, password_hash TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX pending_expires_at ON pending (expires_at);",
    "CREATE TABLE audit ("
    "  at INTEGER NOT NULL, id BLOB NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,"
    "  share INTEGER NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL, done_by TEXT NOT NULL,"
    "  account BLOB NOT NULL, account_tag TEXT NOT NULL, address TEXT NOT NULL,"
    "  device TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (at, id)) WITHOUT ROWID;"
    "CREATE INDEX audit_account ON audit (account, at, id);"
    "CREATE INDEX audit_share ON audit (share, at, id);",
    /* Of a deleted account id and tag are left. */
    "ALTER TABLE user ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE image ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX user_img ON user (img);"
    "CREATE INDEX image_stored ON image (stored, name);",
};
_Static_assert(TAG_MAX - 1 == 32, "the table \"cut\" goes from 2 to 32");

static const char *problem(struct user_store *store)
{
    return sqlite_db_problem(user_sqlite_handle(store)->db);
}

static void close_store(struct user_store *store)
{
    sqlite_scrub_stop(&user_sqlite_handle(store)->scrub);
    sqlite_writer_stop(&user_sqlite_handle(store)->writer);
    sqlite_db_close(&user_sqlite_handle(store)->db);
    free(store);
}

static enum status open_store(const char *url, struct user_store **store_out)
{
    struct user_sqlite_store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &user_store_sqlite;
    enum status status = sqlite_db_open(url + strlen("sqlite://"), migrations,
                                        sizeof(migrations) / sizeof(migrations[0]), &store->db);
    if (status == STATUS_OK)
        status = sqlite_writer_start(store->db, WRITES_PENDING_MAX, &store->writer);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    store->scrub = sqlite_scrub_start(store->db);
    *store_out = &store->head;
    return STATUS_OK;
}

const struct user_store_kind user_store_sqlite = {
    .scheme = "sqlite",
    .open = open_store,
    .close = close_store,
    .problem = problem,
    .add = user_sqlite_writes_add,
    .by_email = user_sqlite_reads_by_email,
    .by_keys = user_sqlite_reads_by_keys,
    .find = user_sqlite_search_find,
    .update = user_sqlite_updates_update,
    .unannounced = user_sqlite_pages_unannounced,
    .announced = user_sqlite_updates_announced,
    .import_profile = user_sqlite_updates_import_profile,
    .put_image = user_sqlite_writes_put_image,
    .get_image = user_sqlite_reads_get_image,
    .has_image = user_sqlite_reads_has_image,
    .revoke = user_sqlite_writes_revoke,
    .is_revoked = user_sqlite_reads_is_revoked,
    .set_credentials = user_sqlite_sessions_set_credentials,
    .delete_user = user_sqlite_departure_delete,
    .forget = user_sqlite_departure_forget,
    .set_departure = user_sqlite_departure_set,
    .purge = user_sqlite_departure_purge,
    .drop_image = user_sqlite_images_drop,
    .unused_images = user_sqlite_images_unused,
    .add_session = user_sqlite_sessions_add,
    .get_session = user_sqlite_sessions_get,
    .touch_session = user_sqlite_sessions_touch,
    .delete_session = user_sqlite_sessions_delete,
    .sessions = user_sqlite_sessions_of_account,
    .session_page = user_sqlite_sessions_page,
    .add_code = user_sqlite_codes_add,
    .get_code = user_sqlite_codes_get,
    .use_code = user_sqlite_codes_use,
    .delete_code = user_sqlite_codes_delete,
    .codes = user_sqlite_codes_of_account,
    .code_page = user_sqlite_codes_page,
    .add_pending = user_sqlite_pending_add,
    .get_pending = user_sqlite_pending_get,
    .delete_pending = user_sqlite_pending_delete,
    .get_failed = user_sqlite_logins_get_failed,
    .put_failed = user_sqlite_logins_put_failed,
    .clear_failed = user_sqlite_logins_clear_failed,
    .prune_failed = user_sqlite_logins_prune_failed,
    .get_login = user_sqlite_logins_get_login,
    .put_login = user_sqlite_logins_put_login,
    .put_audit = user_sqlite_audit_put,
    .list_audit = user_sqlite_audit_list,
    .prune_audit = user_sqlite_audit_prune,
    .forget_audit = user_sqlite_audit_forget,
    .page = user_sqlite_pages_page,
    .image_page = user_sqlite_pages_image_page,
    .revoked_page = user_sqlite_pages_revoked_page,
    .count = user_sqlite_pages_count,
};
