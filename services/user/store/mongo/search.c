#include "services/user/store/mongo/search.h"

#include <stdio.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/documents.h"
#include "services/user/store/mongo/handle.h"

/* Keys hold letters, digits and '_' only, and so does `part`: nothing in it is a pattern. */
static bson_t *inside_filter(const char *part, const char *except_key)
{
    char gram[USER_GRAM_MAX + 1], pattern[TAG_SIZE + 2];

    snprintf(gram, sizeof(gram), "%s", part);
    snprintf(pattern, sizeof(pattern), ".%s", part); /* not at the start alone */
    return BCON_NEW("grams", BCON_UTF8(gram), "key", "{", "$regex", BCON_UTF8(pattern), "$ne",
                    BCON_UTF8(except_key), "}");
}

/* Appends users whose key contains the part but does not begin with it; the others are in the
 * list. */
struct inside {
    struct user_list *list;
    const char *part;
    size_t max;
};

static void append_inside(void *ctx, const bson_t *document)
{
    struct inside *inside = ctx;

    if (inside->list->count < inside->max &&
        strncmp(mongo_text(document, "key"), inside->part, strlen(inside->part)) != 0)
        user_mongo_documents_append(inside->list, document);
}

enum status user_mongo_search_find(struct user_store *store, const char *part,
                                   const char *except_key, size_t max, struct user_list *list_out)
{
    struct inside inside = { list_out, part, max };
    char end[TAG_SIZE + 1];

    *list_out = (struct user_list){ 0 };
    if (strlen(part) >= TAG_SIZE || max == 0)
        return STATUS_OK;
    list_out->items = xcalloc(max, sizeof(struct user));
    snprintf(end, sizeof(end), "%s\x7f", part);
    enum status status =
        mongo_find(user_mongo_handle(store)->db, "users",
                   BCON_NEW("key", "{", "$gte", BCON_UTF8(part), "$lt", BCON_UTF8(end), "$ne",
                            BCON_UTF8(except_key), "}", "deleted", BCON_NULL),
                   user_mongo_documents_by_key(max), user_mongo_documents_append, list_out);
    size_t beginning = list_out->count;
    if (status == STATUS_OK && beginning < max && *part != '\0')
        status = mongo_find(user_mongo_handle(store)->db, "users", inside_filter(part, except_key),
                            user_mongo_documents_by_key(max + beginning), append_inside, &inside);
    return user_mongo_documents_finish_list(status, list_out);
}
