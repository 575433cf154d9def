#define _GNU_SOURCE /* pthread_setname_np */
#include "gateway/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "services/common/clock.h"
#include "services/common/log.h"
#include "services/common/memory.h"

enum { EVENTS_MOST = 256 };

struct writer {
    struct writer_options options;
    int epoll;
    atomic_bool stopping;
    pthread_t thread;
};

static void *run(void *arg)
{
    struct writer *writer = arg;
    struct epoll_event events[EVENTS_MOST];
    int64_t next_tick = clock_mono_ms() + WRITER_TICK_MS;

    pthread_setname_np(pthread_self(), "writer");
    while (!atomic_load(&writer->stopping)) {
        int64_t wait_ms = next_tick - clock_mono_ms();
        int n = epoll_wait(writer->epoll, events, EVENTS_MOST, wait_ms > 0 ? (int)wait_ms : 0);
        for (int i = 0; i < n; i++)
            writer->options.on_writable(writer->options.ctx, events[i].data.u64);
        int64_t now = clock_mono_ms();
        if (now >= next_tick) {
            writer->options.on_tick(writer->options.ctx, now);
            next_tick = now + WRITER_TICK_MS;
        }
    }
    return NULL;
}

struct writer *writer_create(const struct writer_options *options)
{
    struct writer *writer = xcalloc(1, sizeof(*writer));

    writer->options = *options;
    writer->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (writer->epoll < 0 || pthread_create(&writer->thread, NULL, run, writer) != 0) {
        perror("fatal: cannot start the writer");
        abort();
    }
    return writer;
}

void writer_destroy(struct writer **writer)
{
    if (*writer == NULL)
        return;
    atomic_store(&(*writer)->stopping, true);
    pthread_join((*writer)->thread, NULL);
    close((*writer)->epoll);
    free(*writer);
    *writer = NULL;
}

void writer_arm(struct writer *writer, int socket, uint64_t token)
{
    struct epoll_event event = { .events = EPOLLOUT | EPOLLONESHOT, .data.u64 = token };

    if (epoll_ctl(writer->epoll, EPOLL_CTL_MOD, socket, &event) == 0)
        return;
    if (errno != ENOENT || epoll_ctl(writer->epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        log_warn("cannot watch a socket: errno %d", errno);
}
