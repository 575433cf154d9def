#include "services/user/store/mongo/departure.h"

#include <stdio.h>

#include "services/user/store/mongo/audit.h"
#include "services/user/store/mongo/handle.h"

/* --- the account --------------------------------------------------------------------------- */

/* An `emailKey` that no address has, but unique. */
static bson_t *deleted_document(const struct user_deletion *deletion)
{
    char hex[ID_HEX + 1], email_key[USER_EMAIL_SIZE];

    id_to_hex(&deletion->before->id, hex);
    snprintf(email_key, sizeof(email_key), "deleted:%s", hex);
    return BCON_NEW("$set", "{", "email", BCON_UTF8(""), "emailKey", BCON_UTF8(email_key),
                    "firstName", BCON_UTF8(""), "lastName", BCON_UTF8(""), "img", BCON_UTF8(""),
                    "passwordHash", BCON_UTF8(""), "unannounced", BCON_INT64(USER_DELETED),
                    "origin", BCON_UTF8(""), "keptSession", BCON_UTF8(""), "disabled",
                    BCON_INT64(1), "deleted", BCON_INT64(deletion->now_ms), "}", "$inc", "{",
                    "revision", BCON_INT64((int64_t)deletion->revision_step), "sessionEpoch",
                    BCON_INT64(1), "}", "$unset", "{", "changed", BCON_BOOL(true), "grams",
                    BCON_BOOL(true), "}");
}

enum status user_mongo_departure_delete(struct user_store *store, const char *key,
                                        const struct user_deletion *deletion)
{
    const struct user *before = deletion->before;
    bson_t *filter = BCON_NEW("key", BCON_UTF8(key), "passwordHash",
                              BCON_UTF8(before->password_hash), "deleted", BCON_NULL);

    mongo_append_id(filter, "_id", &before->id);
    /* A document of an older version has no number. */
    if (before->session_epoch == 0)
        BCON_APPEND(filter, "sessionEpoch", "{", "$in", "[", BCON_INT64(0), BCON_NULL, "]", "}");
    else
        BSON_APPEND_INT64(filter, "sessionEpoch", (int64_t)before->session_epoch);
    enum status status =
        mongo_update(user_mongo_handle(store)->db, "users", filter, deleted_document(deletion));
    return status == STATUS_NOT_FOUND ? STATUS_CONFLICT : status;
}

enum status user_mongo_departure_set(struct user_store *store, const char *key, uint64_t revision,
                                     unsigned departure)
{
    enum status status =
        mongo_update(user_mongo_handle(store)->db, "users",
                     BCON_NEW("key", BCON_UTF8(key), "revision", BCON_INT64((int64_t)revision),
                              "deleted", "{", "$gt", BCON_INT64(0), "}"),
                     BCON_NEW("$set", "{", "unannounced", BCON_INT64(departure), "}"));

    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* --- what refers to it --------------------------------------------------------------------- */

static bson_t *of_account(const struct id *account)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "account", account);
    return filter;
}

/* An invite that was used stays, for the administrator's list. */
static bson_t *codes_of(const struct id *account)
{
    bson_t *filter = of_account(account);

    BCON_APPEND(filter, "$or", "[", "{", "used", BCON_INT64(0), "}", "{", "kind", "{", "$ne",
                BCON_INT64(USER_CODE_INVITE), "}", "}", "]");
    return filter;
}

enum status user_mongo_departure_forget(struct user_store *store, const struct id *account)
{
    struct mongo_db *db = user_mongo_handle(store)->db;

    enum status status = mongo_delete(db, "sessions", of_account(account));
    if (status == STATUS_OK)
        status = mongo_delete(db, "loginNetworks", of_account(account));
    if (status == STATUS_OK)
        status = mongo_delete(db, "codes", codes_of(account));
    return status == STATUS_OK ? user_mongo_audit_forget(store, account) : status;
}

enum status user_mongo_departure_purge(struct user_store *store)
{
    (void)store;
    return STATUS_OK;
}
