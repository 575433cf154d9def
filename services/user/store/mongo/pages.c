#include "services/user/store/mongo/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/documents.h"
#include "services/user/store/mongo/handle.h"

struct page {
    char *items;
    size_t count, max, item_size;
    const char *only; /* the only field to fetch; NULL: all */
    void (*read)(const bson_t *document, void *item);
};

static void append_item(void *ctx, const bson_t *document)
{
    struct page *page = ctx;

    if (page->count < page->max)
        page->read(document, page->items + page->item_size * page->count++);
}

/* The matching documents whose `field` follows the key. */
static enum status read_page(struct user_store *store, const char *collection, bson_t *filter_take,
                             const char *field, const char *after, struct page *page)
{
    bson_t *opts =
        BCON_NEW("sort", "{", field, BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)page->max));

    BCON_APPEND(filter_take, field, "{", "$gt", BCON_UTF8(after), "}");
    if (page->only != NULL)
        BCON_APPEND(opts, "projection", "{", page->only, BCON_INT32(1), "}");
    page->items = xcalloc(page->max, page->item_size);
    enum status status =
        mongo_find(user_mongo_handle(store)->db, collection, filter_take, opts, append_item, page);
    if (status != STATUS_OK) {
        free(page->items);
        page->items = NULL;
        page->count = 0;
    }
    return status;
}

static void read_user_item(const bson_t *document, void *item)
{
    user_mongo_documents_read(document, item);
}

enum status user_mongo_pages_page(struct user_store *store, const char *after_key, size_t max,
                                  struct user_list *list_out)
{
    struct page page = { .max = max, .item_size = sizeof(struct user), .read = read_user_item };

    enum status status = read_page(store, "users", bson_new(), "key", after_key, &page);
    *list_out = (struct user_list){ (void *)page.items, page.count };
    return status;
}

enum status user_mongo_pages_unannounced(struct user_store *store, const char *after_key,
                                         size_t max, struct user_list *list_out)
{
    struct page page = { .max = max, .item_size = sizeof(struct user), .read = read_user_item };

    enum status status =
        read_page(store, "users", BCON_NEW("unannounced", "{", "$gt", BCON_INT64(0), "}"), "key",
                  after_key, &page);
    *list_out = (struct user_list){ (void *)page.items, page.count };
    return status;
}

static void read_image_name(const bson_t *document, void *item)
{
    mongo_copy_text(document, "_id", ((struct user_image_name *)item)->name, USER_IMAGE_SIZE);
}

/* Without the pictures themselves: a reply has space for a few only. */
enum status user_mongo_pages_image_page(struct user_store *store, const char *after_name,
                                        size_t max, struct user_image_names *names_out)
{
    struct page page = { .max = max,
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

    mongo_copy_text(document, "_id", token->jti, sizeof(token->jti));
    token->expires_at_s = mongo_int(document, "expiresAt");
}

enum status user_mongo_pages_revoked_page(struct user_store *store, const char *after_jti,
                                          size_t max, struct revoked_list *list_out)
{
    struct page page = { .max = max,
                         .item_size = sizeof(struct revoked_token),
                         .read = read_revoked };

    enum status status = read_page(store, "revoked", bson_new(), "_id", after_jti, &page);
    *list_out = (struct revoked_list){ (void *)page.items, page.count };
    return status;
}

enum status user_mongo_pages_count(struct user_store *store, struct user_store_counts *counts_out)
{
    enum status status = mongo_count(user_mongo_handle(store)->db, "users", &counts_out->users);

    if (status == STATUS_OK)
        status = mongo_count(user_mongo_handle(store)->db, "images", &counts_out->images);
    if (status == STATUS_OK)
        status = mongo_count(user_mongo_handle(store)->db, "revoked", &counts_out->revoked);
    if (status == STATUS_OK)
        status = mongo_count(user_mongo_handle(store)->db, "sessions", &counts_out->sessions);
    return status;
}
