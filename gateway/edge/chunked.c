#include "gateway/edge/chunked.h"

#include <string.h>

#include "gateway/edge/http_head.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static bool is_text(char byte)
{
    unsigned char c = (unsigned char)byte;

    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static bool step(struct chunked *chunked, enum chunked_state next, bool allowed)
{
    chunked->state = next;
    return allowed;
}

/* --- the line before a chunk ------------------------------------------------------------- */

static bool read_digit(struct chunked *chunked, char c)
{
    int value = hex_value(c);

    if (value < 0 || chunked->left > UINT32_MAX)
        return false;
    chunked->left = chunked->left * 16 + (uint64_t)value;
    return step(chunked, CHUNKED_DIGITS, true);
}

/* Behind the digits, or behind white space. */
static bool read_after_size(struct chunked *chunked, char c)
{
    if (c == ' ' || c == '\t')
        return step(chunked, CHUNKED_SPACE, true);
    if (c == ';')
        return step(chunked, CHUNKED_EXTENSION, true);
    return step(chunked, CHUNKED_SIZE_END, c == '\r' && chunked->state == CHUNKED_DIGITS);
}

static bool read_extension(struct chunked *chunked, char c)
{
    if (c == '\r' && !chunked->is_quoted)
        return step(chunked, CHUNKED_SIZE_END, true);
    if (chunked->is_escaped)
        chunked->is_escaped = false;
    else if (c == '"')
        chunked->is_quoted = !chunked->is_quoted;
    else if (c == '\\' && chunked->is_quoted)
        chunked->is_escaped = true;
    return is_text(c);
}

static bool read_line_before_chunk(struct chunked *chunked, char c)
{
    switch (chunked->state) {
    case CHUNKED_SIZE:
        return read_digit(chunked, c);
    case CHUNKED_DIGITS:
        return hex_value(c) >= 0 ? read_digit(chunked, c) : read_after_size(chunked, c);
    case CHUNKED_SPACE:
        return read_after_size(chunked, c);
    case CHUNKED_EXTENSION:
        return read_extension(chunked, c);
    default:
        return step(chunked, chunked->left > 0 ? CHUNKED_DATA : CHUNKED_LINE, c == '\n');
    }
}

/* --- the trailer ------------------------------------------------------------------------- */

static bool read_trailer(struct chunked *chunked, char c)
{
    switch (chunked->state) {
    case CHUNKED_LINE:
        if (c == '\r')
            return step(chunked, CHUNKED_TRAILER_END, true);
        return step(chunked, CHUNKED_NAME, http_head_is_token(&c, 1));
    case CHUNKED_NAME:
        if (c == ':')
            return step(chunked, CHUNKED_VALUE, true);
        return http_head_is_token(&c, 1);
    case CHUNKED_VALUE:
        if (c == '\r')
            return step(chunked, CHUNKED_LINE_END, true);
        return is_text(c);
    case CHUNKED_LINE_END:
        return step(chunked, CHUNKED_LINE, c == '\n');
    default:
        return step(chunked, CHUNKED_COMPLETE, c == '\n');
    }
}

/* --- the whole --------------------------------------------------------------------------- */

/* A byte that is not data. */
static bool read_byte(struct chunked *chunked, char c)
{
    if (++chunked->extra > CHUNKED_EXTRA_MAX + 16 * chunked->data)
        return false;
    if (chunked->state < CHUNKED_DATA)
        return read_line_before_chunk(chunked, c);
    if (chunked->state > CHUNKED_DATA_LF)
        return read_trailer(chunked, c);
    if (chunked->state == CHUNKED_DATA_CR)
        return step(chunked, CHUNKED_DATA_LF, c == '\r');
    return step(chunked, CHUNKED_SIZE, c == '\n');
}

static size_t read_data(struct chunked *chunked, const char *bytes, size_t length,
                        struct buffer *body)
{
    size_t n = length < chunked->left ? length : (size_t)chunked->left;

    buffer_append(body, bytes, n);
    chunked->left -= n;
    chunked->data += n;
    if (chunked->left == 0)
        chunked->state = CHUNKED_DATA_CR;
    return n;
}

enum chunked_result chunked_decode(struct chunked *chunked, const char *bytes, size_t length,
                                   size_t *used_out, size_t max, struct buffer *body)
{
    size_t at = 0;

    *used_out = 0;
    while (at < length && chunked->state != CHUNKED_COMPLETE) {
        if (chunked->state == CHUNKED_DATA) {
            if (chunked->left > max - body->length)
                return CHUNKED_TOO_LARGE;
            at += read_data(chunked, bytes + at, length - at, body);
        } else if (!read_byte(chunked, bytes[at++])) {
            return CHUNKED_BROKEN;
        }
    }
    *used_out = at;
    return chunked->state == CHUNKED_COMPLETE ? CHUNKED_DONE : CHUNKED_MORE;
}
