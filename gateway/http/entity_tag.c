#include "gateway/http/entity_tag.h"

#include <stddef.h>
#include <string.h>

#define OWS " \t"

/* The length of the quoted part at the start of the text, with the quotes; 0 when there is none.
 * A comma in it is a part of the tag. */
static size_t quoted_length(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (*at++ != '"')
        return 0;
    while (*at > ' ' && *at != '"' && *at != 0x7f)
        at++;
    return *at == '"' ? (size_t)((const char *)at + 1 - text) : 0;
}

bool entity_tag_is_listed(const char *list, const char *tag, enum entity_tag_comparison comparison)
{
    size_t length;

    list += strspn(list, OWS);
    if (list[0] == '*')
        return list[1 + strspn(list + 1, OWS)] == '\0';
    for (list += strspn(list, OWS ","); *list != '\0'; list += strspn(list, OWS ",")) {
        bool is_weak = strncmp(list, "W/", 2) == 0; /* in this case only */
        list += is_weak ? 2 : 0;
        length = quoted_length(list);
        if (length == 0 || strchr(OWS ",", list[length]) == NULL) /* the end is a match, too */
            return false;
        if ((!is_weak || comparison == ENTITY_TAG_WEAK) && length == strlen(tag) &&
            strncmp(list, tag, length) == 0)
            return true;
        list += length;
    }
    return false;
}
