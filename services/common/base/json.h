#ifndef COMMON_BASE_JSON_H
#define COMMON_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading JSON (RFC 8259). Stricter than the library underneath: the whole text must be one value
 * in well-formed UTF-8, numbers follow the grammar, raw control characters and lone surrogates are
 * refused (a byte order mark at the start is allowed), nesting goes JSON_DEPTH_MAX deep, and so is
 * the escape \u0000, which C strings cannot hold. Memory is bounded by about 70 times the text, so
 * the caller bounds the text.
 */
struct json;

enum { JSON_DEPTH_MAX = 32 };

/* The caller frees the result with json_destroy. NULL when the text is not JSON as above. */
struct json *json_parse(const char *text, size_t length);
void json_destroy(struct json **root);

/* Everything below is borrowed from the root and lives as long. A NULL value has no type. */
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_null(const struct json *value);
bool json_is_number(const struct json *value); /* one that a double can hold */

/* The member of that name (the first, if there are several), or NULL. */
const struct json *json_member(const struct json *object, const char *name);

size_t json_count(const struct json *array_or_object);
const struct json *json_first(const struct json *array_or_object); /* or NULL */
const struct json *json_next(const struct json *value);            /* or NULL */
const char *json_name(const struct json *member);

/* The text of a string value, or NULL when it is anything else. */
const char *json_text(const struct json *value);

/* A number without a fraction in [min, max]. */
bool json_to_int(const struct json *value, int64_t min, int64_t max, int64_t *value_out);
bool json_to_bool(const struct json *value, bool *value_out);
double json_to_double(const struct json *number);

/*
 * A number as it was written, which a double may not hold: for members named `name`, at any depth,
 * json_number_text then returns it. `text` is what `root` was parsed from.
 */
void json_keep_numbers(struct json *root, const char *name, const char *text, size_t length);

/* Borrowed; NULL of what is no number, or was not kept. */
const char *json_number_text(const struct json *value);

#endif
