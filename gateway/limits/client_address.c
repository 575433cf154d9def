#include "gateway/limits/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { NETWORK_BYTES = 8 /* of the 16 of an IPv6 address */ };

/* --- one address ------------------------------------------------------------------------- */

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits <= 5 && text[digits] == '\0';
}

/* Copies the address without brackets and port. "a:b" with more colons is an IPv6 address, which
 * cannot have a port without brackets. */
static bool strip_port(const char *text, char out[CLIENT_ADDRESS_SIZE])
{
    const char *end = strchr(text, ']');
    const char *colon = strchr(text, ':');
    size_t length = strlen(text);

    if (text[0] == '[') {
        if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
            return false;
        text++;
        length = (size_t)(end - text);
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        if (!is_port(colon + 1))
            return false;
        length = (size_t)(colon - text);
    }
    if (length >= CLIENT_ADDRESS_SIZE)
        return false;
    snprintf(out, CLIENT_ADDRESS_SIZE, "%.*s", (int)length, text);
    return true;
}

bool client_address_canonical(const char *text, char out[CLIENT_ADDRESS_SIZE])
{
    char address[CLIENT_ADDRESS_SIZE];
    struct in6_addr v6;
    struct in_addr v4;

    if (!strip_port(text, address))
        return false;
    if (text[0] != '[' && inet_pton(AF_INET, address, &v4) == 1)
        return inet_ntop(AF_INET, &v4, out, CLIENT_ADDRESS_SIZE) != NULL;
    if (inet_pton(AF_INET6, address, &v6) != 1)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        return inet_ntop(AF_INET, &v6.s6_addr[12], out, CLIENT_ADDRESS_SIZE) != NULL;
    return inet_ntop(AF_INET6, &v6, out, CLIENT_ADDRESS_SIZE) != NULL;
}

void client_address_group(const char *address, char out[CLIENT_ADDRESS_SIZE])
{
    struct in6_addr v6;
    char network[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, address, &v6) != 1) {
        snprintf(out, CLIENT_ADDRESS_SIZE, "%s", address);
        return;
    }
    memset(v6.s6_addr + NETWORK_BYTES, 0, sizeof(v6.s6_addr) - NETWORK_BYTES);
    inet_ntop(AF_INET6, &v6, network, sizeof(network));
    snprintf(out, CLIENT_ADDRESS_SIZE, "%s/64", network);
}

bool client_address_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* --- the client behind proxies ----------------------------------------------------------- */

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
    if (!client_address_canonical(peer, out))
        snprintf(out, CLIENT_ADDRESS_SIZE, "%s", peer);
    for (size_t i = count; i-- > 0;) {
        size_t left = strlen(forwarded[i]);
        while (left > 0) {
            char entry[CLIENT_ADDRESS_SIZE], address[CLIENT_ADDRESS_SIZE];
            if (!networks_contain(trusted, out) || !take_last(forwarded[i], &left, entry) ||
                !client_address_canonical(entry, address))
                return;
            memcpy(out, address, sizeof(address));
        }
    }
}
