#include "services/common/base/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_separator(struct json_writer *w)
{
    if (w->comma)
        buffer_append_char(&w->out, ',');
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    put_separator(w);
    buffer_append_char(&w->out, '{');
    w->comma = false;
}

void json_end_object(struct json_writer *w)
{
    buffer_append_char(&w->out, '}');
    w->comma = true;
}

void json_begin_array(struct json_writer *w)
{
    put_separator(w);
    buffer_append_char(&w->out, '[');
    w->comma = false;
}

void json_end_array(struct json_writer *w)
{
    buffer_append_char(&w->out, ']');
    w->comma = true;
}

void json_key(struct json_writer *w, const char *name)
{
    put_separator(w);
    buffer_append_char(&w->out, '"');
    buffer_append_text(&w->out, name);
    buffer_append(&w->out, "\":", 2);
    w->comma = false;
}

static void append_escaped(struct buffer *out, unsigned char c)
{
    switch (c) {
    case '"':
        buffer_append(out, "\\\"", 2);
        break;
    case '\\':
        buffer_append(out, "\\\\", 2);
        break;
    case '\n':
        buffer_append(out, "\\n", 2);
        break;
    case '\r':
        buffer_append(out, "\\r", 2);
        break;
    case '\t':
        buffer_append(out, "\\t", 2);
        break;
    default:
        buffer_printf(out, "\\u%04x", c);
    }
}

void json_string(struct json_writer *w, const char *text)
{
    put_separator(w);
    buffer_append_char(&w->out, '"');
    const char *plain = text;
    for (;; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_append(&w->out, plain, (size_t)(text - plain));
        if (c == '\0')
            break;
        append_escaped(&w->out, c);
        plain = text + 1;
    }
    buffer_append_char(&w->out, '"');
}

void json_int(struct json_writer *w, int64_t value)
{
    char digits[24];

    put_separator(w);
    int n = snprintf(digits, sizeof(digits), "%" PRId64, value);
    buffer_append(&w->out, digits, (size_t)n);
}

void json_double(struct json_writer *w, double value)
{
    char digits[32];

    if (value == floor(value) && fabs(value) < 1e15) {
        json_int(w, (int64_t)value);
        return;
    }
    snprintf(digits, sizeof(digits), "%.15g", value);
    if (strtod(digits, NULL) != value)
        snprintf(digits, sizeof(digits), "%.17g", value);
    put_separator(w);
    buffer_append_text(&w->out, digits);
}

void json_bool(struct json_writer *w, bool value)
{
    put_separator(w);
    buffer_append_text(&w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    put_separator(w);
    buffer_append(&w->out, "null", 4);
}

void json_raw(struct json_writer *w, const char *json, size_t length)
{
    put_separator(w);
    buffer_append(&w->out, json, length);
}

void json_put_string(struct json_writer *w, const char *name, const char *text)
{
    json_key(w, name);
    json_string(w, text);
}

void json_put_int(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    json_int(w, value);
}

void json_put_bool(struct json_writer *w, const char *name, bool value)
{
    json_key(w, name);
    json_bool(w, value);
}
