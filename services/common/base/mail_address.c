#include "services/common/base/mail_address.h"

#include <string.h>

#include "services/common/base/text.h"

enum { ADDRESS_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_of(char c, const char *set)
{
    return (unsigned char)c >= 0x80 || (c != '\0' && strchr(set, c) != NULL);
}

/* Parts of such characters, joined by single dots; `*at` advances to what follows. */
static bool skip_parts(const char **at, const char *set, size_t part_max)
{
    const char *c = *at;

    for (;;) {
        const char *part = c;
        while (is_of(*c, set))
            c++;
        if (c == part || (size_t)(c - part) > part_max)
            return false;
        if (*c != '.')
            break;
        c++;
    }
    *at = c;
    return true;
}

static bool has_label_with_outer_hyphen(const char *domain)
{
    return *domain == '-' || strstr(domain, ".-") != NULL || strstr(domain, "-.") != NULL ||
           domain[strlen(domain) - 1] == '-';
}

bool mail_address_is_valid(const char *address)
{
    size_t length = strnlen(address, ADDRESS_MAX + 1);
    const char *at = address;

    if (length > ADDRESS_MAX || !text_is_utf8(address, length))
        return false;
    if (!skip_parts(&at, ALNUM "!#$%&'*+-/=?^_`{|}~", LOCAL_MAX) || *at != '@' ||
        at - address > LOCAL_MAX)
        return false;
    const char *domain = ++at;
    return skip_parts(&at, ALNUM "-", LABEL_MAX) && *at == '\0' &&
           !has_label_with_outer_hyphen(domain);
}

const char *mail_address_domain(const char *address)
{
    return strrchr(address, '@') + 1;
}
