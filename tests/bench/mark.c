#define _GNU_SOURCE /* memmem */
#include "tests/bench/mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

size_t mark_write(const struct mark *mark, size_t size, char *out)
{
    size_t length = (size_t)snprintf(out, MARK_MAX + 1, "b %" PRIu64 " %" PRIu64 " %" PRId64 " ",
                                     mark->pair, mark->number, mark->at_ns);

    if (length < size) {
        memset(out + length, 'x', size - length);
        length = size;
    }
    out[length] = '\0';
    return length;
}

/* A number and the space behind it; NULL when that is not there. */
static const char *read_number(const char *at, const char *end, uint64_t *number_out)
{
    *number_out = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        *number_out = *number_out * 10 + (uint64_t)(*at - '0');
    return at < end && *at == ' ' ? at + 1 : NULL;
}

bool mark_find(const char *json, size_t length, struct mark *mark_out)
{
    static const char begin[] = "\"text\":\"b ";
    const char *end = json + length, *at = memmem(json, length, begin, sizeof(begin) - 1);
    uint64_t numbers[3];

    if (at != NULL)
        at += sizeof(begin) - 1;
    for (int i = 0; i < 3 && at != NULL; i++)
        at = read_number(at, end, &numbers[i]);
    if (at == NULL)
        return false;
    *mark_out = (struct mark){ numbers[0], numbers[1], (int64_t)numbers[2] };
    return true;
}
