#include "services/common/base/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/text.h"

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
    static const char hex[] = "0123456789abcdef";

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
    default: {
        const char escape[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
        buffer_append(out, escape, sizeof(escape));
    }
    }
}

/* Plain bytes of UTF-8 at the begin of a text, which need no escape. */
static size_t plain_length(const char *text, size_t length)
{
    bool valid = true;
    size_t n = 0;

    while (n < length) {
        unsigned char c = (unsigned char)text[n];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
        size_t next = c < 0x80 ? 1 : text_utf8_next(text + n, length - n, &valid);
        if (!valid)
            break;
        n += next;
    }
    return n;
}

/* The first character of the text, which is not plain. Returns its length. */
static size_t append_other(struct buffer *out, const char *text, size_t length)
{
    bool valid;

    if ((unsigned char)*text < 0x80) {
        append_escaped(out, (unsigned char)*text);
        return 1;
    }
    buffer_append_text(out, "\xef\xbf\xbd"); /* U+FFFD */
    return text_utf8_next(text, length, &valid);
}

void json_string(struct json_writer *w, const char *text)
{
    size_t length = strlen(text);

    put_separator(w);
    buffer_append_char(&w->out, '"');
    for (;;) {
        size_t plain = plain_length(text, length);
        buffer_append(&w->out, text, plain);
        text += plain;
        length -= plain;
        if (length == 0)
            break;
        size_t other = append_other(&w->out, text, length);
        text += other;
        length -= other;
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
