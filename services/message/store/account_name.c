#include "services/message/store/account_name.h"

#include <stdio.h>
#include <string.h>

enum { SEPARATOR = ':' }; /* in no tag; sorts after '/' and '0', as mongo/documents.c relies on */

bool account_name_set(char name_out[ACCOUNT_NAME_SIZE], const char *tag, const char *account_id)
{
    snprintf(name_out, ACCOUNT_NAME_SIZE, "%.*s%c%.*s", TAG_MAX, tag, SEPARATOR, ID_HEX,
             account_id);
    return tag_is_valid(tag);
}

bool account_name_to_key(const char *name, char key_out[ACCOUNT_NAME_SIZE])
{
    size_t length = strcspn(name, ":");
    const char *rest = name + length; /* ":" and the id, or nothing */
    char tag[TAG_SIZE], key[TAG_SIZE];
    struct id ignored;

    key_out[0] = '\0';
    account_name_strip(name, tag);
    if (length > TAG_MAX || (*rest != '\0' && !id_from_hex(rest + 1, &ignored)) ||
        !tag_to_key(tag, key))
        return false;
    snprintf(key_out, ACCOUNT_NAME_SIZE, "%s%s", key, rest);
    return true;
}

bool account_name_same(const char *one, const char *other)
{
    char a[ACCOUNT_NAME_SIZE], b[ACCOUNT_NAME_SIZE];
    return account_name_to_key(one, a) && account_name_to_key(other, b) && strcmp(a, b) == 0;
}

void account_name_strip(const char *name, char tag_out[TAG_SIZE])
{
    snprintf(tag_out, TAG_SIZE, "%.*s", (int)strcspn(name, ":"), name);
}
