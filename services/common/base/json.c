#include "services/common/base/json.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "services/common/base/memory.h"
#include "services/common/base/text.h"

/* struct json is cJSON under another name; only this file knows. */
static const cJSON *in(const struct json *value)
{
    return (const cJSON *)value;
}

static const struct json *out(const cJSON *value)
{
    return (const struct json *)value;
}

/* Returns the first byte behind a number of the grammar of RFC 8259, or NULL. */
static const char *scan_number(const char *at, const char *end)
{
    const char *digits;

    if (at < end && *at == '-')
        at++;
    digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    if (at < end && *at == '.') {
        digits = ++at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        if (at == digits)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        if (at == digits)
            return NULL;
    }
    return at;
}

/* `at` is behind the backslash; returns the first byte behind the escape, or NULL. */
static const char *scan_escape(const char *at, const char *end)
{
    if (at == end || *at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL)
        return NULL;
    if (*at != 'u')
        return at + 1;
    if (end - at < 5 || memcmp(at, "u0000", 5) == 0)
        return NULL;
    for (int i = 1; i <= 4; i++)
        if (!isxdigit((unsigned char)at[i]))
            return NULL;
    return at + 5;
}

/* `at` is behind the opening quote; returns the first byte behind the closing one, or NULL. */
static const char *scan_string(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at++ != '\\')
            continue;
        at = scan_escape(at, end);
        if (at == NULL)
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

/* What the library lets pass and we do not; see json.h. Never recurses. */
static bool is_strict(const char *at, size_t length)
{
    const char *end = at + length;
    int depth = 0;

    while (at != NULL && at < end) {
        if (*at == '"') {
            at = scan_string(at + 1, end);
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            at = scan_number(at, end);
        } else {
            if (*at == '[' || *at == '{')
                depth++;
            if (*at == ']' || *at == '}')
                depth--;
            if (depth > JSON_DEPTH_MAX || depth < 0)
                return false;
            if ((unsigned char)*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r')
                return false;
            at++;
        }
    }
    return at != NULL;
}

struct json *json_parse(const char *text, size_t length)
{
    const char *end = NULL;

    if (length == 0 || !text_is_utf8(text, length) || !is_strict(text, length))
        return NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (root == NULL)
        return NULL;
    for (; end < text + length; end++) {
        if (strchr(" \t\r\n", *end) == NULL || *end == '\0') {
            cJSON_Delete(root);
            return NULL;
        }
    }
    return (struct json *)root;
}

void json_destroy(struct json **root)
{
    cJSON_Delete((cJSON *)*root);
    *root = NULL;
}

bool json_is_object(const struct json *value)
{
    return cJSON_IsObject(in(value));
}

bool json_is_array(const struct json *value)
{
    return cJSON_IsArray(in(value));
}

bool json_is_null(const struct json *value)
{
    return cJSON_IsNull(in(value));
}

bool json_is_number(const struct json *value)
{
    return cJSON_IsNumber(in(value)) && isfinite(in(value)->valuedouble); /* 1e400 is not */
}

const struct json *json_member(const struct json *object, const char *name)
{
    return out(cJSON_GetObjectItemCaseSensitive(in(object), name));
}

size_t json_count(const struct json *array_or_object)
{
    return array_or_object != NULL ? (size_t)cJSON_GetArraySize(in(array_or_object)) : 0;
}

const struct json *json_first(const struct json *array_or_object)
{
    return array_or_object != NULL ? out(in(array_or_object)->child) : NULL;
}

const struct json *json_next(const struct json *value)
{
    return out(in(value)->next);
}

const char *json_name(const struct json *member)
{
    return in(member)->string;
}

const char *json_text(const struct json *value)
{
    return cJSON_GetStringValue(in(value));
}

bool json_to_int(const struct json *value, int64_t min, int64_t max, int64_t *value_out)
{
    if (!cJSON_IsNumber(in(value)))
        return false;
    double number = in(value)->valuedouble;
    if (!(number >= (double)min && number <= (double)max) || number != floor(number))
        return false;
    *value_out = (int64_t)number;
    return true;
}

bool json_to_bool(const struct json *value, bool *value_out)
{
    if (!cJSON_IsBool(in(value)))
        return false;
    *value_out = cJSON_IsTrue(in(value));
    return true;
}

double json_to_double(const struct json *number)
{
    return in(number)->valuedouble;
}

/* --- numbers as they were written -------------------------------------------------------- */

/* The values of a tree are in the order of the text, so its numbers are, too. */
struct number_walk {
    const char *at, *end;
    const char *name;
};

/* The next number of the text; it is strict, and has one (is_strict, json_parse). */
static const char *next_number(struct number_walk *walk, size_t *length_out)
{
    while (walk->at != NULL && walk->at < walk->end) {
        if (*walk->at == '"') {
            walk->at = scan_string(walk->at + 1, walk->end);
        } else if (*walk->at == '-' || (*walk->at >= '0' && *walk->at <= '9')) {
            const char *begin = walk->at;
            walk->at = scan_number(begin, walk->end);
            if (walk->at == NULL)
                break;
            *length_out = (size_t)(walk->at - begin);
            return begin;
        } else {
            walk->at++;
        }
    }
    return NULL;
}

/* No deeper than JSON_DEPTH_MAX. */
static void keep_numbers(cJSON *value, struct number_walk *walk)
{
    for (; value != NULL; value = value->next) {
        size_t length = 0;
        if (cJSON_IsNumber(value)) {
            const char *text = next_number(walk, &length);
            if (text != NULL && value->string != NULL && strcmp(value->string, walk->name) == 0)
                value->valuestring = xstrndup(text, length); /* freed by cJSON_Delete */
        } else if (value->child != NULL) {
            keep_numbers(value->child, walk);
        }
    }
}

void json_keep_numbers(struct json *root, const char *name, const char *text, size_t length)
{
    struct number_walk walk = { .at = text, .end = text + length, .name = name };

    keep_numbers((cJSON *)root, &walk);
}

const char *json_number_text(const struct json *value)
{
    return cJSON_IsNumber(in(value)) ? in(value)->valuestring : NULL;
}
