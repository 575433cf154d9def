#include "services/message/store/sqlite/accounts.h"

#include <stdio.h>
#include <string.h>

#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

struct claimed {
    char account_id[ID_HEX + 1]; /* "": none yet */
    bool superseded;
};

static enum status read_claim(struct sqlite_conn *conn, const char *key, struct claimed *claimed)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT account_id, superseded FROM account WHERE key = ?");

    *claimed = (struct claimed){ .superseded = false };
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, key);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK) {
        sqlite_column_copy(s, 0, claimed->account_id, sizeof(claimed->account_id));
        claimed->superseded = sqlite3_column_int(s, 1) != 0;
    }
    sqlite3_reset(s);
    return status;
}

/* Sets the account's name. `is_done_out`: nothing has to be written. */
static enum status find_name(struct sqlite_conn *conn, struct message_user *user,
                             const char *account_id, bool *is_done_out)
{
    struct claimed claimed;

    *is_done_out = false;
    enum status status = read_claim(conn, user->key, &claimed);
    if (status == STATUS_OK && claimed.account_id[0] != '\0' &&
        strcmp(claimed.account_id, account_id) != 0) {
        message_user_set_later(user, account_id);
        status = read_claim(conn, user->key, &claimed);
    }
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    *is_done_out = claimed.account_id[0] != '\0' && !claimed.superseded;
    return status;
}

static enum status write_claim(struct sqlite_conn *conn, int64_t account, const char *account_id)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "UPDATE account SET account_id = ? WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, account_id);
    sqlite3_bind_int64(s, 2, account);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* Of all accounts of a tag only this one has it. */
static enum status supersede_others(struct sqlite_conn *conn, const char *tag_key, int64_t account)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "UPDATE account SET superseded = (id <> ?2)"
                                  " WHERE (key = ?1 OR (key > ?1 || ':' AND key < ?1 || ';'))"
                                  " AND superseded <> (id <> ?2)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, tag_key);
    sqlite3_bind_int64(s, 2, account);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

struct claim_job {
    struct sqlite_job head;
    struct message_user *user;
    const char *account_id;
};

static enum status run_claim(struct sqlite_job *head, struct sqlite_conn *conn)
{
    const struct claim_job *job = (const struct claim_job *)head;
    char tag_key[ACCOUNT_NAME_SIZE];
    int64_t account = 0;
    bool is_done;

    memcpy(tag_key, job->user->key, sizeof(tag_key));
    enum status status = find_name(conn, job->user, job->account_id, &is_done);
    if (status == STATUS_OK)
        status = row_ensure_account(conn, job->user, &account);
    if (status == STATUS_OK)
        status = write_claim(conn, account, job->account_id);
    if (status == STATUS_OK)
        status = supersede_others(conn, tag_key, account);
    return status;
}

enum status message_sqlite_accounts_claim(struct message_store *store, struct message_user *user,
                                          const char *account_id)
{
    struct message_sqlite_store *handle = message_sqlite_handle(store);
    struct sqlite_conn *conn = sqlite_db_borrow(handle->db);
    struct message_user found = *user;
    bool is_done = false;

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = find_name(conn, &found, account_id, &is_done);
    sqlite_db_give_back(handle->db, conn);
    if (status == STATUS_OK && !is_done) {
        struct claim_job job = { { .run = run_claim }, user, account_id };
        return sqlite_writer_run(handle->writer, &job.head);
    }
    *user = found;
    return status;
}
