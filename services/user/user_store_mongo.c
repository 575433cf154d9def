#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/hashmap.h"
#include "services/common/memory.h"
#include "services/common/mongo_db.h"
#include "services/user/user_store_kind.h"

/*
 * users:    { _id, key, tag, email, emailKey, firstName, lastName, img, passwordHash, grams }
 * images:   { _id: name, contentType, data }
 * revoked:  { _id: jti, expiresAt }
 *
 * `grams` are the parts of the key of one to three letters. An index over (grams, key) finds any
 * substring by its first three letters, already in the order of the keys.
 */
enum { GRAM_MOST = 3 };

struct store {
    struct user_store head;
    struct mongo_db *db;
};

/* A borrowed client and one collection of it. */
struct handle {
    mongoc_client_t *client;
    mongoc_collection_t *collection;
};

static struct store *in(struct user_store *store)
{
    return (struct store *)store;
}

static struct handle take(struct user_store *store, const char *name)
{
    struct handle handle = { .client = mongo_db_borrow(in(store)->db) };

    handle.collection = mongo_collection(in(store)->db, handle.client, name);
    return handle;
}

static void give_back(struct user_store *store, struct handle *handle)
{
    mongoc_collection_destroy(handle->collection);
    mongo_db_give_back(in(store)->db, handle->client);
}

/* --- documents ------------------------------------------------------------------------------ */

static void append_grams(bson_t *document, const char *key)
{
    struct hashmap *seen = hashmap_create();
    size_t length = strlen(key);
    bson_t grams;
    uint32_t n = 0;

    BSON_APPEND_ARRAY_BEGIN(document, "grams", &grams);
    for (size_t size = 1; size <= GRAM_MOST; size++) {
        for (size_t i = 0; i + size <= length; i++) {
            char gram[GRAM_MOST + 1] = "", index[16];
            const char *name;
            memcpy(gram, key + i, size);
            if (hashmap_put(seen, gram, document) != NULL)
                continue;
            bson_uint32_to_string(n++, &name, index, sizeof(index));
            BSON_APPEND_UTF8(&grams, name, gram);
        }
    }
    bson_append_array_end(document, &grams);
    hashmap_destroy(&seen);
}

static void copy_text(const bson_t *document, const char *field, char *out, size_t size)
{
    snprintf(out, size, "%s", mongo_text(document, field));
}

static void read_user(const bson_t *document, struct user *user)
{
    *user = (struct user){ .tag = "" };
    mongo_id(document, "_id", &user->id);
    copy_text(document, "tag", user->tag, sizeof(user->tag));
    copy_text(document, "email", user->email, sizeof(user->email));
    copy_text(document, "emailKey", user->email_key, sizeof(user->email_key));
    copy_text(document, "firstName", user->first_name, sizeof(user->first_name));
    copy_text(document, "lastName", user->last_name, sizeof(user->last_name));
    copy_text(document, "img", user->img, sizeof(user->img));
    copy_text(document, "passwordHash", user->password_hash, sizeof(user->password_hash));
}

/* --- writes --------------------------------------------------------------------------------- */

static enum status insert(struct user_store *store, const char *collection, const bson_t *document)
{
    struct handle handle = take(store, collection);
    bson_error_t error;

    bool inserted = mongoc_collection_insert_one(handle.collection, document, NULL, NULL, &error);
    enum status status = inserted ? STATUS_OK : mongo_status(&error, collection);
    give_back(store, &handle);
    return status;
}

static enum status add(struct user_store *store, const struct user *user)
{
    char key[TAG_SIZE];
    bson_t document = BSON_INITIALIZER;

    if (!tag_to_key(user->tag, key))
        return STATUS_INVALID_ARGUMENT;
    mongo_append_id(&document, "_id", &user->id);
    BSON_APPEND_UTF8(&document, "key", key);
    BSON_APPEND_UTF8(&document, "tag", user->tag);
    BSON_APPEND_UTF8(&document, "email", user->email);
    BSON_APPEND_UTF8(&document, "emailKey", user->email_key);
    BSON_APPEND_UTF8(&document, "firstName", user->first_name);
    BSON_APPEND_UTF8(&document, "lastName", user->last_name);
    BSON_APPEND_UTF8(&document, "img", user->img);
    BSON_APPEND_UTF8(&document, "passwordHash", user->password_hash);
    append_grams(&document, key);
    enum status status = insert(store, "users", &document);
    bson_destroy(&document);
    return status;
}

static enum status update(struct user_store *store, const char *key, const char *first_name,
                          const char *last_name, const char *img)
{
    struct handle handle = take(store, "users");
    bson_t *selector = BCON_NEW("key", BCON_UTF8(key));
    bson_t *change = BCON_NEW("$set", "{", "firstName", BCON_UTF8(first_name), "lastName",
                              BCON_UTF8(last_name), "img", BCON_UTF8(img), "}");
    bson_error_t error;
    bson_t reply;

    bool done =
        mongoc_collection_update_one(handle.collection, selector, change, NULL, &reply, &error);
    enum status status = done ? STATUS_OK : mongo_status(&error, "users");
    if (done && mongo_int(&reply, "matchedCount") == 0)
        status = STATUS_NOT_FOUND;
    bson_destroy(&reply);
    bson_destroy(change);
    bson_destroy(selector);
    give_back(store, &handle);
    return status;
}

