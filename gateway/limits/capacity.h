#ifndef GATEWAY_LIMITS_CAPACITY_H
#define GATEWAY_LIMITS_CAPACITY_H

#include <stddef.h>

/* How many clients a process may have, by its limit of open files (RLIMIT_NOFILE). */
struct capacity {
    size_t files;       /* the limit */
    size_t connections; /* of HTTP; each may have two files while it is answered */
    size_t sockets;     /* WebSockets */
};

enum {
    CAPACITY_FILES_OTHER = 128, /* NATS, epoll, the log, the libraries */
    CAPACITY_CONNECTIONS_MIN = 64,
    CAPACITY_CONNECTIONS_MAX = 4096,
    CAPACITY_SOCKETS_MAX = 40000, /* unless asked for: some 240 MB */
};

/* The parts of `files`. `sockets`: how many are asked for; 0: what the files allow. */
struct capacity capacity_of(size_t files, size_t sockets);

/* Raises the limit of this process to the maximum it may have. Logs when more sockets are asked
 * for than it allows. */
struct capacity capacity_find(size_t sockets);

#endif
