#include "services/user/store/mongo/pending.h"

#include "services/user/store/mongo/handle.h"

/* pending: { _id: the key, expiresAt, invite, tag, email, emailKey, firstName, lastName, img,
 *            passwordHash } */

#define PENDING "pending"

static bson_t *by_key(const struct id *key)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "_id", key);
    return filter;
}

enum status user_mongo_pending_add(struct user_store *store, const struct user_pending *pending,
                                   int64_t now_s)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    enum status outcome = STATUS_UNAVAILABLE, status = STATUS_OK;
    const struct user *user = &pending->user;

    if (now_s > 0)
        status =
            mongo_delete(db, PENDING, BCON_NEW("expiresAt", "{", "$lte", BCON_INT64(now_s), "}"));
    if (status != STATUS_OK)
        return status;
    bson_t *document = by_key(&pending->key);
    BSON_APPEND_INT64(document, "expiresAt", pending->expires_at_s);
    mongo_append_id(document, "invite", &pending->invite);
    BSON_APPEND_UTF8(document, "tag", user->tag);
    BSON_APPEND_UTF8(document, "email", user->email);
    BSON_APPEND_UTF8(document, "emailKey", user->email_key);
    BSON_APPEND_UTF8(document, "firstName", user->first_name);
    BSON_APPEND_UTF8(document, "lastName", user->last_name);
    BSON_APPEND_UTF8(document, "img", user->img);
    BSON_APPEND_UTF8(document, "passwordHash", user->password_hash);
    status = mongo_insert(db, PENDING, &document, 1, true, &outcome);
    bson_destroy(document);
    return status == STATUS_OK ? outcome : status;
}

enum status user_mongo_pending_delete(struct user_store *store, const struct id *key)
{
    return mongo_delete(user_mongo_handle(store)->db, PENDING, by_key(key));
}

struct found {
    struct user_pending *pending;
    bool any;
};

static void read_pending(void *ctx, const bson_t *document)
{
    struct found *found = ctx;
    struct user_pending *pending = found->pending;
    struct user *user = &pending->user;

    *pending = (struct user_pending){ .expires_at_s = mongo_int(document, "expiresAt") };
    found->any = true;
    mongo_id(document, "_id", &pending->key);
    mongo_id(document, "invite", &pending->invite);
    mongo_copy_text(document, "tag", user->tag, sizeof(user->tag));
    mongo_copy_text(document, "email", user->email, sizeof(user->email));
    mongo_copy_text(document, "emailKey", user->email_key, sizeof(user->email_key));
    mongo_copy_text(document, "firstName", user->first_name, sizeof(user->first_name));
    mongo_copy_text(document, "lastName", user->last_name, sizeof(user->last_name));
    mongo_copy_text(document, "img", user->img, sizeof(user->img));
    mongo_copy_text(document, "passwordHash", user->password_hash, sizeof(user->password_hash));
}

enum status user_mongo_pending_get(struct user_store *store, const struct id *key,
                                   struct user_pending *pending_out)
{
    struct found found = { .pending = pending_out };

    enum status status = mongo_find(user_mongo_handle(store)->db, PENDING, by_key(key),
                                    BCON_NEW("limit", BCON_INT64(1)), read_pending, &found);
    return status == STATUS_OK && !found.any ? STATUS_NOT_FOUND : status;
}
