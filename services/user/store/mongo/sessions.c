#include "services/user/store/mongo/sessions.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/handle.h"

/* sessions: { _id, account, epoch, device, address, created, seen, expiresAt } */

#define SESSIONS "sessions"

/* --- credentials --------------------------------------------------------------------------- */

enum status user_mongo_sessions_set_credentials(struct user_store *store, const char *key,
                                                const struct user_credentials *change)
{
    const struct user *before = change->before;
    bson_t *filter =
               BCON_NEW("key", BCON_UTF8(key), "passwordHash", BCON_UTF8(before->password_hash)),
           *update = bson_new(), set;

    mongo_append_id(filter, "_id", &before->id);
    if (before->session_epoch > 0)
        BSON_APPEND_INT64(filter, "sessionEpoch", (int64_t)before->session_epoch);
    else /* a document of an older version has none */
        BCON_APPEND(filter, "sessionEpoch", "{", "$in", "[", BCON_INT64(0), BCON_NULL, "]", "}");
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "passwordHash",
                     change->password_hash != NULL ? change->password_hash : before->password_hash);
    BSON_APPEND_INT64(&set, "disabled", change->disabled);
    if (change->ends_sessions) {
        BSON_APPEND_INT64(&set, "sessionEpoch", (int64_t)before->session_epoch + 1);
        BSON_APPEND_UTF8(&set, "keptSession", change->kept_session);
    }
    bson_append_document_end(update, &set);
    enum status status = mongo_update(user_mongo_handle(store)->db, "users", filter, update);
    return status == STATUS_NOT_FOUND ? STATUS_CONFLICT : status;
}

/* --- writing ------------------------------------------------------------------------------- */

enum status user_mongo_sessions_add(struct user_store *store, const struct user_session *session,
                                    int64_t now_s)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    enum status outcome = STATUS_UNAVAILABLE, status = STATUS_OK;

    if (now_s > 0)
        status =
            mongo_delete(db, SESSIONS, BCON_NEW("expiresAt", "{", "$lte", BCON_INT64(now_s), "}"));
    if (status != STATUS_OK)
        return status;
    bson_t *document = BCON_NEW("_id", BCON_UTF8(session->id));
    mongo_append_id(document, "account", &session->account);
    BSON_APPEND_INT64(document, "epoch", (int64_t)session->epoch);
    BSON_APPEND_UTF8(document, "device", session->device);
    BSON_APPEND_UTF8(document, "address", session->address);
    BSON_APPEND_INT64(document, "created", session->created_ms);
    BSON_APPEND_INT64(document, "seen", session->seen_ms);
    BSON_APPEND_INT64(document, "expiresAt", session->expires_at_s);
    status = mongo_insert(db, SESSIONS, &document, 1, true, &outcome);
    bson_destroy(document);
    return status == STATUS_OK ? outcome : status;
}

enum status user_mongo_sessions_touch(struct user_store *store, const char *id, int64_t seen_ms,
                                      int64_t expires_at_s, const char *address)
{
    bson_t *change = BCON_NEW("$max", "{", "seen", BCON_INT64(seen_ms), "expiresAt",
                              BCON_INT64(expires_at_s), "}");

    if (*address != '\0')
        BCON_APPEND(change, "$set", "{", "address", BCON_UTF8(address), "}");
    enum status status = mongo_update(user_mongo_handle(store)->db, SESSIONS,
                                      BCON_NEW("_id", BCON_UTF8(id)), change);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status user_mongo_sessions_delete(struct user_store *store, const char *id)
{
    return mongo_delete(user_mongo_handle(store)->db, SESSIONS, BCON_NEW("_id", BCON_UTF8(id)));
}

/* --- reading ------------------------------------------------------------------------------- */

static void append_session(void *ctx, const bson_t *document)
{
    struct user_session_list *list = ctx;
    struct user_session *session = &list->items[list->count++];

    mongo_copy_text(document, "_id", session->id, sizeof(session->id));
    mongo_id(document, "account", &session->account);
    session->epoch = (uint64_t)mongo_int(document, "epoch");
    mongo_copy_text(document, "device", session->device, sizeof(session->device));
    mongo_copy_text(document, "address", session->address, sizeof(session->address));
    session->created_ms = mongo_int(document, "created");
    session->seen_ms = mongo_int(document, "seen");
    session->expires_at_s = mongo_int(document, "expiresAt");
}

enum status user_mongo_sessions_get(struct user_store *store, const char *id,
                                    struct user_session *session_out)
{
    struct user_session session = { .id = "" };
    struct user_session_list one = { .items = &session };

    enum status status =
        mongo_find(user_mongo_handle(store)->db, SESSIONS, BCON_NEW("_id", BCON_UTF8(id)),
                   BCON_NEW("limit", BCON_INT64(1)), append_session, &one);
    if (status == STATUS_OK && one.count == 0)
        return STATUS_NOT_FOUND;
    *session_out = session;
    return status;
}

static enum status read_sessions(struct user_store *store, bson_t *filter_take, bson_t *sort_take,
                                 size_t max, struct user_session_list *list_out)
{
    bson_t *opts = BCON_NEW("sort", BCON_DOCUMENT(sort_take), "limit", BCON_INT64((int64_t)max));

    *list_out = (struct user_session_list){ .items = xcalloc(max, sizeof(struct user_session)) };
    bson_destroy(sort_take);
    enum status status = mongo_find(user_mongo_handle(store)->db, SESSIONS, filter_take, opts,
                                    append_session, list_out);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_session_list){ 0 };
    }
    return status;
}

enum status user_mongo_sessions_of_account(struct user_store *store, const struct id *account,
                                           size_t max, struct user_session_list *list_out)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "account", account);
    return read_sessions(store, filter, BCON_NEW("seen", BCON_INT32(-1), "_id", BCON_INT32(1)), max,
                         list_out);
}

enum status user_mongo_sessions_page(struct user_store *store, const char *after_id, size_t max,
                                     struct user_session_list *list_out)
{
    return read_sessions(store, BCON_NEW("_id", "{", "$gt", BCON_UTF8(after_id), "}"),
                         BCON_NEW("_id", BCON_INT32(1)), max, list_out);
}
