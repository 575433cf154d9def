#include "services/common/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <utf8proc.h>

/* The bytes that may follow a lead byte, and how many more (The Unicode Standard, table 3-7). */
struct utf8_lead {
    unsigned char first, last;
    unsigned char second_min, second_max;
    unsigned char more; /* after the second */
};

static const struct utf8_lead *find_lead(unsigned char byte)
{
    static const struct utf8_lead leads[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 0 }, { 0xe0, 0xe0, 0xa0, 0xbf, 1 }, { 0xe1, 0xec, 0x80, 0xbf, 1 },
        { 0xed, 0xed, 0x80, 0x9f, 1 }, { 0xee, 0xef, 0x80, 0xbf, 1 }, { 0xf0, 0xf0, 0x90, 0xbf, 2 },
        { 0xf1, 0xf3, 0x80, 0xbf, 2 }, { 0xf4, 0xf4, 0x80, 0x8f, 2 },
    };

    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

size_t text_utf8_next(const char *text, size_t length, bool *valid_out)
{
    const unsigned char *at = (const unsigned char *)text;
    const struct utf8_lead *lead = at[0] < 0x80 ? NULL : find_lead(at[0]);
    size_t n = 1;

    *valid_out = at[0] < 0x80;
    if (lead == NULL || length < 2 || at[1] < lead->second_min || at[1] > lead->second_max)
        return 1;
    for (n = 2; n < 2U + lead->more; n++)
        if (n == length || at[n] < 0x80 || at[n] > 0xbf)
            return n;
    *valid_out = true;
    return n;
}

bool text_is_utf8(const void *data, size_t length)
{
    const utf8proc_uint8_t *at = data;
    utf8proc_int32_t code_point;

    while (length > 0) {
        if (*at < 0x80) {
            at++;
            length--;
            continue;
        }
        utf8proc_ssize_t n = utf8proc_iterate(at, (utf8proc_ssize_t)length, &code_point);
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

char *text_nfc(const char *utf8)
{
    return (char *)utf8proc_NFC((const utf8proc_uint8_t *)utf8);
}

char *text_casefold(const char *utf8)
{
    utf8proc_uint8_t *folded = NULL;

    if (utf8proc_map((const utf8proc_uint8_t *)utf8, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD) <
        0)
        return NULL;
    return (char *)folded;
}

size_t text_code_points(const char *utf8)
{
    size_t count = 0;
    for (; *utf8 != '\0'; utf8++)
        count += ((unsigned char)*utf8 & 0xC0) != 0x80;
    return count;
}

size_t text_columns(const char *text)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_int32_t code_point;
    size_t columns = 0;

    while (*at != '\0') {
        utf8proc_ssize_t n = utf8proc_iterate(at, -1, &code_point);
        columns += n > 0 ? (size_t)utf8proc_charwidth(code_point) : 1;
        at += n > 0 ? n : 1;
    }
    return columns;
}

bool text_has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    return false;
}

bool text_to_int(const char *text, int64_t min, int64_t max, int64_t *value_out)
{
    char *end;

    if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
        return false;
    *value_out = value;
    return true;
}

static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {
        { "", 1 },          { "s", 1 },          { "sec", 1 },      { "second", 1 },
        { "seconds", 1 },   { "m", 60 },         { "min", 60 },     { "minute", 60 },
        { "minutes", 60 },  { "h", 3600 },       { "hour", 3600 },  { "hours", 3600 },
        { "d", 86400 },     { "day", 86400 },    { "days", 86400 }, { "w", 604800 },
        { "week", 604800 }, { "weeks", 604800 },
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

bool text_to_seconds(const char *text, int64_t *seconds_out)
{
    enum { TEN_YEARS = 3650 * 86400 };
    char number[16] = "";
    size_t digits = strspn(text, "0123456789");
    int64_t value;

    if (digits == 0 || digits >= sizeof(number))
        return false;
    memcpy(number, text, digits);
    const char *unit = text + digits;
    while (*unit == ' ')
        unit++;
    int64_t factor = unit_seconds(unit);
    if (factor == 0 || !text_to_int(number, 1, TEN_YEARS, &value) || value > TEN_YEARS / factor)
        return false;
    *seconds_out = value * factor;
    return true;
}

void text_iso_date(int64_t wall_ms, char out[TEXT_DATE_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    size_t n = strftime(out, TEXT_DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, TEXT_DATE_SIZE - n, ".%03dZ", (int)(wall_ms % 1000));
}

void text_lower_ascii(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}
