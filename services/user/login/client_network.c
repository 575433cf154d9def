#include "services/user/login/client_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Of the 16 of an IPv6 address. */
enum { NAME_BYTES = 8, SITE_BYTES = 6 };

static void write_network(const struct in6_addr *address, size_t bytes,
                          char out[CLIENT_NETWORK_SIZE])
{
    struct in6_addr network = *address;
    char text[INET6_ADDRSTRLEN];

    memset(network.s6_addr + bytes, 0, sizeof(network.s6_addr) - bytes);
    inet_ntop(AF_INET6, &network, text, sizeof(text));
    snprintf(out, CLIENT_NETWORK_SIZE, "%s/%zu", text, bytes * 8);
}

static bool parse_v4(const char *text, struct client_network *network)
{
    struct in_addr address;

    return inet_pton(AF_INET, text, &address) == 1 &&
           inet_ntop(AF_INET, &address, network->name, sizeof(network->name)) != NULL;
}

static bool parse_v6(const char *text, struct client_network *network)
{
    char address_text[CLIENT_NETWORK_SIZE];
    const char *slash = strchr(text, '/');
    struct in6_addr address;

    if (slash == NULL)
        return false;
    snprintf(address_text, sizeof(address_text), "%.*s", (int)(slash - text), text);
    if (inet_pton(AF_INET6, address_text, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address))
        return false;
    write_network(&address, NAME_BYTES, network->name);
    write_network(&address, SITE_BYTES, network->site);
    return true;
}

bool client_network_parse(const char *text, struct client_network *network_out)
{
    struct client_network network = { .name = "" };

    *network_out = network;
    if (text[0] == '\0')
        return true;
    if (strnlen(text, CLIENT_NETWORK_SIZE) == CLIENT_NETWORK_SIZE)
        return false;
    if (!parse_v4(text, &network) && !parse_v6(text, &network))
        return false;
    if (strcmp(text, network.name) != 0)
        return false;
    *network_out = network;
    return true;
}

const char *client_network_check(const char *text, struct client_network *network_out)
{
    return client_network_parse(text, network_out)
               ? NULL
               : "client_network: is neither an address nor a network";
}

void client_network_of(const char *address, char address_out[CLIENT_NETWORK_SIZE],
                       char network_out[CLIENT_NETWORK_SIZE])
{
    struct in6_addr v6;
    struct in_addr v4;

    snprintf(address_out, CLIENT_NETWORK_SIZE, "%s", address);
    *network_out = '\0';
    bool is_v6 = inet_pton(AF_INET6, address, &v6) == 1;
    bool is_v4 = inet_pton(AF_INET, address, &v4) == 1;
    if (is_v6 && IN6_IS_ADDR_V4MAPPED(&v6)) {
        memcpy(&v4, v6.s6_addr + 12, sizeof(v4));
        is_v4 = true;
    }
    if (is_v4) {
        inet_ntop(AF_INET, &v4, address_out, CLIENT_NETWORK_SIZE);
        snprintf(network_out, CLIENT_NETWORK_SIZE, "%s", address_out);
    } else if (is_v6) {
        inet_ntop(AF_INET6, &v6, address_out, CLIENT_NETWORK_SIZE);
        write_network(&v6, NAME_BYTES, network_out);
    }
}
