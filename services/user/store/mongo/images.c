#include "services/user/store/mongo/images.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/user/store/mongo/handle.h"

static enum status is_shown(struct mongo_db *db, const char *name, bool *shown_out)
{
    return mongo_exists(db, "users", BCON_NEW("img", BCON_UTF8(name)), shown_out);
}

enum status user_mongo_images_drop(struct user_store *store, const char *name)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    bool shown = false;

    enum status status = is_shown(db, name, &shown);
    if (status == STATUS_OK && !shown)
        status = mongo_delete(db, "images", BCON_NEW("_id", BCON_UTF8(name)));
    return status;
}

/* The names of some pictures that are old enough. */
enum { LOOK_MAX = 1000 };
struct look {
    struct user_image_name names[LOOK_MAX];
    size_t count;
};

static void append_name(void *ctx, const bson_t *document)
{
    struct look *look = ctx;

    if (look->count < LOOK_MAX)
        mongo_copy_text(document, "_id", look->names[look->count++].name, USER_IMAGE_SIZE);
}

/* `stored` is missing in documents of older versions. */
static enum status find_old(struct mongo_db *db, int64_t before_ms, const char *after,
                            struct look *look)
{
    look->count = 0;
    return mongo_find(db, "images",
                      BCON_NEW("_id", "{", "$gt", BCON_UTF8(after), "}", "$or", "[", "{", "stored",
                               BCON_NULL, "}", "{", "stored", "{", "$lt", BCON_INT64(before_ms),
                               "}", "}", "]"),
                      BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit",
                               BCON_INT64(LOOK_MAX), "projection", "{", "_id", BCON_INT32(1), "}"),
                      append_name, look);
}

enum status user_mongo_images_unused(struct user_store *store, int64_t before_ms, size_t max,
                                     struct user_image_names *names_out)
{
    struct mongo_db *db = user_mongo_handle(store)->db;
    struct look *look = xcalloc(1, sizeof(*look));
    char after[USER_IMAGE_SIZE] = "";
    enum status status = STATUS_OK;

    *names_out = (struct user_image_names){ xcalloc(max, sizeof(*names_out->items)), 0 };
    do {
        status = find_old(db, before_ms, after, look);
        for (size_t i = 0; i < look->count && status == STATUS_OK && names_out->count < max; i++) {
            bool shown = true;
            status = is_shown(db, look->names[i].name, &shown);
            if (!shown)
                names_out->items[names_out->count++] = look->names[i];
        }
        if (look->count > 0)
            memcpy(after, look->names[look->count - 1].name, sizeof(after));
    } while (status == STATUS_OK && look->count == LOOK_MAX && names_out->count < max);
    free(look);
    if (status == STATUS_OK)
        return STATUS_OK;
    free(names_out->items);
    *names_out = (struct user_image_names){ NULL, 0 };
    return status;
}
