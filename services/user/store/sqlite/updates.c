#include "services/user/store/sqlite/updates.h"

#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"
#include "services/user/store/sqlite/search.h"

/* Runs a statement on one user; STATUS_NOT_FOUND when there is none. */
static enum status finish_update(sqlite3_stmt *s)
{
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_NOT_FOUND;
}

struct update_job {
    struct sqlite_job head;
    const char *key;
    const struct user_update *update;
};

/* The right sides see the row as it was. */
static enum status run_update(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_update *update = ((const struct update_job *)job)->update;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE user SET first_name = ?1, last_name = ?2, img = ?3,"
              " origin = CASE WHEN ?4 = 0 THEN origin WHEN unannounced = 0 THEN ?5"
              "          WHEN origin = ?5 THEN origin ELSE '' END,"
              " revision = revision + iif(?4 <> 0, ?7, 0), unannounced = unannounced | ?4 WHERE "
              "key = ?6 AND deleted = 0");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, update->first_name);
    sqlite_bind_text(s, 2, update->last_name);
    sqlite_bind_text(s, 3, update->img);
    sqlite3_bind_int64(s, 4, update->changed);
    sqlite_bind_text(s, 5, update->origin);
    sqlite_bind_text(s, 6, ((const struct update_job *)job)->key);
    sqlite3_bind_int64(s, 7, (sqlite3_int64)update->revision_step);
    return finish_update(s);
}

enum status user_sqlite_updates_update(struct user_store *store, const char *key,
                                       const struct user_update *wanted)
{
    struct update_job job = { { .run = run_update }, key, wanted };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct announced_job {
    struct sqlite_job head;
    const char *key;
    uint64_t revision, noted;
};

static enum status run_announced(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct announced_job *announced = (const struct announced_job *)job;
    bool ignored = announced->noted > announced->revision;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE user SET revision = iif(?3, ?4 + 1, revision),"
              " unannounced = iif(?3, unannounced, 0), origin = iif(?3, origin, '')"
              " WHERE key = ?1 AND revision = ?2");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, announced->key);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)announced->revision);
    sqlite3_bind_int(s, 3, ignored);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)announced->noted);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_updates_announced(struct user_store *store, const char *key,
                                          uint64_t revision, uint64_t noted)
{
    struct announced_job job = { { .run = run_announced }, key, revision, noted };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct import_job {
    struct sqlite_job head;
    const char *key;
    const struct user *user;
};

static enum status run_import(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user *user = ((const struct import_job *)job)->user;
    const char *key = ((const struct import_job *)job)->key;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE user SET first_name = ?, last_name = ?, img = ?,"
              " revision = max(revision, ?), unannounced = ?, origin = ?, password_hash = ?,"
              " session_epoch = ?, kept_session = ?, disabled = ?, deleted = ?, email = ?,"
              " email_key = ? WHERE key = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, user->first_name);
    sqlite_bind_text(s, 2, user->last_name);
    sqlite_bind_text(s, 3, user->img);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)user->revision);
    sqlite3_bind_int64(s, 5, user->unannounced);
    sqlite_bind_text(s, 6, user->origin);
    sqlite_bind_text(s, 7, user->password_hash);
    sqlite3_bind_int64(s, 8, (sqlite3_int64)user->session_epoch);
    sqlite_bind_text(s, 9, user->kept_session);
    sqlite3_bind_int(s, 10, user->disabled);
    sqlite3_bind_int64(s, 11, user->deleted_ms);
    sqlite_bind_text(s, 12, user->email);
    sqlite_bind_text(s, 13, user->email_key);
    sqlite_bind_text(s, 14, key);
    enum status status = finish_update(s);
    return status == STATUS_OK && user->deleted_ms != 0 ? user_sqlite_search_remove(conn, key)
                                                        : status;
}

enum status user_sqlite_updates_import_profile(struct user_store *store, const char *key,
                                               const struct user *user)
{
    struct import_job job = { { .run = run_import }, key, user };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}
