#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_writer.h"
#include "services/user/store/sqlite/updates.h"
#include "services/user/store/sqlite/rows.h"
#include "services/user/store/sqlite/search.h"
#include "services/user/store/user_store_kind.h"

enum { WRITES_MOST = 4096 };

struct store {
    struct user_store head;
    struct sqlite_db *db;
    struct sqlite_writer *writer;
};

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
};
_Static_assert(TAG_MAX - 1 == 32, "the table \"cut\" goes from 2 to 32");

static struct store *in(struct user_store *store)
{
    return (struct store *)store;
}

/* --- writes ------------------------------------------------------------------------------ */

struct add_job {
    struct sqlite_job head;
    const struct user *user;
    const char *key;
};

static enum status run_add(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user *user = ((struct add_job *)job)->user;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO user (key, " USER_ROW_COLUMNS
                                                ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
                                                " ON CONFLICT DO NOTHING");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    user_row_bind_text(s, 1, ((struct add_job *)job)->key);
    sqlite3_bind_blob(s, 2, user->id.bytes, ID_BYTES, SQLITE_STATIC);
    user_row_bind_text(s, 3, user->tag);
    user_row_bind_text(s, 4, user->email);
    user_row_bind_text(s, 5, user->email_key);
    user_row_bind_text(s, 6, user->first_name);
    user_row_bind_text(s, 7, user->last_name);
    user_row_bind_text(s, 8, user->img);
    user_row_bind_text(s, 9, user->password_hash);
    sqlite3_bind_int64(s, 10, (sqlite3_int64)user->revision);
    sqlite3_bind_int64(s, 11, user->unannounced);
    user_row_bind_text(s, 12, user->origin);
    if (sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return sqlite3_changes(sqlite3_db_handle(s)) == 1 ? STATUS_OK : STATUS_ALREADY_EXISTS;
}

static enum status add(struct user_store *store, const struct user *user)
{
    char key[TAG_SIZE];
    struct add_job job = { .head.run = run_add, .user = user, .key = key };

    if (!tag_to_key(user->tag, key))
        return STATUS_INVALID_ARGUMENT;
    return sqlite_writer_run(in(store)->writer, &job.head);
}

static enum status update(struct user_store *store, const char *key,
                          const struct user_update *wanted)
{
    return news_sqlite_update(in(store)->writer, key, wanted);
}

static enum status announced(struct user_store *store, const char *key, uint64_t revision)
{
    return news_sqlite_announced(in(store)->writer, key, revision);
}

static enum status take_over(struct user_store *store, const char *key, const struct user *user)
{
    return news_sqlite_take_over(in(store)->writer, key, user);
}

struct image_job {
    struct sqlite_job head;
    const struct user_image *image;
};

static enum status run_put_image(struct sqlite_job *job, struct sqlite_conn *conn)
{
    const struct user_image *image = ((const struct image_job *)job)->image;
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO image (name, content_type, data) VALUES (?,?,?) ON CONFLICT DO NOTHING");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    user_row_bind_text(s, 1, image->name);
    user_row_bind_text(s, 2, image->content_type);
    sqlite3_bind_blob64(s, 3, image->data, image->size, SQLITE_STATIC);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status put_image(struct user_store *store, const struct user_image *image)
{
    struct image_job job = { { .run = run_put_image }, image };
    return sqlite_writer_run(in(store)->writer, &job.head);
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
    user_row_bind_text(s, 1, revoke->jti);
    sqlite3_bind_int64(s, 2, revoke->expires_at_s);
    if (sqlite_step(forget) != SQLITE_DONE || sqlite_step(s) != SQLITE_DONE)
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

static enum status revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                          int64_t now_s)
{
    struct revoke_job job = { { .run = run_revoke }, jti, expires_at_s, now_s };
    return sqlite_writer_run(in(store)->writer, &job.head);
}

/* --- reads ------------------------------------------------------------------------------- */

/*
 * The first row of a query with one text parameter: STATUS_OK with `*s_out` on it, or
 * STATUS_NOT_FOUND. In every case the caller ends with end_read.
 */
static enum status begin_read(struct store *store, const char *sql, const char *parameter,
                              struct sqlite_conn **conn_out, sqlite3_stmt **s_out)
{
    *s_out = NULL;
    *conn_out = sqlite_db_borrow(store->db);
    if (*conn_out != NULL)
        *s_out = sqlite_conn_prepare(*conn_out, sql);
    if (*s_out == NULL)
        return STATUS_UNAVAILABLE;
    user_row_bind_text(*s_out, 1, parameter);
    int result = sqlite_step(*s_out);
    if (result == SQLITE_ROW)
        return STATUS_OK;
    return result == SQLITE_DONE ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

static void end_read(struct store *store, struct sqlite_conn *conn, sqlite3_stmt *s)
{
    sqlite3_reset(s);
    if (conn != NULL)
        sqlite_db_give_back(store->db, conn);
}

static enum status by_email(struct user_store *store, const char *email_key, struct user *user_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status =
        begin_read(in(store), "SELECT " USER_ROW_COLUMNS " FROM user WHERE email_key = ?",
                   email_key, &conn, &s);
    if (status == STATUS_OK)
        user_row_read(s, user_out);
    end_read(in(store), conn, s);
    return status;
}

static enum status by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                           struct user_list *list_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(in(store)->db);
    enum status status = conn != NULL ? STATUS_OK : STATUS_UNAVAILABLE;

    *list_out = (struct user_list){ .items = xcalloc(key_count, sizeof(struct user)) };
    for (size_t i = 0; i < key_count && status == STATUS_OK; i++) {
        sqlite3_stmt *s =
            sqlite_conn_prepare(conn, "SELECT " USER_ROW_COLUMNS " FROM user WHERE key = ?");
        int result = SQLITE_ERROR;
        if (s != NULL) {
            user_row_bind_text(s, 1, keys[i]);
            result = sqlite_step(s);
        }
        if (result == SQLITE_ROW)
            user_row_read(s, &list_out->items[list_out->count++]);
        else if (result != SQLITE_DONE)
            status = STATUS_UNAVAILABLE;
        sqlite3_reset(s);
    }
    if (conn != NULL)
        sqlite_db_give_back(in(store)->db, conn);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_list){ 0 };
    }
    return status;
}

