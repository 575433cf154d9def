#include "services/common/base/tag.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool tag_is_valid(const char *tag)
{
    size_t length = strnlen(tag, TAG_SIZE);

    if (length < 2 || length > TAG_MAX || tag[0] != '@' || !is_letter(tag[1]))
        return false;
    for (size_t i = 2; i < length; i++)
        if (!is_letter(tag[i]) && !(tag[i] >= '0' && tag[i] <= '9') && tag[i] != '_')
            return false;
    return true;
}

bool tag_to_key(const char *tag, char key_out[TAG_SIZE])
{
    key_out[0] = '\0';
    if (!tag_is_valid(tag))
        return false;
    size_t n = 0;
    for (const char *c = tag + 1; *c != '\0'; c++)
        key_out[n++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    key_out[n] = '\0';
    return true;
}

bool tag_same(const char *one, const char *other)
{
    char a[TAG_SIZE], b[TAG_SIZE];
    return tag_to_key(one, a) && tag_to_key(other, b) && strcmp(a, b) == 0;
}
