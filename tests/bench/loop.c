#define _GNU_SOURCE /* epoll_pwait2 */
#include "tests/bench/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "tests/bench/fail.h"

enum { EVENTS_AT_ONCE = 256, SECOND_NS = 1000000000 };

struct loop {
    int fd;
};

int64_t loop_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

struct loop *loop_create(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));

    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->fd < 0)
        fail("epoll: %s", strerror(errno));
    prctl(PR_SET_TIMERSLACK,
          1000); /* the kernel's 50 us would be late by as much as a request takes */
    return loop;
}

void loop_destroy(struct loop **loop)
{
    close((*loop)->fd);
    free(*loop);
    *loop = NULL;
}

static void control(struct loop *loop, int what, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data = { .ptr = watch } };

    if (epoll_ctl(loop->fd, what, watch->fd, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

void loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
    control(loop, EPOLL_CTL_ADD, watch, events);
}

void loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
    control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_remove(struct loop *loop, struct watch *watch)
{
    control(loop, EPOLL_CTL_DEL, watch, 0);
    close(watch->fd);
    watch->fd = -1;
}

void loop_turn(struct loop *loop, int64_t until_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t left = until_ns - loop_now_ns();
    struct timespec wait = { 0 };

    if (left > 0)
        wait = (struct timespec){ .tv_sec = left / SECOND_NS, .tv_nsec = left % SECOND_NS };
    int count = epoll_pwait2(loop->fd, events, EVENTS_AT_ONCE, &wait, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch->fd >= 0) /* an earlier event may have closed it */
            watch->ready(watch, events[i].events);
    }
}
