#include "services/user/store/mongo/updates.h"

#include "services/user/store/mongo/documents.h"
#include "services/user/store/mongo/handle.h"

static bson_t *update_document(const struct user_update *update, const char *origin)
{
    bson_t *change = bson_new();
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    BSON_APPEND_UTF8(&set, "firstName", update->first_name);
    BSON_APPEND_UTF8(&set, "lastName", update->last_name);
    BSON_APPEND_UTF8(&set, "img", update->img);
    user_mongo_documents_add_changed(&set, update->changed);
    if (update->changed != 0)
        BSON_APPEND_UTF8(&set, "origin", origin);
    bson_append_document_end(change, &set);
    if (update->changed != 0)
        BCON_APPEND(change, "$inc", "{", "revision", BCON_INT64((int64_t)update->revision_step),
                    "}", "$max", "{", "unannounced", BCON_INT64(update->changed), "}");
    return change;
}

static enum status update_where(struct user_store *store, bson_t *filter_take,
                                const struct user_update *update, const char *origin)
{
    return mongo_update(user_mongo_handle(store)->db, "users", filter_take,
                        update_document(update, origin));
}

/* The origin is kept if no change of another origin is unannounced. If one is announced between the
 * two attempts, there is no origin, and the session that made the change is notified of it, too. */
enum status user_mongo_updates_update(struct user_store *store, const char *key,
                                      const struct user_update *wanted)
{
    bson_t *alone = BCON_NEW("key", BCON_UTF8(key), "deleted", BCON_NULL, "$or", "[", "{",
                             "unannounced", "{", "$in", "[", BCON_INT64(0), BCON_NULL, "]", "}",
                             "}", "{", "origin", BCON_UTF8(wanted->origin), "}", "]");

    enum status status = update_where(store, alone, wanted, wanted->origin);
    if (status == STATUS_NOT_FOUND)
        status =
            update_where(store, BCON_NEW("key", BCON_UTF8(key), "deleted", BCON_NULL), wanted, "");
    return status;
}

enum status user_mongo_updates_announced(struct user_store *store, const char *key,
                                         uint64_t revision, uint64_t noted)
{
    bson_t *filter = BCON_NEW("key", BCON_UTF8(key), "revision", BCON_INT64((int64_t)revision));
    bson_t *change =
        noted > revision
            ? BCON_NEW("$set", "{", "revision", BCON_INT64((int64_t)noted + 1), "}")
            : BCON_NEW("$set", "{", "unannounced", BCON_INT64(0), "origin", BCON_UTF8(""), "}",
                       "$unset", "{", "changed", BCON_BOOL(true), "}");

    enum status status = mongo_update(user_mongo_handle(store)->db, "users", filter, change);

    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status user_mongo_updates_import_profile(struct user_store *store, const char *key,
                                              const struct user *user)
{
    bson_t *change = BCON_NEW("$max", "{", "revision", BCON_INT64((int64_t)user->revision), "}");
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    BSON_APPEND_UTF8(&set, "firstName", user->first_name);
    BSON_APPEND_UTF8(&set, "lastName", user->last_name);
    BSON_APPEND_UTF8(&set, "img", user->img);
    BSON_APPEND_INT64(&set, "unannounced", user->unannounced);
    user_mongo_documents_append_changed(&set, user->unannounced);
    BSON_APPEND_UTF8(&set, "origin", user->origin);
    BSON_APPEND_UTF8(&set, "passwordHash", user->password_hash);
    BSON_APPEND_INT64(&set, "sessionEpoch", (int64_t)user->session_epoch);
    BSON_APPEND_UTF8(&set, "keptSession", user->kept_session);
    BSON_APPEND_INT64(&set, "disabled", user->disabled);
    BSON_APPEND_UTF8(&set, "email", user->email);
    BSON_APPEND_UTF8(&set, "emailKey", user->email_key);
    if (user->deleted_ms != 0)
        BSON_APPEND_INT64(&set, "deleted", user->deleted_ms);
    bson_append_document_end(change, &set);
    if (user->deleted_ms != 0)
        BCON_APPEND(change, "$unset", "{", "grams", BCON_BOOL(true), "}");
    return mongo_update(user_mongo_handle(store)->db, "users", BCON_NEW("key", BCON_UTF8(key)),
                        change);
}
