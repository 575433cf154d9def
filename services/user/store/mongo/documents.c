#include "services/user/store/mongo/documents.h"

#include <string.h>

#include "services/common/base/hashmap.h"

void user_mongo_documents_append_grams(bson_t *document, const char *key)
{
    struct hashmap *seen = hashmap_create();
    size_t length = strlen(key);
    struct mongo_array grams;

    mongo_array_begin(document, "grams", &grams);
    for (size_t size = 1; size <= USER_GRAM_MAX; size++) {
        for (size_t i = 0; i + size <= length; i++) {
            char gram[USER_GRAM_MAX + 1] = "";
            memcpy(gram, key + i, size);
            if (hashmap_put(seen, gram, document) == NULL)
                mongo_array_append_text(&grams, gram);
        }
    }
    mongo_array_end(&grams);
    hashmap_destroy(&seen);
}

static const struct {
    const char *path; /* in the document: true if the field has changed */
    unsigned bit;
} changed_fields[] = {
    { "changed.firstName", USER_CHANGED_FIRST_NAME },
    { "changed.lastName", USER_CHANGED_LAST_NAME },
    { "changed.img", USER_CHANGED_IMG },
};
enum { CHANGED_FIELDS = sizeof(changed_fields) / sizeof(changed_fields[0]) };

void user_mongo_documents_append_changed(bson_t *document, unsigned changed)
{
    bson_t fields;

    BSON_APPEND_DOCUMENT_BEGIN(document, "changed", &fields);
    for (size_t i = 0; i < CHANGED_FIELDS; i++)
        if ((changed & changed_fields[i].bit) != 0)
            BSON_APPEND_BOOL(&fields, strchr(changed_fields[i].path, '.') + 1, true);
    bson_append_document_end(document, &fields);
}

void user_mongo_documents_add_changed(bson_t *set, unsigned changed)
{
    for (size_t i = 0; i < CHANGED_FIELDS; i++)
        if ((changed & changed_fields[i].bit) != 0)
            BSON_APPEND_BOOL(set, changed_fields[i].path, true);
}

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

void user_mongo_documents_read(const bson_t *document, struct user *user)
{
    *user = (struct user){ .tag = "" };
    mongo_id(document, "_id", &user->id);
    mongo_copy_text(document, "tag", user->tag, sizeof(user->tag));
    mongo_copy_text(document, "email", user->email, sizeof(user->email));
    mongo_copy_text(document, "emailKey", user->email_key, sizeof(user->email_key));
    mongo_copy_text(document, "firstName", user->first_name, sizeof(user->first_name));
    mongo_copy_text(document, "lastName", user->last_name, sizeof(user->last_name));
    mongo_copy_text(document, "img", user->img, sizeof(user->img));
    mongo_copy_text(document, "passwordHash", user->password_hash, sizeof(user->password_hash));
    user->revision = (uint64_t)mongo_int(document, "revision");
    user->unannounced = read_unannounced(document);
    mongo_copy_text(document, "origin", user->origin, sizeof(user->origin));
    user->session_epoch = (uint64_t)mongo_int(document, "sessionEpoch");
    mongo_copy_text(document, "keptSession", user->kept_session, sizeof(user->kept_session));
    user->disabled = mongo_int(document, "disabled") != 0;
    user->deleted_ms = mongo_int(document, "deleted");
}

void user_mongo_documents_append(void *ctx, const bson_t *document)
{
    struct user_list *list = ctx;
    user_mongo_documents_read(document, &list->items[list->count++]);
}

enum status user_mongo_documents_finish_list(enum status status, struct user_list *list)
{
    if (status != STATUS_OK) {
        free(list->items);
        *list = (struct user_list){ 0 };
    }
    return status;
}

bson_t *user_mongo_documents_by_key(size_t max)
{
    return BCON_NEW("sort", "{", "key", BCON_INT32(1), "}", "limit", BCON_INT64((int64_t)max));
}
