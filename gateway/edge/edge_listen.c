#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "gateway/edge/edge_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/log.h"

enum { BACKLOG = 4096 };

void edge_listen_peer(const struct sockaddr_storage *address, char out[EDGE_ADDRESS_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

    out[0] = '\0';
    if (address->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, out, EDGE_ADDRESS_SIZE);
    else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out, EDGE_ADDRESS_SIZE);
    else if (address->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, out, EDGE_ADDRESS_SIZE);
}

/* The port lies at the same place in the addresses of both families. */
static int port_of(int fd)
{
    struct sockaddr_in6 address = { 0 };
    socklen_t length = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return ntohs(address.sin6_port);
}

static void set_port(struct sockaddr *address, int port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
}

/* -1 with errno. `both`: an IPv6 socket also takes IPv4 clients. */
static int open_socket(struct sockaddr *address, socklen_t length, bool both)
{
    int on = 1, v6_only = both ? 0 : 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    if (bind(fd, address, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_all_addresses(const char *host, int port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    int fd = open_socket((struct sockaddr *)&v6, sizeof(v6), true);
    if (fd >= 0 || *host != '\0' || errno == EADDRINUSE || errno == EACCES)
        return fd;
    return open_socket((struct sockaddr *)&v4, sizeof(v4), false);
}

/* "[::1]" without its brackets. */
static void copy_host(const char *host, char out[256])
{
    size_t length = strlen(host);
    bool bracketed = length > 1 && host[0] == '[' && host[length - 1] == ']';

    snprintf(out, 256, "%.*s", (int)(bracketed ? length - 2 : length), host + (bracketed ? 1 : 0));
}

static enum status fail(const char *host, int port, const char *why, int sockets[], size_t *count)
{
    log_error("cannot listen on %s port %d: %s", *host != '\0' ? host : "any address,", port, why);
    while (*count > 0)
        close(sockets[--*count]);
    return STATUS_UNAVAILABLE;
}

static enum status open_each(const char *host, struct addrinfo *address, int sockets_out[],
                             size_t *count_out, int *port_out)
{
    for (; address != NULL && *count_out < EDGE_LISTEN_MAX; address = address->ai_next) {
        set_port(address->ai_addr, *port_out);
        int fd = open_socket(address->ai_addr, address->ai_addrlen, false);
        if (fd < 0)
            return fail(host, *port_out, strerror(errno), sockets_out, count_out);
        sockets_out[(*count_out)++] = fd;
        *port_out = port_of(fd);
    }
    return STATUS_OK;
}

enum status edge_listen(const char *host, int port, int sockets_out[EDGE_LISTEN_MAX],
                        size_t *count_out, int *port_out)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *addresses;
    char name[256];

    *count_out = 0;
    *port_out = port;
    copy_host(host, name);
    if (name[0] == '\0' || strcmp(name, "::") == 0) {
        int fd = open_all_addresses(name, port);
        if (fd < 0)
            return fail(host, port, strerror(errno), sockets_out, count_out);
        sockets_out[(*count_out)++] = fd;
        *port_out = port_of(fd);
        return STATUS_OK;
    }
    int error = getaddrinfo(name, NULL, &hints, &addresses);
    if (error != 0)
        return fail(host, port, gai_strerror(error), sockets_out, count_out);
    enum status status = open_each(host, addresses, sockets_out, count_out, port_out);
    freeaddrinfo(addresses);
    return status;
}
