#include "services/user/store/mongo/codes.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/handle.h"

/* codes: { _id: the key, kind, account, accountTag, created, expiresAt, used, usedBy, usedByTag }
 */

#define CODES "codes"

static bson_t *by_key(const struct id *key)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "_id", key);
    return filter;
}

/* --- writing ------------------------------------------------------------------------------- */

static void append_use(bson_t *document, const struct user_code *code)
{
    BSON_APPEND_INT64(document, "used", code->used_ms);
    mongo_append_id(document, "usedBy", &code->used_by);
    BSON_APPEND_UTF8(document, "usedByTag", code->used_by_tag);
}

enum status user_mongo_codes_add(struct user_store *store, const struct user_code *code,
                                 int64_t now_s)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    enum status outcome = STATUS_UNAVAILABLE, status = STATUS_OK;

    if (now_s > 0)
        status = mongo_delete(
            db, CODES,
            BCON_NEW("used", BCON_INT64(0), "expiresAt", "{", "$lte", BCON_INT64(now_s), "}"));
    if (status != STATUS_OK)
        return status;
    bson_t *document = by_key(&code->key);
    BSON_APPEND_INT64(document, "kind", (int64_t)code->kind);
    mongo_append_id(document, "account", &code->account);
    BSON_APPEND_UTF8(document, "accountTag", code->account_tag);
    BSON_APPEND_INT64(document, "created", code->created_ms);
    BSON_APPEND_INT64(document, "expiresAt", code->expires_at_s);
    append_use(document, code);
    status = mongo_insert(db, CODES, &document, 1, true, &outcome);
    bson_destroy(document);
    return status == STATUS_OK ? outcome : status;
}

enum status user_mongo_codes_use(struct user_store *store, const struct user_code *code,
                                 int64_t used_ms_before)
{
    bson_t *filter = by_key(&code->key), *change = bson_new(), set;

    BSON_APPEND_INT64(filter, "used", used_ms_before);
    BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
    append_use(&set, code);
    bson_append_document_end(change, &set);
    enum status status = mongo_update(user_mongo_handle(store)->db, CODES, filter, change);
    return status == STATUS_NOT_FOUND ? STATUS_CONFLICT : status;
}

/* Marks it first: a delete does not report whether there was one. */
enum status user_mongo_codes_delete(struct user_store *store, const struct id *key)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    bson_t *unused = by_key(key);

    BSON_APPEND_INT64(unused, "used", 0);
    enum status status =
        mongo_update(db, CODES, unused, BCON_NEW("$set", "{", "used", BCON_INT64(-1), "}"));
    return status == STATUS_OK ? mongo_delete(db, CODES, by_key(key)) : status;
}

/* --- reading ------------------------------------------------------------------------------- */

static void append_code(void *ctx, const bson_t *document)
{
    struct user_code_list *list = ctx;
    struct user_code *code = &list->items[list->count++];

    mongo_id(document, "_id", &code->key);
    code->kind = (enum user_code_kind)mongo_int(document, "kind");
    mongo_id(document, "account", &code->account);
    mongo_copy_text(document, "accountTag", code->account_tag, sizeof(code->account_tag));
    code->created_ms = mongo_int(document, "created");
    code->expires_at_s = mongo_int(document, "expiresAt");
    code->used_ms = mongo_int(document, "used");
    mongo_id(document, "usedBy", &code->used_by);
    mongo_copy_text(document, "usedByTag", code->used_by_tag, sizeof(code->used_by_tag));
}

enum status user_mongo_codes_get(struct user_store *store, const struct id *key,
                                 struct user_code *code_out)
{
    struct user_code code = { .account_tag = "" };
    struct user_code_list one = { .items = &code };

    enum status status = mongo_find(user_mongo_handle(store)->db, CODES, by_key(key),
                                    BCON_NEW("limit", BCON_INT64(1)), append_code, &one);
    if (status == STATUS_OK && one.count == 0)
        return STATUS_NOT_FOUND;
    *code_out = code;
    return status;
}

static enum status read_codes(struct user_store *store, bson_t *filter_take, bson_t *sort_take,
                              size_t max, struct user_code_list *list_out)
{
    bson_t *opts = BCON_NEW("sort", BCON_DOCUMENT(sort_take), "limit", BCON_INT64((int64_t)max));

    *list_out = (struct user_code_list){ .items = xcalloc(max, sizeof(struct user_code)) };
    bson_destroy(sort_take);
    enum status status =
        mongo_find(user_mongo_handle(store)->db, CODES, filter_take, opts, append_code, list_out);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_code_list){ 0 };
    }
    return status;
}

enum status user_mongo_codes_of_account(struct user_store *store, enum user_code_kind kind,
                                        const struct id *account, size_t max,
                                        struct user_code_list *list_out)
{
    bson_t *filter = BCON_NEW("kind", BCON_INT64((int64_t)kind));

    mongo_append_id(filter, "account", account);
    return read_codes(store, filter, BCON_NEW("created", BCON_INT32(-1), "_id", BCON_INT32(1)), max,
                      list_out);
}

enum status user_mongo_codes_page(struct user_store *store, const struct id *after, size_t max,
                                  struct user_code_list *list_out)
{
    bson_t *filter = bson_new(), beyond;

    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &beyond);
    mongo_append_id(&beyond, "$gt", after);
    bson_append_document_end(filter, &beyond);
    return read_codes(store, filter, BCON_NEW("_id", BCON_INT32(1)), max, list_out);
}