static enum status find(struct user_store *store, const char *part, const char *except_key,
                        size_t most, struct user_list *list_out)
{
    *list_out = (struct user_list){ 0 };
    if (strlen(part) >= TAG_SIZE || most == 0)
        return STATUS_OK; /* longer than any key */
    struct sqlite_conn *conn = sqlite_db_borrow(in(store)->db);
    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    list_out->items = xcalloc(most, sizeof(struct user));
    enum status status = user_search_sqlite(conn, part, except_key, most, list_out);
    sqlite_db_give_back(in(store)->db, conn);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_list){ 0 };
    }
    return status;
}

static enum status get_image(struct user_store *store, const char *name, char **content_type_out,
                             void **data_out, size_t *size_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = begin_read(
        in(store), "SELECT content_type, data FROM image WHERE name = ?", name, &conn, &s);
    if (status == STATUS_OK) {
        *content_type_out = xstrdup(sqlite_column_text_or_empty(s, 0));
        const void *data = sqlite3_column_blob(s, 1);
        *size_out = (size_t)sqlite3_column_bytes(s, 1);
        *data_out = xmalloc(*size_out);
        if (*size_out > 0)
            memcpy(*data_out, data, *size_out);
    }
    end_read(in(store), conn, s);
    return status;
}

static enum status exists(struct user_store *store, const char *sql, const char *name,
                          bool *exists_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = begin_read(in(store), sql, name, &conn, &s);
    end_read(in(store), conn, s);
    *exists_out = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status has_image(struct user_store *store, const char *name, bool *has_out)
{
    return exists(store, "SELECT 1 FROM image WHERE name = ?", name, has_out);
}

static enum status is_revoked(struct user_store *store, const char *jti, bool *revoked_out)
{
    return exists(store, "SELECT 1 FROM revoked_token WHERE jti = ?", jti, revoked_out);
}

/* --- pages -------------------------------------------------------------------------------- */

typedef void read_item(sqlite3_stmt *s, void *item);

/* The rows of a query with a key and a limit as its parameters, each read into an item. */
static enum status read_page(struct store *store, const char *sql, const char *after, size_t most,
                             size_t item_size, read_item *read, void **items_out, size_t *count_out)
{
    struct sqlite_conn *conn = sqlite_db_borrow(store->db);
    sqlite3_stmt *s = conn != NULL ? sqlite_conn_prepare(conn, sql) : NULL;
    char *items = xcalloc(most, item_size);
    int result = SQLITE_ERROR;
    size_t count = 0;

    if (s != NULL) {
        user_row_bind_text(s, 1, after);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)most);
        while ((result = sqlite_step(s)) == SQLITE_ROW)
            read(s, items + item_size * count++);
    }
    if (conn != NULL)
        sqlite_db_give_back(store->db, conn);
    if (result != SQLITE_DONE) {
        free(items);
        items = NULL;
        count = 0;
    }
    *items_out = items;
    *count_out = count;
    return result == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void read_user_item(sqlite3_stmt *s, void *item)
{
    user_row_read(s, item);
}

