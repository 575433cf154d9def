#include "gateway/limits/capacity.h"

#include <sys/resource.h>

#include "services/common/base/log.h"

struct capacity capacity_of(size_t files, size_t sockets)
{
    struct capacity capacity = { .files = files, .connections = files / 6 };

    if (capacity.connections < CAPACITY_CONNECTIONS_MIN)
        capacity.connections = CAPACITY_CONNECTIONS_MIN;
    if (capacity.connections > CAPACITY_CONNECTIONS_MAX)
        capacity.connections = CAPACITY_CONNECTIONS_MAX;
    size_t others = CAPACITY_FILES_OTHER + 2 * capacity.connections;
    capacity.sockets = files > others ? files - others : 1;
    if (capacity.sockets > CAPACITY_SOCKETS_MAX)
        capacity.sockets = CAPACITY_SOCKETS_MAX;
    if (sockets > 0)
        capacity.sockets = sockets;
    return capacity;
}

struct capacity capacity_find(size_t sockets)
{
    struct rlimit limit = { 0 };

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    struct capacity capacity = capacity_of((size_t)limit.rlim_cur, sockets);
    size_t allowed = capacity_of(capacity.files, 0).sockets;
    if (sockets > allowed)
        log_warn("webSocket.maxConnections is %zu, but %zu open files allow about %zu: raise the "
                 "limit (ulimit -n)",
                 sockets, capacity.files, allowed);
    return capacity;
}
