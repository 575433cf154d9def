#include "services/user/store/sqlite/departure.h"

#include <stdio.h>

#include "services/user/store/sqlite/audit.h"
#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"
#include "services/user/store/sqlite/search.h"

/* --- the account --------------------------------------------------------------------------- */

struct delete_job {
    struct sqlite_job head;
    const char *key;
    const struct user_deletion *deletion;
};

/* What no address is, but unique. */
static void make_email_key(const struct id *id, char key_out[USER_EMAIL_SIZE])
{
    char hex[ID_HEX + 1];

    id_to_hex(id, hex);
    snprintf(key_out, USER_EMAIL_SIZE, "deleted:%s", hex);
}

static enum status run_delete(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct delete_job *job = (const struct delete_job *)head;
    const struct user *before = job->deletion->before;
    char email_key[USER_EMAIL_SIZE];
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "UPDATE user SET email = '', email_key = ?1, first_name = '', last_name = '',"
              " img = '', password_hash = '', revision = revision + ?2, unannounced = ?3,"
              " origin = '', session_epoch = session_epoch + 1, kept_session = '', disabled = 1,"
              " deleted = ?4 WHERE key = ?5 AND id = ?6 AND password_hash = ?7"
              " AND session_epoch = ?8 AND deleted = 0");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    make_email_key(&before->id, email_key);
    sqlite_bind_text(s, 1, email_key);
    sqlite3_bind_int64(s, 2, job->deletion->revision_step);
    sqlite3_bind_int(s, 3, USER_DELETED);
    sqlite3_bind_int64(s, 4, job->deletion->now_ms);
    sqlite_bind_text(s, 5, job->key);
    sqlite3_bind_blob(s, 6, before->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite_bind_text(s, 7, before->password_hash);
    sqlite3_bind_int64(s, 8, (sqlite3_int64)before->session_epoch);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    if (sqlite3_changes(sqlite3_db_handle(s)) != 1)
        return STATUS_CONFLICT;
    return user_sqlite_search_remove(conn, job->key);
}

enum status user_sqlite_departure_delete(struct user_store *store, const char *key,
                                         const struct user_deletion *deletion)
{
    struct delete_job job = { { .run = run_delete }, key, deletion };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct set_job {
    struct sqlite_job head;
    const char *key;
    uint64_t revision;
    unsigned departure;
};

static enum status run_set(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct set_job *job = (const struct set_job *)head;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "UPDATE user SET unannounced = ?1 WHERE key = ?2"
                                                " AND revision = ?3 AND deleted <> 0");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, job->departure);
    sqlite_bind_text(s, 2, job->key);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)job->revision);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_departure_set(struct user_store *store, const char *key, uint64_t revision,
                                      unsigned departure)
{
    struct set_job job = { { .run = run_set }, key, revision, departure };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* --- what refers to it --------------------------------------------------------------------- */

struct forget_job {
    struct sqlite_job head;
    const struct id *account;
};

static enum status run_for(struct sqlite_conn *conn, const char *sql_literal,
                           const struct id *account)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql_literal);

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_blob(s, 1, account->bytes, ID_BYTES, SQLITE_STATIC);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* An invite that was used (kind 1) stays, for the administrator's list. */
static enum status run_forget(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct id *account = ((const struct forget_job *)head)->account;

    _Static_assert(USER_CODE_INVITE == 1, "the SQL below");
    enum status status = run_for(conn, "DELETE FROM session WHERE account = ?", account);
    if (status == STATUS_OK)
        status = run_for(conn, "DELETE FROM login_network WHERE account = ?", account);
    if (status == STATUS_OK)
        status = run_for(conn, "DELETE FROM code WHERE account = ? AND (used = 0 OR kind <> 1)",
                         account);
    return status;
}

enum status user_sqlite_departure_forget(struct user_store *store, const struct id *account)
{
    struct forget_job job = { { .run = run_forget }, account };
    enum status status = sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);

    return status == STATUS_OK ? user_sqlite_audit_forget(store, account) : status;
}

enum status user_sqlite_departure_purge(struct user_store *store)
{
    return sqlite_db_empty_log(user_sqlite_handle(store)->db);
}