/* A document whose _id stands for its content: to have it twice is to have it. */
static enum status insert_once(struct user_store *store, const char *collection,
                               const bson_t *document)
{
    enum status status = insert(store, collection, document);
    return status == STATUS_ALREADY_EXISTS ? STATUS_OK : status;
}

static enum status put_image(struct user_store *store, const struct user_image *image)
{
    bson_t document = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&document, "_id", image->name);
    BSON_APPEND_UTF8(&document, "contentType", image->content_type);
    BSON_APPEND_BINARY(&document, "data", BSON_SUBTYPE_BINARY, image->data, (uint32_t)image->size);
    enum status status = insert_once(store, "images", &document);
    bson_destroy(&document);
    return status;
}

static enum status revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                          int64_t now_s)
{
    struct handle handle = take(store, "revoked");
    bson_t *expired = BCON_NEW("expiresAt", "{", "$lte", BCON_INT64(now_s), "}");
    bson_t *document = BCON_NEW("_id", BCON_UTF8(jti), "expiresAt", BCON_INT64(expires_at_s));
    bson_error_t error;

    enum status status = STATUS_OK;
    if (!mongoc_collection_delete_many(handle.collection, expired, NULL, NULL, &error))
        status = mongo_status(&error, "revoked");
    give_back(store, &handle);
    if (status == STATUS_OK)
        status = insert_once(store, "revoked", document);
    bson_destroy(document);
    bson_destroy(expired);
    return status;
}

/* --- reads ----------------------------------------------------------------------------------- */

typedef void take_document(void *ctx, const bson_t *document);

/* Every document of a query to `take_it`; `filter` and `opts` (may be NULL) are destroyed. */
static enum status query(struct user_store *store, const char *collection, bson_t *filter,
                         bson_t *opts, take_document *take_it, void *ctx)
{
    struct handle handle = take(store, collection);
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(handle.collection, filter, opts, NULL);
    enum status status = STATUS_OK;
    const bson_t *document;
    bson_error_t error;

    while (mongoc_cursor_next(cursor, &document))
        take_it(ctx, document);
    if (mongoc_cursor_error(cursor, &error))
        status = mongo_status(&error, collection);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    bson_destroy(opts);
    give_back(store, &handle);
    return status;
}

static void append_user(void *ctx, const bson_t *document)
{
    struct user_list *list = ctx;
    read_user(document, &list->items[list->count++]);
}

static enum status finish_list(enum status status, struct user_list *list)
{
    if (status != STATUS_OK) {
        free(list->items);
        *list = (struct user_list){ 0 };
    }
    return status;
}

static enum status by_email(struct user_store *store, const char *email_key, struct user *user_out)
{
    struct user user = { .tag = "" };
    struct user_list one = { .items = &user };

    enum status status = query(store, "users", BCON_NEW("emailKey", BCON_UTF8(email_key)),
                               BCON_NEW("limit", BCON_INT64(1)), append_user, &one);
    if (status == STATUS_OK && one.count == 0)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *user_out = user;
    return status;
}

static enum status by_keys(struct user_store *store, const char *const *keys, size_t key_count,
                           struct user_list *list_out)
{
    bson_t *filter = bson_new();
    bson_t wanted, list;

    *list_out = (struct user_list){ .items = xcalloc(key_count, sizeof(struct user)) };
    BSON_APPEND_DOCUMENT_BEGIN(filter, "key", &wanted);
    BSON_APPEND_ARRAY_BEGIN(&wanted, "$in", &list);
    for (size_t i = 0; i < key_count; i++) {
        char index[16];
        const char *name;
        bson_uint32_to_string((uint32_t)i, &name, index, sizeof(index));
        BSON_APPEND_UTF8(&list, name, keys[i]);
    }
    bson_append_array_end(&wanted, &list);
    bson_append_document_end(filter, &wanted);
    return finish_list(query(store, "users", filter,
                             BCON_NEW("limit", BCON_INT64((int64_t)key_count)), append_user,
                             list_out),
                       list_out);
}

static bson_t *by_key(size_t most)
{
    return BCON_NEW("sort", "{", "key", BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)most));
}

/* Keys hold letters, digits and '_' only, and so does `part`: nothing in it is a pattern. */
static bson_t *inside_filter(const char *part, const char *except_key)
{
    char gram[GRAM_MOST + 1], pattern[TAG_SIZE + 2];

    snprintf(gram, sizeof(gram), "%s", part);
    snprintf(pattern, sizeof(pattern), ".%s", part); /* not at the start alone */
    return BCON_NEW("grams", BCON_UTF8(gram), "key", "{", "$regex", BCON_UTF8(pattern), "$ne",
                    BCON_UTF8(except_key), "}");
}

