#include "services/common/bus_socket.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "services/common/memory.h"
#include "services/common/text.h"

struct bus_socket {
    atomic_int fd; /* -1 = not known */
};

struct bus_socket *bus_socket_create(void)
{
    struct bus_socket *bus_socket = xcalloc(1, sizeof(*bus_socket));

    atomic_init(&bus_socket->fd, -1);
    return bus_socket;
}

void bus_socket_destroy(struct bus_socket **socket)
{
    free(*socket);
    *socket = NULL;
}

static int port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return -1;
}

/* A connection, not a listener, with this local port and server's port: the two name it, for the
 * server's is another one than that of any client of ours. */
static bool is_connection(int fd, int local_port, int server_port)
{
    struct sockaddr_storage local = { 0 }, peer = { 0 };
    socklen_t local_size = sizeof(local), peer_size = sizeof(peer);

    return getsockname(fd, (struct sockaddr *)&local, &local_size) == 0 &&
           port_of(&local) == local_port &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
           port_of(&peer) == server_port;
}

static int find(int local_port, int server_port)
{
    DIR *descriptors = opendir("/proc/self/fd");
    const struct dirent *entry;
    int64_t fd;
    int found = -1;

    if (descriptors == NULL)
        return -1;
    while (found < 0 && (entry = readdir(descriptors)) != NULL)
        if (text_to_int(entry->d_name, 0, INT32_MAX, &fd) &&
            is_connection((int)fd, local_port, server_port))
            found = (int)fd;
    closedir(descriptors);
    return found;
}

/* The port of "nats://host:port". */
static int server_port(natsConnection *nats)
{
    char url[256] = "";
    const char *colon;
    int64_t port;

    if (natsConnection_GetConnectedUrl(nats, url, sizeof(url)) != NATS_OK)
        return -1;
    colon = strrchr(url, ':');
    return colon != NULL && text_to_int(colon + 1, 1, UINT16_MAX, &port) ? (int)port : -1;
}

void bus_socket_find(struct bus_socket *socket, natsConnection *nats)
{
    char *address = NULL;
    int local_port = 0;
    int fd = -1;

    if (natsConnection_GetLocalIPAndPort(nats, &address, &local_port) == NATS_OK)
        fd = find(local_port, server_port(nats));
    free(address);
    atomic_store(&socket->fd, fd);
}

/* If the descriptor is another socket's by now, that one is held back for a moment, no more. */
static void set_cork(struct bus_socket *bus_socket, int on)
{
    int fd = atomic_load(&bus_socket->fd);

    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

void bus_socket_cork(struct bus_socket *socket)
{
    set_cork(socket, 1);
}

void bus_socket_uncork(struct bus_socket *socket)
{
    set_cork(socket, 0);
}
