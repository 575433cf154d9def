#include "services/common/store/mongo_document.h"

#include <stdio.h>
#include <string.h>

const char *mongo_text(const bson_t *document, const char *field)
{
    bson_iter_t at;

    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_UTF8(&at))
        return bson_iter_utf8(&at, NULL);
    return "";
}

void mongo_copy_text(const bson_t *document, const char *field, char *out, size_t size)
{
    snprintf(out, size, "%s", mongo_text(document, field));
}

int64_t mongo_int(const bson_t *document, const char *field)
{
    bson_iter_t at;

    return bson_iter_init_find(&at, document, field) ? bson_iter_as_int64(&at) : 0;
}

void mongo_id(const bson_t *document, const char *field, struct id *id_out)
{
    bson_iter_t at;

    memset(id_out, 0, sizeof(*id_out));
    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_OID(&at))
        memcpy(id_out->bytes, bson_iter_oid(&at)->bytes, ID_BYTES);
}

void mongo_append_id(bson_t *document, const char *field, const struct id *id)
{
    bson_oid_t oid;

    bson_oid_init_from_data(&oid, id->bytes);
    bson_append_oid(document, field, -1, &oid);
}

int64_t mongo_date(const bson_t *document, const char *field)
{
    bson_iter_t at;

    if (bson_iter_init_find(&at, document, field) && BSON_ITER_HOLDS_DATE_TIME(&at))
        return bson_iter_date_time(&at);
    return 0;
}

void mongo_array_begin(bson_t *parent, const char *field, struct mongo_array *array_out)
{
    array_out->parent = parent;
    array_out->count = 0;
    bson_append_array_begin(parent, field, -1, &array_out->array);
}

/* The name of an array's next item is its number. */
static const char *next_name(struct mongo_array *array, char digits[16])
{
    const char *name;

    bson_uint32_to_string(array->count++, &name, digits, 16);
    return name;
}

void mongo_array_append_text(struct mongo_array *array, const char *text)
{
    char digits[16];
    bson_append_utf8(&array->array, next_name(array, digits), -1, text, -1);
}

void mongo_array_append_id(struct mongo_array *array, const struct id *id)
{
    char digits[16];
    mongo_append_id(&array->array, next_name(array, digits), id);
}

void mongo_array_append_int(struct mongo_array *array, int64_t value)
{
    char digits[16];
    bson_append_int64(&array->array, next_name(array, digits), -1, value);
}

void mongo_array_append_document(struct mongo_array *array, const bson_t *document)
{
    char digits[16];
    bson_append_document(&array->array, next_name(array, digits), -1, document);
}

void mongo_array_end(struct mongo_array *array)
{
    bson_append_array_end(array->parent, &array->array);
}

void mongo_array_each(const bson_t *document, const char *field,
                      void (*take_item)(void *ctx, const bson_iter_t *item), void *ctx)
{
    bson_iter_t at, item;

    if (!bson_iter_init_find(&at, document, field) || !BSON_ITER_HOLDS_ARRAY(&at) ||
        !bson_iter_recurse(&at, &item))
        return;
    while (bson_iter_next(&item))
        take_item(ctx, &item);
}
