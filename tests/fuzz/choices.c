#include "tests/fuzz/choices.h"

#include <string.h>

#include "services/common/base/memory.h"

static const uint8_t *next;
static size_t left;

bool choices_begin(const uint8_t *data, size_t size, struct choices_input *input_out)
{
    if (size < 2)
        return false;
    left = data[1] < size - 2 ? data[1] : size - 2;
    next = data + size - left;
    *input_out = (struct choices_input){ data[0], data + 2, size - 2 - left };
    return true;
}

unsigned choices_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *next++;
}

size_t choices_below(size_t bound)
{
    return bound > 0 ? choices_byte() % bound : 0;
}

enum status choices_status(void)
{
    static const enum status failures[] = {
        STATUS_UNAVAILABLE,    STATUS_BUSY,      STATUS_NOT_FOUND, STATUS_CONFLICT,
        STATUS_ALREADY_EXISTS, STATUS_FORBIDDEN, STATUS_INTERNAL,  STATUS_DEADLINE_EXCEEDED,
    };
    unsigned byte = choices_byte();

    return byte % 4 != 3 ? STATUS_OK : failures[byte / 4 % (sizeof(failures) / sizeof(*failures))];
}

size_t choices_count(size_t max)
{
    static const size_t counts[] = { 1, 0, 2, 3, 7, 40, 300, SIZE_MAX };
    size_t count = counts[choices_below(sizeof(counts) / sizeof(*counts))];

    return count < max ? count : max;
}

char *choices_text(size_t max)
{
    static const char character[] = "\xF0\x9F\x98\x80"; /* as many bytes as there can be */
    enum { LENGTH = sizeof(character) - 1 };
    unsigned byte = choices_byte();

    if (byte % 8 < 6)
        return xstrdup(byte % 2 == 0 ? "hi" : "\"\\\n\x01 \xC3\xA9");
    size_t length = byte % 8 == 6 ? max / 8 : max;
    char *text = xmalloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = length - i % LENGTH >= LENGTH && i / LENGTH < length / LENGTH
                      ? character[i % LENGTH]
                      : 'x';
    text[length] = '\0';
    return text;
}

uint64_t choices_number(void)
{
    static const uint64_t numbers[] = { 1, 0, 2, 1000, INT64_MAX };

    return numbers[choices_below(sizeof(numbers) / sizeof(*numbers))];
}