static enum status page(struct user_store *store, const char *after_key, size_t most,
                        struct user_list *list_out)
{
    void *items;

    enum status status = read_page(
        in(store), "SELECT " USER_ROW_COLUMNS " FROM user WHERE key > ? ORDER BY key LIMIT ?",
        after_key, most, sizeof(struct user), read_user_item, &items, &list_out->count);
    list_out->items = items;
    return status;
}

static enum status unannounced(struct user_store *store, const char *after_key, size_t most,
                               struct user_list *list_out)
{
    void *items;

    enum status status =
        read_page(in(store),
                  "SELECT " USER_ROW_COLUMNS " FROM user WHERE unannounced <> 0"
                  " AND key > ? ORDER BY key LIMIT ?",
                  after_key, most, sizeof(struct user), read_user_item, &items, &list_out->count);
    list_out->items = items;
    return status;
}

static void read_image_name(sqlite3_stmt *s, void *item)
{
    user_row_copy_text(s, 0, ((struct user_image_name *)item)->name, USER_IMAGE_SIZE);
}

static enum status image_page(struct user_store *store, const char *after_name, size_t most,
                              struct user_image_names *names_out)
{
    void *items;

    enum status status = read_page(
        in(store), "SELECT name FROM image WHERE name > ? ORDER BY name LIMIT ?", after_name, most,
        sizeof(struct user_image_name), read_image_name, &items, &names_out->count);
    names_out->items = items;
    return status;
}

static void read_revoked(sqlite3_stmt *s, void *item)
{
    struct revoked_token *token = item;

    user_row_copy_text(s, 0, token->jti, sizeof(token->jti));
    token->expires_at_s = sqlite3_column_int64(s, 1);
}

static enum status revoked_page(struct user_store *store, const char *after_jti, size_t most,
                                struct revoked_list *list_out)
{
    void *items;

    enum status status = read_page(
        in(store), "SELECT jti, expires_at FROM revoked_token WHERE jti > ? ORDER BY jti LIMIT ?",
        after_jti, most, sizeof(struct revoked_token), read_revoked, &items, &list_out->count);
    list_out->items = items;
    return status;
}

static enum status count(struct user_store *store, struct user_store_counts *counts_out)
{
    struct sqlite_conn *conn;
    sqlite3_stmt *s;

    enum status status = begin_read(in(store),
                                    "SELECT (SELECT count(*) FROM user),"
                                    " (SELECT count(*) FROM image),"
                                    " (SELECT count(*) FROM revoked_token) WHERE ? = ''",
                                    "", &conn, &s);
    if (status == STATUS_OK)
        *counts_out = (struct user_store_counts){ (uint64_t)sqlite3_column_int64(s, 0),
                                                  (uint64_t)sqlite3_column_int64(s, 1),
                                                  (uint64_t)sqlite3_column_int64(s, 2) };
    end_read(in(store), conn, s);
    return status;
}

/* --- life -------------------------------------------------------------------------------- */

static void close_store(struct user_store *store)
{
    sqlite_writer_stop(&in(store)->writer);
    sqlite_db_close(&in(store)->db);
    free(store);
}

static enum status open_store(const char *url, struct user_store **store_out)
{
    struct store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &user_store_sqlite;
    enum status status = sqlite_db_open(url + strlen("sqlite://"), migrations,
                                        sizeof(migrations) / sizeof(migrations[0]), &store->db);
    if (status == STATUS_OK)
        status = sqlite_writer_start(store->db, WRITES_MOST, &store->writer);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    *store_out = &store->head;
    return STATUS_OK;
}

const struct user_store_kind user_store_sqlite = {
    .scheme = "sqlite",
    .open = open_store,
    .close = close_store,
    .add = add,
    .by_email = by_email,
    .by_keys = by_keys,
    .find = find,
    .update = update,
    .unannounced = unannounced,
    .announced = announced,
    .take_over = take_over,
    .put_image = put_image,
    .get_image = get_image,
    .has_image = has_image,
    .revoke = revoke,
    .is_revoked = is_revoked,
    .page = page,
    .image_page = image_page,
    .revoked_page = revoked_page,
    .count = count,
};
