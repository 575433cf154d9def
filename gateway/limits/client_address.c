#include "gateway/limits/client_address.h"

#include <stdio.h>
#include <string.h>

/* Cuts the right-most entry of "a, b, c" off: `*length` becomes what is left of it. False when it
 * is too long to be an address. */
static bool take_last(const char *list, size_t *length, char out[CLIENT_ADDRESS_SIZE])
{
    size_t end = *length, begin;

    while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t'))
        end--;
    for (begin = end; begin > 0 && list[begin - 1] != ',';)
        begin--;
    *length = begin > 0 ? begin - 1 : 0;
    begin += strspn(list + begin, " \t");
    if (begin > end || end - begin >= CLIENT_ADDRESS_SIZE)
        return false;
    snprintf(out, CLIENT_ADDRESS_SIZE, "%.*s", (int)(end - begin), list + begin);
    return true;
}

void client_address(const struct networks *trusted, const char *peer, const char *const *forwarded,
                    size_t count, char out[CLIENT_ADDRESS_SIZE])
{
    snprintf(out, CLIENT_ADDRESS_SIZE, "%s", peer);
    for (size_t i = count; i-- > 0;) {
        size_t left = strlen(forwarded[i]);
        while (left > 0) {
            char entry[CLIENT_ADDRESS_SIZE];
            if (!networks_contain(trusted, out) || !take_last(forwarded[i], &left, entry) ||
                !networks_is_address(entry))
                return;
            memcpy(out, entry, sizeof(entry));
        }
    }
}
