#include "services/message/store/sqlite/profile.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/message/store/sqlite/handle.h"
#include "services/message/store/sqlite/rows.h"

struct profile_job {
    struct sqlite_job head;
    struct message_profile *profile;
};

static enum status read_revision(struct sqlite_conn *conn, int64_t user, uint64_t *revision_out)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "SELECT profile_revision FROM account WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, user);
    enum status status = row_status(sqlite_step(s));
    if (status == STATUS_OK)
        *revision_out = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status;
}

static enum status write_revision(struct sqlite_conn *conn, int64_t user, uint64_t revision)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(conn, "UPDATE account SET profile_revision = ? WHERE id = ?");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(s, 1, (int64_t)revision);
    sqlite3_bind_int64(s, 2, user);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* STATUS_NOT_FOUND: this revision, or a later one, has been noted before. */
static enum status note_revision(struct sqlite_conn *conn, int64_t user,
                                 struct message_profile *profile)
{
    enum status status = read_revision(conn, user, &profile->noted);

    if (status != STATUS_OK)
        return STATUS_UNAVAILABLE;
    if (profile->noted >= profile->revision)
        return STATUS_NOT_FOUND;
    profile->noted = profile->revision;
    return write_revision(conn, user, profile->revision);
}

/* Those who follow the user; the user's own account is the first. With `ids` beside. */
static enum status list_notified(struct sqlite_conn *conn, int64_t user,
                                 struct message_profile *profile, int64_t **ids_out)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT p.id, p.key, " RELATION_COLUMNS " FROM dialog d"
              " JOIN account o ON o.id = d.owner JOIN account p ON p.id = d.peer" RELATION_JOINS
              " WHERE d.owner = ? AND p.superseded = 0");
    size_t capacity = 0, id_capacity = 0;
    int result;

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    profile->notified = array_reserve(NULL, 0, &capacity, sizeof(*profile->notified));
    *ids_out = array_reserve(NULL, 0, &id_capacity, sizeof(**ids_out));
    memcpy(profile->notified[0].key, profile->user.key, ACCOUNT_NAME_SIZE);
    **ids_out = user;
    profile->notified_count = 1;
    sqlite3_bind_int64(s, 1, user);
    while ((result = sqlite_step(s)) == SQLITE_ROW) {
        const struct relation relation = relation_rows_read_columns(s, 2);
        if (!profile->is_deleted && !relation_they_follow_me(&relation, profile->consent))
            continue;
        profile->notified = array_reserve(profile->notified, profile->notified_count, &capacity,
                                          sizeof(*profile->notified));
        *ids_out =
            array_reserve(*ids_out, profile->notified_count, &id_capacity, sizeof(**ids_out));
        (*ids_out)[profile->notified_count] = sqlite3_column_int64(s, 0);
        sqlite_column_copy(s, 1, profile->notified[profile->notified_count++].key,
                           ACCOUNT_NAME_SIZE);
    }
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status note_for(struct sqlite_conn *conn, int64_t owner, int64_t user,
                            struct profile_notice *notice)
{
    sqlite3_stmt *s =
        owner == user
            ? sqlite_conn_prepare(conn, "UPDATE account SET profile_mod = ?1 WHERE id = ?2")
            : sqlite_conn_prepare(conn, "UPDATE dialog SET profile_mod = ?1, mod = ?1"
                                        " WHERE owner = ?2 AND peer = ?3");
    int64_t user_seq;

    if (s == NULL || row_next_user_seq(conn, owner, &user_seq) != STATUS_OK)
        return STATUS_UNAVAILABLE;
    notice->user_seq = (uint64_t)user_seq;
    sqlite3_bind_int64(s, 1, user_seq);
    sqlite3_bind_int64(s, 2, owner);
    if (owner != user)
        sqlite3_bind_int64(s, 3, user);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status run_note_profile(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct message_profile *profile = ((struct profile_job *)job)->profile;
    int64_t user = 0, *ids = NULL;

    enum status status = row_ensure_account(conn, &profile->user, &user);
    if (status == STATUS_OK)
        status = note_revision(conn, user, profile);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = list_notified(conn, user, profile, &ids);
    for (size_t i = 0; i < profile->notified_count && status == STATUS_OK; i++)
        status = note_for(conn, ids[i], user, &profile->notified[i]);
    free(ids);
    return status;
}

enum status message_sqlite_profile_note(struct message_store *store,
                                        struct message_profile *profile)
{
    struct profile_job job = { { .run = run_note_profile }, profile };

    profile->notified = NULL;
    profile->notified_count = 0;
    enum status status = sqlite_writer_run(message_sqlite_handle(store)->writer, &job.head);
    if (status != STATUS_OK) {
        free(profile->notified);
        profile->notified = NULL;
        profile->notified_count = 0;
    }
    return status;
}
