#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/hashmap.h"
#include "services/common/memory.h"
#include "services/common/mongo_db.h"
#include "services/user/user_store_kind.h"

/*
 * users:    { _id, key, tag, email, emailKey, firstName, lastName, img, passwordHash, grams,
 *             revision?, unannounced?, changed?: { firstName?, lastName?, img? }, origin? }
 * images:   { _id: name, contentType, data }
 * revoked:  { _id: jti, expiresAt }
 *
 * `grams` are the parts of the key of one to three letters. An index over (grams, key) finds any
 * substring by its first three letters, already in the order of the keys.
 *
 * What is unannounced is `unannounced`, bits of enum user_changed and at least one if there are
 * any, together with the fields of `changed`. An update raises the number with $max and sets its
 * own fields: one write that loses no bit, of operators that every server has ($bit is rare).
 */
enum { GRAM_MOST = 3 };

struct store {
    struct user_store head;
    struct mongo_db *db;
};

static struct store *in(struct user_store *store)
{
    return (struct store *)store;
}

/* --- documents ------------------------------------------------------------------------------ */

static void append_grams(bson_t *document, const char *key)
{
    struct hashmap *seen = hashmap_create();
    size_t length = strlen(key);
    struct mongo_array grams;

    mongo_array_begin(document, "grams", &grams);
    for (size_t size = 1; size <= GRAM_MOST; size++) {
        for (size_t i = 0; i + size <= length; i++) {
            char gram[GRAM_MOST + 1] = "";
            memcpy(gram, key + i, size);
            if (hashmap_put(seen, gram, document) == NULL)
                mongo_array_append_text(&grams, gram);
        }
    }
    mongo_array_end(&grams);
    hashmap_destroy(&seen);
}

static void copy_text(const bson_t *document, const char *field, char *out, size_t size)
{
    snprintf(out, size, "%s", mongo_text(document, field));
}

static const struct {
    const char *path; /* in the document, true if it has changed */
    unsigned bit;
} changed_fields[] = {
    { "changed.firstName", USER_CHANGED_FIRST_NAME },
    { "changed.lastName", USER_CHANGED_LAST_NAME },
    { "changed.img", USER_CHANGED_IMG },
};
enum { CHANGED_FIELDS = sizeof(changed_fields) / sizeof(changed_fields[0]) };

static unsigned read_unannounced(const bson_t *document)
{
    unsigned bits = (unsigned)mongo_int(document, "unannounced");
    bson_iter_t at, field;

    for (size_t i = 0; bits != 0 && i < CHANGED_FIELDS; i++) {
        if (bson_iter_init(&at, document) &&
            bson_iter_find_descendant(&at, changed_fields[i].path, &field))
            bits |= changed_fields[i].bit;
    }
    return bits;
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
    user->revision = (uint64_t)mongo_int(document, "revision");
    user->unannounced = read_unannounced(document);
    copy_text(document, "origin", user->origin, sizeof(user->origin));
}

/* --- writes --------------------------------------------------------------------------------- */

/* STATUS_ALREADY_EXISTS; the document is destroyed. */
static enum status insert(struct user_store *store, const char *collection, bson_t *document_take)
{
    enum status outcome = STATUS_UNAVAILABLE;

    enum status status = mongo_insert(in(store)->db, collection, &document_take, 1, true, &outcome);
    bson_destroy(document_take);
    return status == STATUS_OK ? outcome : status;
}

static enum status add(struct user_store *store, const struct user *user)
{
    char key[TAG_SIZE];

    if (!tag_to_key(user->tag, key))
        return STATUS_INVALID_ARGUMENT;
    bson_t *document = bson_new();
    mongo_append_id(document, "_id", &user->id);
    BSON_APPEND_UTF8(document, "key", key);
    BSON_APPEND_UTF8(document, "tag", user->tag);
    BSON_APPEND_UTF8(document, "email", user->email);
    BSON_APPEND_UTF8(document, "emailKey", user->email_key);
    BSON_APPEND_UTF8(document, "firstName", user->first_name);
    BSON_APPEND_UTF8(document, "lastName", user->last_name);
    BSON_APPEND_UTF8(document, "img", user->img);
    BSON_APPEND_UTF8(document, "passwordHash", user->password_hash);
    BSON_APPEND_INT64(document, "revision", (int64_t)user->revision);
    BSON_APPEND_INT64(document, "unannounced", user->unannounced);
    BSON_APPEND_UTF8(document, "origin", user->origin);
    append_grams(document, key);
    return insert(store, "users", document);
}

static bson_t *update_change(const struct user_update *update, const char *origin)
{
    bson_t *change = bson_new();
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    BSON_APPEND_UTF8(&set, "firstName", update->first_name);
    BSON_APPEND_UTF8(&set, "lastName", update->last_name);
    BSON_APPEND_UTF8(&set, "img", update->img);
    for (size_t i = 0; i < CHANGED_FIELDS; i++) {
        if ((update->changed & changed_fields[i].bit) != 0)
            BSON_APPEND_BOOL(&set, changed_fields[i].path, true);
    }
    if (update->changed != 0)
        BSON_APPEND_UTF8(&set, "origin", origin);
    bson_append_document_end(change, &set);
    if (update->changed != 0)
        BCON_APPEND(change, "$inc", "{", "revision", BCON_INT64(1), "}", "$max", "{", "unannounced",
                    BCON_INT64(update->changed), "}");
    return change;
}

