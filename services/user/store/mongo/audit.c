#include "services/user/store/mongo/audit.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/handle.h"

/* audit: { _id, at, last, count, share, kind, outcome, by, account, accountTag, address, device,
 * subject } */

#define AUDIT "audit"

/* --- writing ------------------------------------------------------------------------------- */

static struct mongo_upsert upsert_of(const struct user_audit_entry *entry)
{
    struct mongo_upsert upsert = { bson_new(), bson_new() };
    bson_t fields;

    mongo_append_id(upsert.filter, "_id", &entry->place.id);
    BSON_APPEND_DOCUMENT_BEGIN(upsert.change, "$setOnInsert", &fields);
    BSON_APPEND_INT64(&fields, "at", entry->place.at_ms);
    BSON_APPEND_INT64(&fields, "share", (int64_t)entry->share);
    BSON_APPEND_UTF8(&fields, "kind", entry->kind);
    BSON_APPEND_UTF8(&fields, "outcome", entry->outcome);
    BSON_APPEND_UTF8(&fields, "by", entry->by);
    mongo_append_id(&fields, "account", &entry->account);
    BSON_APPEND_UTF8(&fields, "accountTag", entry->account_tag);
    BSON_APPEND_UTF8(&fields, "address", entry->address);
    BSON_APPEND_UTF8(&fields, "device", entry->device);
    BSON_APPEND_UTF8(&fields, "subject", entry->subject);
    bson_append_document_end(upsert.change, &fields);
    BCON_APPEND(upsert.change, "$max", "{", "last", BCON_INT64(entry->last_ms), "count",
                BCON_INT64(entry->count), "}");
    return upsert;
}

enum status user_mongo_audit_put(struct user_store *store, const struct user_audit_entry *entries,
                                 size_t count)
{
    struct mongo_upsert *upserts = xcalloc(count, sizeof(*upserts));

    for (size_t i = 0; i < count; i++)
        upserts[i] = upsert_of(&entries[i]);
    enum status status =
        mongo_upsert(user_mongo_handle(store)->db, AUDIT, upserts, count, MONGO_DURABLE);
    free(upserts);
    return status;
}

enum status user_mongo_audit_forget(struct user_store *store, const struct id *account)
{
    bson_t *filter = bson_new();

    mongo_append_id(filter, "account", account);
    return mongo_update_all(user_mongo_handle(store)->db, AUDIT, filter,
                            BCON_NEW("$set", "{", "address", BCON_UTF8(""), "device", BCON_UTF8(""),
                                     "accountTag", BCON_UTF8(""), "}"));
}

/* --- reading ------------------------------------------------------------------------------- */

static void append_entry(void *ctx, const bson_t *document)
{
    struct user_audit_list *list = ctx;
    struct user_audit_entry *entry = &list->items[list->count++];

    mongo_id(document, "_id", &entry->place.id);
    entry->place.at_ms = mongo_int(document, "at");
    entry->last_ms = mongo_int(document, "last");
    entry->count = mongo_int(document, "count");
    entry->share = (enum user_audit_share)mongo_int(document, "share");
    mongo_copy_text(document, "kind", entry->kind, sizeof(entry->kind));
    mongo_copy_text(document, "outcome", entry->outcome, sizeof(entry->outcome));
    mongo_copy_text(document, "by", entry->by, sizeof(entry->by));
    mongo_id(document, "account", &entry->account);
    mongo_copy_text(document, "accountTag", entry->account_tag, sizeof(entry->account_tag));
    mongo_copy_text(document, "address", entry->address, sizeof(entry->address));
    mongo_copy_text(document, "device", entry->device, sizeof(entry->device));
    mongo_copy_text(document, "subject", entry->subject, sizeof(entry->subject));
}

/* Entries older than a place; `last` is "$lt", or "$lte" with the one at the place. */
static void append_before(bson_t *filter, const struct user_audit_place *place, const char *last)
{
    bson_t older = BSON_INITIALIZER, beside = BSON_INITIALIZER, id;
    struct mongo_array either;

    BCON_APPEND(&older, "at", "{", "$lt", BCON_INT64(place->at_ms), "}");
    BSON_APPEND_INT64(&beside, "at", place->at_ms);
    BSON_APPEND_DOCUMENT_BEGIN(&beside, "_id", &id);
    mongo_append_id(&id, last, &place->id);
    bson_append_document_end(&beside, &id);
    mongo_array_begin(filter, "$or", &either);
    mongo_array_append_document(&either, &older);
    mongo_array_append_document(&either, &beside);
    mongo_array_end(&either);
    bson_destroy(&older);
    bson_destroy(&beside);
}

static bson_t *filter_of(const struct user_audit_filter *wanted)
{
    bson_t *filter = BCON_NEW("at", "{", "$gte", BCON_INT64(wanted->since_ms), "}");

    if (wanted->account != NULL)
        mongo_append_id(filter, "account", wanted->account);
    if (*wanted->kind != '\0')
        BSON_APPEND_UTF8(filter, "kind", wanted->kind);
    if (*wanted->address != '\0')
        BCON_APPEND(filter, "address", "{", "$in", "[", BCON_UTF8(wanted->address),
                    BCON_UTF8(*wanted->network != '\0' ? wanted->network : wanted->address), "]",
                    "}");
    if (wanted->before != NULL)
        append_before(filter, wanted->before, "$lt");
    return filter;
}

/* The newest of those that match, behind `skip` others. */
static enum status find_newest(struct user_store *store, bson_t *filter_take, size_t skip,
                               size_t max, struct user_audit_list *list_out)
{
    bson_t *opts = BCON_NEW("sort", "{", "at", BCON_INT32(-1), "_id", BCON_INT32(-1), "}", "skip",
                            BCON_INT64((int64_t)skip), "limit", BCON_INT64((int64_t)max));

    *list_out = (struct user_audit_list){ .items = xcalloc(max, sizeof(*list_out->items)) };
    enum status status =
        mongo_find(user_mongo_handle(store)->db, AUDIT, filter_take, opts, append_entry, list_out);
    if (status != STATUS_OK) {
        free(list_out->items);
        *list_out = (struct user_audit_list){ 0 };
    }
    return status;
}

enum status user_mongo_audit_list(struct user_store *store, const struct user_audit_filter *filter,
                                  size_t max, struct user_audit_list *list_out)
{
    return find_newest(store, filter_of(filter), 0, max, list_out);
}

/* --- pruning ------------------------------------------------------------------------------- */

static bson_t *of_share(int share)
{
    return BCON_NEW("share", BCON_INT64(share));
}

static enum status prune_share(struct user_store *store, int share, size_t max)
{
    struct user_audit_list first;

    enum status status = find_newest(store, of_share(share), max, 1, &first);
    if (status == STATUS_OK && first.count > 0) {
        bson_t *filter = of_share(share);
        append_before(filter, &first.items[0].place, "$lte");
        status = mongo_delete(user_mongo_handle(store)->db, AUDIT, filter);
    }
    free(first.items);
    return status;
}

enum status user_mongo_audit_prune(struct user_store *store, int64_t before_ms, const size_t *max)
{
    enum status status = mongo_delete(user_mongo_handle(store)->db, AUDIT,
                                      BCON_NEW("at", "{", "$lt", BCON_INT64(before_ms), "}"));

    for (int share = 0; share < USER_AUDIT_SHARES && status == STATUS_OK; share++)
        status = prune_share(store, share, max[share]);
    return status;
}
