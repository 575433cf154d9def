#include "services/messengerctl/console.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/buffer.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"

enum { BAR_SIZE = 2048 };

static char bar[BAR_SIZE]; /* what stands at the bottom, or "" */

/* --- characters ---------------------------------------------------------------------------- */

/* Of a character with so many bytes, which is well-formed. */
static uint32_t decode(const char *text, size_t length)
{
    static const unsigned char of_first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t code_point = (unsigned char)*text & of_first[length];

    for (size_t i = 1; i < length; i++)
        code_point = code_point << 6 | ((unsigned char)text[i] & 0x3f);
    return code_point;
}

/* C0, C1, line ends, and what turns the direction of the text behind it (UAX 9). */
static bool is_control(uint32_t code_point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = { { 0, 0x1f },        { 0x7f, 0x9f },     { 0x61c, 0x61c },
                   { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 } };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

void console_clean(char *text)
{
    const char *from = text;
    size_t left = strlen(text);
    bool valid;

    while (left > 0) {
        size_t length = text_utf8_next(from, left, &valid);
        if (valid && !is_control(decode(from, length))) {
            memmove(text, from, length);
            text += length;
        } else {
            *text++ = '?';
        }
        from += length;
        left -= length;
    }
    *text = '\0';
}

/* --- lines --------------------------------------------------------------------------------- */

bool console_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

static void draw_line(const char *text)
{
    printf("\r%s\033[K", text);
    fflush(stdout);
}

void console_bar(const char *text)
{
    if (!console_is_terminal() || (*text == '\0' && *bar == '\0'))
        return;
    snprintf(bar, sizeof(bar), "%s", text);
    draw_line(bar);
}

static void print_text(FILE *out, const char *prefix, const char *text)
{
    if (*bar != '\0')
        draw_line("");
    fprintf(out, "%s%s\n", prefix, text);
    fflush(out);
    if (*bar != '\0')
        draw_line(bar);
}

__attribute__((format(printf, 3, 0))) static void print_line(FILE *out, const char *prefix,
                                                             const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t size = length >= 0 ? (size_t)length + 1 : 1;
    char *text = xcalloc(size, 1);
    vsnprintf(text, size, format, args);
    console_clean(text);
    print_text(out, prefix, text);
    free(text);
}

void console_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(stdout, "", format, args);
    va_end(args);
}

void console_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(stderr, "messengerctl: ", format, args);
    va_end(args);
}

/* All that is_control knows is below U+10000, so one escape is enough. */
void console_json(const char *json)
{
    struct buffer out = { 0 };
    size_t left = strlen(json);
    bool valid;

    while (left > 0) {
        size_t length = text_utf8_next(json, left, &valid);
        uint32_t code_point = decode(json, length);
        if (is_control(code_point))
            buffer_printf(&out, "\\u%04x", (unsigned)code_point);
        else
            buffer_append(&out, json, length);
        json += length;
        left -= length;
    }
    print_text(stdout, "", buffer_text(&out));
    buffer_finish(&out);
}

bool console_is_written(void)
{
    return ferror(stdout) == 0;
}
