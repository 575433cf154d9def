#include "services/user/store/mongo/reads.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/documents.h"
#include "services/user/store/mongo/handle.h"

enum status user_mongo_reads_by_email(struct user_store *store, const char *email_key,
                                      struct user *user_out)
{
    struct user user = { .tag = "" };
    struct user_list one = { .items = &user };

    enum status status = mongo_find(
        user_mongo_handle(store)->db, "users", BCON_NEW("emailKey", BCON_UTF8(email_key)),
        BCON_NEW("limit", BCON_INT64(1)), user_mongo_documents_append, &one);
    if (status == STATUS_OK && one.count == 0)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *user_out = user;
    return status;
}

enum status user_mongo_reads_by_keys(struct user_store *store, const char *const *keys,
                                     size_t key_count, struct user_list *list_out)
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
    BSON_APPEND_NULL(filter, "deleted");
    bson_t *opts = BCON_NEW("limit", BCON_INT64((int64_t)key_count));
    return user_mongo_documents_finish_list(mongo_find(user_mongo_handle(store)->db, "users",
                                                       filter, opts, user_mongo_documents_append,
                                                       list_out),
                                            list_out);
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

enum status user_mongo_reads_get_image(struct user_store *store, const char *name,
                                       char **content_type_out, void **data_out, size_t *size_out)
{
    struct image_reading reading = { .found = false };

    enum status status = mongo_find(user_mongo_handle(store)->db, "images",
                                    BCON_NEW("_id", BCON_UTF8(name)), NULL, read_image, &reading);
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

enum status user_mongo_reads_has_image(struct user_store *store, const char *name, bool *has_out)
{
    return mongo_exists(user_mongo_handle(store)->db, "images", BCON_NEW("_id", BCON_UTF8(name)),
                        has_out);
}

enum status user_mongo_reads_is_revoked(struct user_store *store, const char *jti,
                                        bool *revoked_out)
{
    return mongo_exists(user_mongo_handle(store)->db, "revoked", BCON_NEW("_id", BCON_UTF8(jti)),
                        revoked_out);
}
