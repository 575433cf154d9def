#include "services/common/bus/bus_units.h"

#include <errno.h>
#include <string.h>

enum { CRLF_BYTES = 2, KEPT_BYTES_MAX = 1024 * 1024 };

static bool has_payload(const char *line, size_t length)
{
    return length > 0 && strchr("MmHh", line[0]) != NULL;
}

/* Of the payload that follows a line "MSG <subject> <sid> [reply] <bytes>", or HMSG; -1 when that
 * is no number. */
static ssize_t payload_bytes(const char *line, size_t length)
{
    size_t bytes = 0, unit = 1;
    size_t end = length;

    while (end > 0 && (line[end - 1] == '\r' || line[end - 1] == ' '))
        end--;
    size_t begin = end;
    while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') {
        bytes += (size_t)(line[--begin] - '0') * unit;
        if (bytes > UNITS_PAYLOAD_BYTES_MAX || end - begin > 9)
            return -1;
        unit *= 10;
    }
    bool is_number = begin < end && begin > 0 && line[begin - 1] == ' ';
    return is_number ? (ssize_t)bytes : -1;
}

/* How long the bytes must be for the unit at `whole`; 0: it is not known yet; -1: it cannot be. */
static ssize_t end_of_unit(const struct bus_units *units)
{
    const char *begin = units->bytes.data + units->whole;
    size_t length = units->bytes.length - units->whole;
    const char *line_end = memchr(begin, '\n', length);

    if (line_end == NULL)
        return length > UNITS_LINE_BYTES_MAX ? -1 : 0;
    size_t line = (size_t)(line_end - begin);
    size_t end = units->whole + line + 1;
    if (!has_payload(begin, line))
        return (ssize_t)end;
    ssize_t payload = payload_bytes(begin, line);
    return payload < 0 ? -1 : (ssize_t)(end + (size_t)payload + CRLF_BYTES);
}

static bool cut_units(struct bus_units *units)
{
    for (;;) {
        if (units->next == 0) {
            ssize_t end = end_of_unit(units);
            if (end < 0)
                return false;
            units->next = (size_t)end;
        }
        if (units->next == 0 || units->next > units->bytes.length)
            return true;
        units->whole = units->next;
        units->next = 0;
        if (units->whole == units->bytes.length)
            return true;
    }
}

/* What has been given out goes. */
static void move_up(struct bus_units *units)
{
    if (units->given == 0)
        return;
    memmove(units->bytes.data, units->bytes.data + units->given,
            units->bytes.length - units->given);
    units->bytes.length -= units->given;
    units->whole -= units->given;
    units->next -= units->next > 0 ? units->given : 0;
    units->given = 0;
    if (units->bytes.length == 0 && units->bytes.capacity > KEPT_BYTES_MAX)
        buffer_finish(&units->bytes);
}

static ssize_t read_more(struct bus_units *units, bus_units_read *read, void *ctx)
{
    move_up(units);
    buffer_reserve(&units->bytes, UNITS_READ_BYTES);
    ssize_t n = read(ctx, units->bytes.data + units->bytes.length, UNITS_READ_BYTES);
    if (n <= 0)
        return n;
    units->bytes.length += (size_t)n;
    if (cut_units(units))
        return n;
    errno = EBADMSG;
    return -1;
}

ssize_t bus_units_receive(struct bus_units *units, bus_units_read *read, void *ctx, void *out,
                          size_t size)
{
    if (!bus_units_remain(units)) {
        ssize_t n = read_more(units, read, ctx);
        if (n <= 0)
            return n;
    }
    size_t ready = units->whole - units->given;
    if (ready == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (ready > size)
        ready = size;
    memcpy(out, units->bytes.data + units->given, ready);
    units->given += ready;
    return (ssize_t)ready;
}

bool bus_units_remain(const struct bus_units *units)
{
    return units->given < units->whole;
}

void bus_units_forget_rest(struct bus_units *units)
{
    units->bytes.length = units->whole;
    units->next = 0;
}

void bus_units_finish(struct bus_units *units)
{
    buffer_finish(&units->bytes);
    *units = (struct bus_units){ 0 };
}