/* Appends those who hold the part further inside; those who begin with it are there already. */
struct inside {
    struct user_list *list;
    const char *part;
    size_t most;
};

static void append_inside(void *ctx, const bson_t *document)
{
    struct inside *inside = ctx;

    if (inside->list->count < inside->most &&
        strncmp(mongo_text(document, "key"), inside->part, strlen(inside->part)) != 0)
        append_user(inside->list, document);
}

static enum status find(struct user_store *store, const char *part, const char *except_key,
                        size_t most, struct user_list *list_out)
{
    struct inside inside = { list_out, part, most };
    char end[TAG_SIZE + 1];

    *list_out = (struct user_list){ 0 };
    if (strlen(part) >= TAG_SIZE || most == 0)
        return STATUS_OK;
    list_out->items = xcalloc(most, sizeof(struct user));
    snprintf(end, sizeof(end), "%s\x7f", part);
    enum status status = query(store, "users",
                               BCON_NEW("key", "{", "$gte", BCON_UTF8(part), "$lt", BCON_UTF8(end),
                                        "$ne", BCON_UTF8(except_key), "}"),
                               by_key(most), append_user, list_out);
    size_t beginning = list_out->count;
    if (status == STATUS_OK && beginning < most && *part != '\0')
        status = query(store, "users", inside_filter(part, except_key), by_key(most + beginning),
                       append_inside, &inside);
    return finish_list(status, list_out);
}

struct image_reading {
    bool found;
    char *content_type;
    void *data;
    size_t size;
};

static void read_image(void *ctx, const bson_t *document)
{
    struct image_reading *reading = ctx;
    bson_iter_t at;
    const uint8_t *data;
    uint32_t size;

    if (reading->found || !bson_iter_init_find(&at, document, "data") ||
        !BSON_ITER_HOLDS_BINARY(&at))
        return;
    bson_iter_binary(&at, NULL, &size, &data);
    reading->found = true;
    reading->content_type = xstrdup(mongo_text(document, "contentType"));
    reading->data = xmalloc(size);
    memcpy(reading->data, data, size);
    reading->size = size;
}

static enum status get_image(struct user_store *store, const char *name, char **content_type_out,
                             void **data_out, size_t *size_out)
{
    struct image_reading reading = { .found = false };

    enum status status =
        query(store, "images", BCON_NEW("_id", BCON_UTF8(name)), NULL, read_image, &reading);
    if (status == STATUS_OK && !reading.found)
        return STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        free(reading.content_type);
        free(reading.data);
        return status;
    }
    *content_type_out = reading.content_type;
    *data_out = reading.data;
    *size_out = reading.size;
    return STATUS_OK;
}

static void note_found(void *ctx, const bson_t *document)
{
    (void)document;
    *(bool *)ctx = true;
}

static enum status exists(struct user_store *store, const char *collection, const char *id,
                          bool *exists_out)
{
    *exists_out = false;
    return query(store, collection, BCON_NEW("_id", BCON_UTF8(id)),
                 BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}"), note_found, exists_out);
}

static enum status has_image(struct user_store *store, const char *name, bool *has_out)
{
    return exists(store, "images", name, has_out);
}

static enum status is_revoked(struct user_store *store, const char *jti, bool *revoked_out)
{
    return exists(store, "revoked", jti, revoked_out);
}

/* --- life ------------------------------------------------------------------------------------ */

static void close_store(struct user_store *store)
{
    mongo_db_close(&in(store)->db);
    free(store);
}

static enum status ensure_indexes(struct store *store)
{
    mongoc_client_t *client = mongo_db_borrow(store->db);
    bson_t *key = BCON_NEW("key", BCON_INT32(1)), *email = BCON_NEW("emailKey", BCON_INT32(1));
    bson_t *grams = BCON_NEW("grams", BCON_INT32(1), "key", BCON_INT32(1));

    enum status status = mongo_ensure_index(store->db, client, "users", key, "key", true);
    if (status == STATUS_OK)
        status = mongo_ensure_index(store->db, client, "users", email, "emailKey", true);
    if (status == STATUS_OK)
        status = mongo_ensure_index(store->db, client, "users", grams, "grams", false);
    bson_destroy(key);
    bson_destroy(email);
    bson_destroy(grams);
    mongo_db_give_back(store->db, client);
    return status;
}

static enum status open_store(const char *url, struct user_store **store_out)
{
    struct store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &user_store_mongo;
    enum status status = mongo_db_open(url, &store->db);
    if (status == STATUS_OK)
        status = ensure_indexes(store);
    if (status != STATUS_OK) {
        close_store(&store->head);
        return status;
    }
    *store_out = &store->head;
    return STATUS_OK;
}

const struct user_store_kind user_store_mongo = {
    .scheme = "mongodb",
    .open = open_store,
    .close = close_store,
    .add = add,
    .by_email = by_email,
    .by_keys = by_keys,
    .find = find,
    .update = update,
    .put_image = put_image,
    .get_image = get_image,
    .has_image = has_image,
    .revoke = revoke,
    .is_revoked = is_revoked,
};
