#include "services/user/store/sqlite/writes.h"

#include "services/user/store/sqlite/handle.h"
#include "services/user/store/sqlite/rows.h"
#include "services/user/store/sqlite/search.h"

struct add_job {
    struct sqlite_job head;
    const struct user *user;
    const char *key;
};

static enum status run_add(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user *user = ((struct add_job *)job)->user;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO user (key, " USER_ROW_COLUMNS
                                                ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                                                " ON CONFLICT DO NOTHING");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, ((struct add_job *)job)->key);
    sqlite3_bind_blob(s, 2, user->id.bytes, ID_BYTES, SQLITE_STATIC);
    sqlite_bind_text(s, 3, user->tag);
    sqlite_bind_text(s, 4, user->email);
    sqlite_bind_text(s, 5, user->email_key);
    sqlite_bind_text(s, 6, user->first_name);
    sqlite_bind_text(s, 7, user->last_name);
    sqlite_bind_text(s, 8, user->img);
    sqlite_bind_text(s, 9, user->password_hash);
    sqlite3_bind_int64(s, 10, (sqlite3_int64)user->revision);
    sqlite3_bind_int64(s, 11, user->unannounced);
    sqlite_bind_text(s, 12, user->origin);
    sqlite3_bind_int64(s, 13, (sqlite3_int64)user->session_epoch);
    sqlite_bind_text(s, 14, user->kept_session);
    sqlite3_bind_int(s, 15, user->disabled);
    sqlite3_bind_int64(s, 16, user->deleted_ms);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    if (sqlite3_changes(sqlite3_db_handle(s)) != 1)
        return STATUS_ALREADY_EXISTS;
    return user->deleted_ms != 0 ? user_sqlite_search_remove(conn, ((struct add_job *)job)->key)
                                 : STATUS_OK;
}

enum status user_sqlite_writes_add(struct user_store *store, const struct user *user)
{
    char key[TAG_SIZE];
    struct add_job job = { .head.run = run_add, .user = user, .key = key };

    if (!tag_to_key(user->tag, key))
        return STATUS_INVALID_ARGUMENT;
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct image_job {
    struct sqlite_job head;
    const struct user_image *image;
};

static enum status run_put_image(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_image *image = ((const struct image_job *)job)->image;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO image (name, content_type, data, stored) VALUES (?,?,?,?)"
              " ON CONFLICT DO NOTHING");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, image->name);
    sqlite_bind_text(s, 2, image->content_type);
    sqlite3_bind_blob64(s, 3, image->data, image->size, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, image->stored_ms);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_writes_put_image(struct user_store *store, const struct user_image *image)
{
    struct image_job job = { { .run = run_put_image }, image };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

struct revoke_job {
    struct sqlite_job head;
    const char *jti;
    int64_t expires_at_s, now_s;
};

static enum status run_revoke(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct revoke_job *revoke = (const struct revoke_job *)job;
    sqlite3_stmt *forget =
        sqlite_conn_prepare(conn, "DELETE FROM revoked_token WHERE expires_at <= ?");
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO revoked_token (jti, expires_at) VALUES (?,?) ON CONFLICT DO NOTHING");

    if (s == NULL || forget == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_int64(forget, 1, revoke->now_s);
    sqlite_bind_text(s, 1, revoke->jti);
    sqlite3_bind_int64(s, 2, revoke->expires_at_s);
    if (sqlite_step(forget) != SQLITE_DONE || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

enum status user_sqlite_writes_revoke(struct user_store *store, const char *jti,
                                      int64_t expires_at_s, int64_t now_s)
{
    struct revoke_job job = { { .run = run_revoke }, jti, expires_at_s, now_s };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}
