#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "tests/bench/fail.h"
#include "tests/bench/loop.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/steps.h"

/*
 * Connections of this program with itself: what the kernel keeps for one end, so that the clients'
 * ends can be taken off what all of a machine's sockets cost.
 */

enum { LISTEN_QUEUE = 1024 };

static void ignore(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
}

static int listen_anywhere(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || bind(fd, (struct sockaddr *)address, size) != 0 ||
        listen(fd, LISTEN_QUEUE) != 0 || getsockname(fd, (struct sockaddr *)address, &size) != 0)
        fail("listen: %s", strerror(errno));
    return fd;
}

static void watch_end(struct loop *loop, struct watch *watch, int fd)
{
    if (fd < 0)
        fail("connect: %s", strerror(errno));
    *watch = (struct watch){ .fd = fd, .ready = ignore };
    loop_add(loop, watch, EPOLLIN);
}

void scenario_ends(struct options *options)
{
    size_t count = (size_t)options_int(options, "sockets", 1, 1);
    struct loop *loop = loop_create();
    struct sockaddr_in address;

    options_finish(&options);
    int listening = listen_anywhere(&address);
    struct watch *watches = xcalloc(2 * count, sizeof(*watches));
    for (size_t i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            fail("connect: %s", strerror(errno));
        watch_end(loop, &watches[2 * i], fd);
        watch_end(loop, &watches[2 * i + 1], accept(listening, NULL, NULL));
    }
    puts("ready");
    fflush(stdout);
    steps_wait(loop);
    free(watches);
    close(listening);
    loop_destroy(&loop);
}
