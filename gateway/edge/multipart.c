#define _GNU_SOURCE /* memmem */
#include "gateway/edge/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FORM "multipart/form-data"

/* --- parameters of a header: Content-Type, Content-Disposition --------------------------- */

/* Copies the value at `*at`, a token or a quoted string; false: neither, or too long. */
static bool read_value(const char **at, const char *end, char *out, size_t size)
{
    bool quoted = *at < end && **at == '"';
    size_t length = 0;

    if (quoted)
        (*at)++;
    for (; *at < end; (*at)++) {
        if (quoted ? **at == '"' : strchr("; \t", **at) != NULL)
            break;
        if (quoted && **at == '\\' && *at + 1 < end && strchr("\"\\", (*at)[1]) != NULL)
            (*at)++;
        if (length + 1 >= size)
            return false;
        out[length++] = **at;
    }
    out[length] = '\0';
    if (quoted && *at == end)
        return false;
    *at += quoted ? 1 : 0;
    return true;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The value of a parameter of `text`, behind its first semicolon. Values that do not fit in `out`
 * are treated as absent. */
static bool find_parameter(const char *text, const char *end, const char *name, char *out,
                           size_t size)
{
    size_t name_length = strlen(name);
    const char *at = memchr(text, ';', (size_t)(end - text));

    while (at != NULL && at < end) {
        at = skip_space(at + 1, end);
        const char *begin = at;
        while (at < end && strchr("=; \t", *at) == NULL)
            at++;
        bool wanted =
            (size_t)(at - begin) == name_length && strncasecmp(begin, name, name_length) == 0;
        at = skip_space(at, end);
        if (at < end && *at == '=') {
            char scrap[1024];
            at = skip_space(at + 1, end);
            bool fits = read_value(&at, end, wanted ? out : scrap, wanted ? size : sizeof(scrap));
            if (wanted || !fits)
                return wanted && fits;
        }
        at = at < end ? memchr(at, ';', (size_t)(end - at)) : NULL;
    }
    return false;
}

bool multipart_is_form(const char *content_type)
{
    size_t length = sizeof(FORM) - 1;

    return content_type != NULL && strncasecmp(content_type, FORM, length) == 0 &&
           strchr("; \t", content_type[length]) != NULL; /* also at the end */
}

/* RFC 2046: 1 to 70 of these characters, the last one not a space. */
static bool is_boundary(const char *text)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "'()+_,-./:=? ";
    size_t length = strlen(text);

    return length > 0 && strspn(text, allowed) == length && text[length - 1] != ' ';
}

bool multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1])
{
    return multipart_is_form(content_type) &&
           find_parameter(content_type, content_type + strlen(content_type), "boundary", out,
                          MULTIPART_BOUNDARY_MAX + 1) &&
           is_boundary(out);
}

/* --- the body ---------------------------------------------------------------------------- */

struct reading {
    const char *at, *end;
    char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF, two hyphens, the boundary */
    size_t delimiter_length;
};

enum line { LINE_NONE, LINE_BEGINS, LINE_ENDS };

/* What follows the delimiter that ends at `at`: white space and a line end, before a part; two
 * hyphens, at the end of all; or it is none, only data that begins like one. */
static enum line read_delimiter_end(const char *at, const char *end, const char **behind_out)
{
    if (end - at >= 2 && at[0] == '-' && at[1] == '-')
        return LINE_ENDS;
    at = skip_space(at, end);
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return LINE_NONE;
    *behind_out = at + 2;
    return LINE_BEGINS;
}

/* Moves to the next delimiter line; `*before_out` is where the bytes before it end. */
static enum line next_delimiter(struct reading *reading, bool first, const char **before_out)
{
    /* The first delimiter may begin the body, without a line end before it. */
    size_t skip = first ? 2 : 0;
    const char *at = reading->at;

    for (;;) {
        size_t length = reading->delimiter_length - skip;
        const char *found =
            memmem(at, (size_t)(reading->end - at), reading->delimiter + skip, length);
        if (found == NULL)
            return LINE_NONE;
        at = found + length;
        if (skip > 0 && found != reading->at &&
            (found - reading->at < 2 || found[-2] != '\r' || found[-1] != '\n'))
            continue;
        enum line kind = read_delimiter_end(at, reading->end, &reading->at);
        *before_out = found;
        if (kind != LINE_NONE)
            return kind;
    }
}

/* Whether the header of the part at `at`, up to `end`, names it `name`. */
static bool is_named(const char *at, const char *end, const char *name)
{
    static const char disposition[] = "content-disposition:", kind[] = "form-data";
    char value[256];

    while (at < end) {
        const char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        size_t length = (size_t)((line != NULL ? line : end) - at);
        if (length > sizeof(disposition) - 1 &&
            strncasecmp(at, disposition, sizeof(disposition) - 1) == 0) {
            const char *text = skip_space(at + sizeof(disposition) - 1, at + length);
            return (size_t)(at + length - text) > sizeof(kind) - 1 &&
                   strncasecmp(text, kind, sizeof(kind) - 1) == 0 &&
                   find_parameter(text, at + length, "name", value, sizeof(value)) &&
                   strcmp(value, name) == 0;
        }
        at += length + 2;
    }
    return false;
}

/* The part between `begin` and `end`: its header, an empty line, its data. */
static bool read_part(const char *begin, const char *end, const char *name, const char **data_out,
                      size_t *size_out)
{
    const char *header_end = end - begin >= 2 && memcmp(begin, "\r\n", 2) == 0
                                 ? begin - 2 /* no header at all */
                                 : memmem(begin, (size_t)(end - begin), "\r\n\r\n", 4);

    if (header_end == NULL || header_end < begin || !is_named(begin, header_end, name))
        return false;
    *data_out = header_end + 4;
    *size_out = (size_t)(end - *data_out);
    return true;
}

bool multipart_find(const char *body, size_t length, const char *boundary, const char *name,
                    const char **data_out, size_t *size_out)
{
    struct reading reading = { .at = body, .end = body + length };
    const char *before = body;
    bool found = false;

    int n = snprintf(reading.delimiter, sizeof(reading.delimiter), "\r\n--%s", boundary);
    reading.delimiter_length = (size_t)n;
    enum line kind = next_delimiter(&reading, true, &before);
    while (kind == LINE_BEGINS) {
        const char *begin = reading.at;
        reading.at =
            begin >= body + 2 ? begin - 2 : begin; /* an empty part: its line end is ours */
        kind = next_delimiter(&reading, false, &before);
        if (kind != LINE_NONE && !found && before >= begin)
            found = read_part(begin, before, name, data_out, size_out);
    }
    return found && kind == LINE_ENDS;
}
