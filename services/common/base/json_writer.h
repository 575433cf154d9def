#ifndef COMMON_BASE_JSON_WRITER_H
#define COMMON_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/base/buffer.h"

/*
 * Writes JSON straight into a buffer; puts the commas itself. A zeroed struct is ready. The order
 * of calls is the caller's duty: inside an object every value follows its json_key, except that
 * the json_put_* pairs do both. What is not UTF-8 in a string is replaced by U+FFFD
 * (text_utf8_next), so that the result is always valid JSON, as a text frame must be: a store may
 * have been damaged.
 */
struct json_writer {
    struct buffer out;
    bool comma;
};

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *name); /* a plain name, not escaped */

void json_string(struct json_writer *w, const char *text);
void json_int(struct json_writer *w, int64_t value);
void json_double(struct json_writer *w, double value); /* finite; shortest that reads back */
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, const char *json, size_t length); /* one whole value */

void json_put_string(struct json_writer *w, const char *name, const char *text);
void json_put_int(struct json_writer *w, const char *name, int64_t value);
void json_put_bool(struct json_writer *w, const char *name, bool value);

#endif
