#include "services/user/store/mongo/writes.h"

#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/user/store/mongo/documents.h"
#include "services/user/store/mongo/handle.h"

/* STATUS_ALREADY_EXISTS; the document is destroyed. */
static enum status insert_document(struct user_store *store, const char *collection,
                                   bson_t *document_take)
{
    enum status outcome = STATUS_UNAVAILABLE;

    enum status status =
        mongo_insert(user_mongo_handle(store)->db, collection, &document_take, 1, true, &outcome);
    bson_destroy(document_take);
    return status == STATUS_OK ? outcome : status;
}

enum status user_mongo_writes_add(struct user_store *store, const struct user *user)
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
    user_mongo_documents_append_changed(document, user->unannounced);
    BSON_APPEND_UTF8(document, "origin", user->origin);
    BSON_APPEND_INT64(document, "sessionEpoch", (int64_t)user->session_epoch);
    BSON_APPEND_UTF8(document, "keptSession", user->kept_session);
    BSON_APPEND_INT64(document, "disabled", user->disabled);
    if (user->deleted_ms != 0)
        BSON_APPEND_INT64(document, "deleted", user->deleted_ms);
    else
        user_mongo_documents_append_grams(document, key);
    return insert_document(store, "users", document);
}

/* A document whose _id identifies its content: a duplicate is not an error. */
static enum status insert_once(struct user_store *store, const char *collection,
                               bson_t *document_take)
{
    enum status status = insert_document(store, collection, document_take);
    return status == STATUS_ALREADY_EXISTS ? STATUS_OK : status;
}

enum status user_mongo_writes_put_image(struct user_store *store, const struct user_image *image)
{
    bson_t *document = bson_new();

    BSON_APPEND_UTF8(document, "_id", image->name);
    BSON_APPEND_UTF8(document, "contentType", image->content_type);
    BSON_APPEND_BINARY(document, "data", BSON_SUBTYPE_BINARY, image->data, (uint32_t)image->size);
    BSON_APPEND_INT64(document, "stored", image->stored_ms);
    return insert_once(store, "images", document);
}

enum status user_mongo_writes_revoke(struct user_store *store, const char *jti,
                                     int64_t expires_at_s, int64_t now_s)
{
    enum status status = STATUS_OK;

    if (now_s > 0)
        status = mongo_delete(user_mongo_handle(store)->db, "revoked",
                              BCON_NEW("expiresAt", "{", "$lte", BCON_INT64(now_s), "}"));
    if (status == STATUS_OK)
        status =
            insert_once(store, "revoked",
                        BCON_NEW("_id", BCON_UTF8(jti), "expiresAt", BCON_INT64(expires_at_s)));
    return status;
}
