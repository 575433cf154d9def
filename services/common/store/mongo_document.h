#ifndef COMMON_STORE_MONGO_DOCUMENT_H
#define COMMON_STORE_MONGO_DOCUMENT_H

#include <mongoc/mongoc.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/id.h"

/* Fields of a document; "" or 0 when they are missing or of another type. Texts are borrowed. */
const char *mongo_text(const bson_t *document, const char *field);

int64_t mongo_int(const bson_t *document, const char *field);
void mongo_id(const bson_t *document, const char *field, struct id *id_out);

/* Copies a text field, cut off at `size` with its NUL; "" when there is none. */
void mongo_copy_text(const bson_t *document, const char *field, char *out, size_t size);

/* A date, in milliseconds since 1970. */
int64_t mongo_date(const bson_t *document, const char *field);

/* Ids are stored as ObjectIds. */
void mongo_append_id(bson_t *document, const char *field, const struct id *id);

/* An array under construction: begin, append, append..., end. */
struct mongo_array {
    bson_t array;
    bson_t *parent;
    uint32_t count;
};
void mongo_array_begin(bson_t *parent, const char *field, struct mongo_array *array_out);
void mongo_array_append_text(struct mongo_array *array, const char *text);
void mongo_array_append_id(struct mongo_array *array, const struct id *id);
void mongo_array_append_int(struct mongo_array *array, int64_t value);
void mongo_array_append_document(struct mongo_array *array, const bson_t *document);
void mongo_array_end(struct mongo_array *array);

/* Calls `take_item` for each item of an array; not at all when there is none. */
void mongo_array_each(const bson_t *document, const char *field,
                      void (*take_item)(void *ctx, const bson_iter_t *item), void *ctx);

#endif