static enum status update_where(struct user_store *store, bson_t *filter_take,
                                const struct user_update *update, const char *origin)
{
    return mongo_update(in(store)->db, "users", filter_take, update_change(update, origin));
}

/* The origin is this one if nothing of another is unannounced. If it is announced between the two
 * tries, nobody is the origin; then the one who is hears of it, too. */
static enum status update(struct user_store *store, const char *key,
                          const struct user_update *wanted)
{
    bson_t *alone = BCON_NEW("key", BCON_UTF8(key), "$or", "[", "{", "unannounced", "{", "$in", "[",
                             BCON_INT64(0), BCON_NULL, "]", "}", "}", "{", "origin",
                             BCON_UTF8(wanted->origin), "}", "]");

    enum status status = update_where(store, alone, wanted, wanted->origin);
    if (status == STATUS_NOT_FOUND)
        status = update_where(store, BCON_NEW("key", BCON_UTF8(key)), wanted, "");
    return status;
}

static enum status announced(struct user_store *store, const char *key, uint64_t revision)
{
    enum status status =
        mongo_update(in(store)->db, "users",
                     BCON_NEW("key", BCON_UTF8(key), "revision", BCON_INT64((int64_t)revision)),
                     BCON_NEW("$set", "{", "unannounced", BCON_INT64(0), "origin", BCON_UTF8(""),
                              "}", "$unset", "{", "changed", BCON_BOOL(true), "}"));

    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status take_over(struct user_store *store, const char *key, const struct user *user)
{
    return mongo_update(in(store)->db, "users", BCON_NEW("key", BCON_UTF8(key)),
                        BCON_NEW("$set", "{", "firstName", BCON_UTF8(user->first_name), "lastName",
                                 BCON_UTF8(user->last_name), "img", BCON_UTF8(user->img),
                                 "unannounced", BCON_INT64(user->unannounced), "origin",
                                 BCON_UTF8(user->origin), "}", "$unset", "{", "changed",
                                 BCON_BOOL(true), "}", "$max", "{", "revision",
                                 BCON_INT64((int64_t)user->revision), "}"));
}

/* A document whose _id stands for its content: to have it twice is to have it. */
static enum status insert_once(struct user_store *store, const char *collection,
                               bson_t *document_take)
{
    enum status status = insert(store, collection, document_take);
    return status == STATUS_ALREADY_EXISTS ? STATUS_OK : status;
}

static enum status put_image(struct user_store *store, const struct user_image *image)
{
    bson_t *document = bson_new();

    BSON_APPEND_UTF8(document, "_id", image->name);
    BSON_APPEND_UTF8(document, "contentType", image->content_type);
    BSON_APPEND_BINARY(document, "data", BSON_SUBTYPE_BINARY, image->data, (uint32_t)image->size);
    return insert_once(store, "images", document);
}

static enum status revoke(struct user_store *store, const char *jti, int64_t expires_at_s,
                          int64_t now_s)
{
    enum status status = STATUS_OK;

    if (now_s > 0)
        status = mongo_delete(in(store)->db, "revoked",
                              BCON_NEW("expiresAt", "{", "$lte", BCON_INT64(now_s), "}"));
    if (status == STATUS_OK)
        status =
            insert_once(store, "revoked",
                        BCON_NEW("_id", BCON_UTF8(jti), "expiresAt", BCON_INT64(expires_at_s)));
    return status;
}

/* --- reads ----------------------------------------------------------------------------------- */

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

    enum status status =
        mongo_find(in(store)->db, "users", BCON_NEW("emailKey", BCON_UTF8(email_key)),
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
    bson_t wanted;
    struct mongo_array list;

    *list_out = (struct user_list){ .items = xcalloc(key_count, sizeof(struct user)) };
    BSON_APPEND_DOCUMENT_BEGIN(filter, "key", &wanted);
    mongo_array_begin(&wanted, "$in", &list);
    for (size_t i = 0; i < key_count; i++)
        mongo_array_append_text(&list, keys[i]);
    mongo_array_end(&list);
    bson_append_document_end(filter, &wanted);
    bson_t *opts = BCON_NEW("limit", BCON_INT64((int64_t)key_count));
    return finish_list(mongo_find(in(store)->db, "users", filter, opts, append_user, list_out),
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
    enum status status = mongo_find(in(store)->db, "users",
                                    BCON_NEW("key", "{", "$gte", BCON_UTF8(part), "$lt",
                                             BCON_UTF8(end), "$ne", BCON_UTF8(except_key), "}"),
                                    by_key(most), append_user, list_out);
    size_t beginning = list_out->count;
    if (status == STATUS_OK && beginning < most && *part != '\0')
        status = mongo_find(in(store)->db, "users", inside_filter(part, except_key),
                            by_key(most + beginning), append_inside, &inside);
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

    enum status status = mongo_find(in(store)->db, "images", BCON_NEW("_id", BCON_UTF8(name)), NULL,
                                    read_image, &reading);
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

static enum status has_image(struct user_store *store, const char *name, bool *has_out)
{
    return mongo_exists(in(store)->db, "images", BCON_NEW("_id", BCON_UTF8(name)), has_out);
}

static enum status is_revoked(struct user_store *store, const char *jti, bool *revoked_out)
{
    return mongo_exists(in(store)->db, "revoked", BCON_NEW("_id", BCON_UTF8(jti)), revoked_out);
}

/* --- pages ----------------------------------------------------------------------------------- */

struct page {
    char *items;
    size_t count, most, item_size;
    const char *only; /* the one field to bring over; NULL = all */
    void (*read)(const bson_t *document, void *item);
};

static void append_item(void *ctx, const bson_t *document)
{
    struct page *page = ctx;

    if (page->count < page->most)
        page->read(document, page->items + page->item_size * page->count++);
}

/* The documents that match and whose `field` comes after the key. */
static enum status read_page(struct user_store *store, const char *collection, bson_t *filter_take,
                             const char *field, const char *after, struct page *page)
{
    bson_t *opts =
        BCON_NEW("sort", "{", field, BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)page->most));

    BCON_APPEND(filter_take, field, "{", "$gt", BCON_UTF8(after), "}");
    if (page->only != NULL)
        BCON_APPEND(opts, "projection", "{", page->only, BCON_INT32(1), "}");
    page->items = xcalloc(page->most, page->item_size);
    enum status status =
        mongo_find(in(store)->db, collection, filter_take, opts, append_item, page);
    if (status != STATUS_OK) {
        free(page->items);
        page->items = NULL;
        page->count = 0;
    }
    return status;
}

static void read_user_item(const bson_t *document, void *item)
{
    read_user(document, item);
}

static enum status page(struct user_store *store, const char *after_key, size_t most,
                        struct user_list *list_out)
{
    struct page page = { .most = most, .item_size = sizeof(struct user), .read = read_user_item };

    enum status status = read_page(store, "users", bson_new(), "key", after_key, &page);
    *list_out = (struct user_list){ (void *)page.items, page.count };
    return status;
}

static enum status unannounced(struct user_store *store, const char *after_key, size_t most,
                               struct user_list *list_out)
{
    struct page page = { .most = most, .item_size = sizeof(struct user), .read = read_user_item };

    enum status status =
        read_page(store, "users", BCON_NEW("unannounced", "{", "$gt", BCON_INT64(0), "}"), "key",
                  after_key, &page);
    *list_out = (struct user_list){ (void *)page.items, page.count };
    return status;
}

static void read_image_name(const bson_t *document, void *item)
{
    copy_text(document, "_id", ((struct user_image_name *)item)->name, USER_IMAGE_SIZE);
}

/* The pictures themselves stay where they are: an answer has room for a few only. */
static enum status image_page(struct user_store *store, const char *after_name, size_t most,
                              struct user_image_names *names_out)
{
    struct page page = { .most = most,
                         .item_size = sizeof(struct user_image_name),
                         .only = "_id",
                         .read = read_image_name };

    enum status status = read_page(store, "images", bson_new(), "_id", after_name, &page);
    *names_out = (struct user_image_names){ (void *)page.items, page.count };
    return status;
}

static void read_revoked(const bson_t *document, void *item)
{
    struct revoked_token *token = item;

    copy_text(document, "_id", token->jti, sizeof(token->jti));
    token->expires_at_s = mongo_int(document, "expiresAt");
}

static enum status revoked_page(struct user_store *store, const char *after_jti, size_t most,
                                struct revoked_list *list_out)
{
    struct page page = { .most = most,
                         .item_size = sizeof(struct revoked_token),
                         .read = read_revoked };

    enum status status = read_page(store, "revoked", bson_new(), "_id", after_jti, &page);
    *list_out = (struct revoked_list){ (void *)page.items, page.count };
    return status;
}

static enum status count(struct user_store *store, struct user_store_counts *counts_out)
{
    enum status status = mongo_count(in(store)->db, "users", &counts_out->users);

    if (status == STATUS_OK)
        status = mongo_count(in(store)->db, "images", &counts_out->images);
    if (status == STATUS_OK)
        status = mongo_count(in(store)->db, "revoked", &counts_out->revoked);
    return status;
}

/* --- life ------------------------------------------------------------------------------------ */

static void close_store(struct user_store *store)
{
    mongo_db_close(&in(store)->db);
    free(store);
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
    return status;
}

static enum status open_store(const char *url, struct user_store **store_out)
{
    struct store *store = xcalloc(1, sizeof(*store));

    store->head.kind = &user_store_mongo;
    enum status status = mongo_db_open(url, &store->db);
    if (status == STATUS_OK)
        status = ensure_indexes(store->db);
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
