#include "gateway/socket/socket_loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/array.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum {
    EVENTS_MAX = 64, /* in a round: work begun by the first may wait for the last */
    THREADS_MAX = 8,
    SCRAP_BYTES = 16 * 1024,
    DISMISSAL_BYTES_MAX = 32 * 1024 * 1024, /* read and discarded */
    ROUND_US = 1000,                        /* between the beginnings of two rounds under load: */
    MUCH = 4,                               /* events in a round's time */
};

/* Watched besides the sockets of tokens: dismissed sockets, by their descriptor, the bell that
 * wakes the thread, and the guest. */
#define DISMISSED (UINT64_C(1) << 63)
#define BELL UINT64_MAX
#define GUEST (UINT64_MAX - 1)

struct dismissal {
    int socket;
    size_t left; /* bytes that may still be received */
    int64_t until_ms;
};

struct watcher {
    struct socket_loop *loop;
    int epoll, bell;
    pthread_t thread;
    bool ticks;

    /* The thread's own. */
    bool in_round;
    bool much_comes;
    int64_t round_us, window_us; /* the beginning of the last round, and the events counted since */
    int64_t window_events;
    struct dismissal *dismissals;
    size_t dismissal_count, dismissal_capacity;

    pthread_mutex_t lock; /* guards what follows */
    uint64_t *resumed;
    size_t resumed_count, resumed_capacity;
};

struct socket_loop {
    struct socket_loop_options options;
    atomic_bool stopping;
    size_t watcher_count;
    struct watcher watchers[THREADS_MAX];
};

static struct watcher *watcher_of(struct socket_loop *loop, uint64_t token)
{
    return &loop->watchers[token % loop->watcher_count];
}

/* --- dismissed sockets: the watcher's thread ----------------------------------------------- */

static void forget_dismissal(struct watcher *watcher, size_t index)
{
    close(watcher->dismissals[index].socket);
    watcher->dismissals[index] = watcher->dismissals[--watcher->dismissal_count];
}

static void throw_away(struct watcher *watcher, int socket)
{
    char scrap[SCRAP_BYTES];
    size_t i = 0;

    while (i < watcher->dismissal_count && watcher->dismissals[i].socket != socket)
        i++;
    if (i == watcher->dismissal_count)
        return;
    ssize_t n = recvfrom(socket, scrap, sizeof(scrap), MSG_DONTWAIT, NULL, NULL);
    bool over = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) ||
                (n > 0 && (size_t)n > watcher->dismissals[i].left);
    if (over)
        forget_dismissal(watcher, i);
    else if (n > 0)
        watcher->dismissals[i].left -= (size_t)n;
}

static void forget_late(struct watcher *watcher, int64_t now_ms)
{
    for (size_t i = watcher->dismissal_count; i > 0; i--)
        if (watcher->dismissals[i - 1].until_ms <= now_ms)
            forget_dismissal(watcher, i - 1);
}

/* Keeps a dismissed socket until its client has read the last frames. */
static bool keep_for_a_while(struct watcher *watcher, int socket)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = DISMISSED | (unsigned)socket };

    if (shutdown(socket, SHUT_WR) != 0 ||
        epoll_ctl(watcher->epoll, EPOLL_CTL_MOD, socket, &event) != 0)
        return false;
    watcher->dismissals = array_reserve(watcher->dismissals, watcher->dismissal_count,
                                        &watcher->dismissal_capacity, sizeof(*watcher->dismissals));
    watcher->dismissals[watcher->dismissal_count++] = (struct dismissal){
        .socket = socket,
        .left = DISMISSAL_BYTES_MAX,
        .until_ms = clock_mono_ms() + SOCKET_DISMISSAL_MS,
    };
    return true;
}

void socket_loop_dismiss(struct socket_loop *loop, uint64_t token, int socket, bool gently)
{
    if (!gently || !keep_for_a_while(watcher_of(loop, token), socket))
        close(socket);
}

/* --- a watcher's thread -------------------------------------------------------------------- */

static void ring_watcher(struct watcher *watcher)
{
    uint64_t one = 1;

    if (write(watcher->bell, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_warn("cannot wake the thread of the sockets: errno %d", errno);
}

static void begin_round(struct watcher *watcher)
{
    const struct socket_loop_options *options = &watcher->loop->options;

    if (options->on_round != NULL && !watcher->in_round)
        options->on_round(options->ctx, true);
    watcher->in_round = true;
}

static void end_round(struct watcher *watcher)
{
    const struct socket_loop_options *options = &watcher->loop->options;

    if (options->on_round != NULL && watcher->in_round)
        options->on_round(options->ctx, false);
    watcher->in_round = false;
}

static void report_resumed(struct watcher *watcher)
{
    const struct socket_loop_options *options = &watcher->loop->options;
    uint64_t rung;

    if (read(watcher->bell, &rung, sizeof(rung)) < 0)
        return;
    pthread_mutex_lock(&watcher->lock);
    uint64_t *resumed = watcher->resumed;
    size_t count = watcher->resumed_count;
    watcher->resumed = NULL;
    watcher->resumed_count = watcher->resumed_capacity = 0;
    pthread_mutex_unlock(&watcher->lock);
    if (count > 1)
        begin_round(watcher);
    for (size_t i = 0; i < count; i++)
        options->on_ready(options->ctx, resumed[i], SOCKET_READABLE);
    free(resumed);
}

static void report_event(struct watcher *watcher, const struct epoll_event *event)
{
    const struct socket_loop_options *options = &watcher->loop->options;
    unsigned what = 0;

    if (event->data.u64 == BELL) {
        report_resumed(watcher);
        return;
    }
    if (event->data.u64 == GUEST) {
        options->on_guest(options->ctx);
        return;
    }
    if ((event->data.u64 & DISMISSED) != 0) {
        throw_away(watcher, (int)(event->data.u64 & INT_MAX));
        return;
    }
    if ((event->events & (EPOLLIN | EPOLLRDHUP)) != 0)
        what |= SOCKET_READABLE;
    if ((event->events & EPOLLRDHUP) != 0)
        what |= SOCKET_ENDED;
    if ((event->events & EPOLLOUT) != 0)
        what |= SOCKET_WRITABLE;
    if ((event->events & (EPOLLHUP | EPOLLERR)) != 0)
        what |= SOCKET_GONE;
    options->on_ready(options->ctx, event->data.u64, what);
}

/* At the beginning of a round with this number of events. */
static void count_events(struct watcher *watcher, int events)
{
    watcher->round_us = clock_mono_us();
    int64_t elapsed_us = watcher->round_us - watcher->window_us;

    watcher->window_events += events;
    if (elapsed_us < ROUND_US)
        return;
    watcher->much_comes = watcher->window_events * ROUND_US >= MUCH * elapsed_us;
    watcher->window_us = watcher->round_us;
    watcher->window_events = 0;
}

/*
 * A round for each event would wake this thread, and the other programs that the event causes work
 * in, each time: half of the CPU time when two processors are half busy. `events`: those of the
 * last round; if it was full, the next events have waited long enough.
 */
static void let_gather(const struct watcher *watcher, int events)
{
    if (!watcher->much_comes || events == EVENTS_MAX)
        return;
    int64_t left_us = watcher->round_us + ROUND_US - clock_mono_us();
    if (left_us > 0)
        nanosleep(&(struct timespec){ .tv_nsec = left_us * 1000 }, NULL);
}

static void run_watcher(void *arg)
{
    struct watcher *watcher = arg;
    struct socket_loop *loop = watcher->loop;
    struct epoll_event events[EVENTS_MAX];
    int64_t next_tick = clock_mono_ms() + SOCKET_LOOP_TICK_MS;

    while (!atomic_load(&loop->stopping)) {
        int64_t wait_ms = next_tick - clock_mono_ms();
        int n = epoll_wait(watcher->epoll, events, EVENTS_MAX, wait_ms > 0 ? (int)wait_ms : 0);
        count_events(watcher, n);
        if (n > 1)
            begin_round(watcher);
        for (int i = 0; i < n; i++)
            report_event(watcher, &events[i]);
        end_round(watcher);
        let_gather(watcher, n);
        int64_t now = clock_mono_ms();
        if (now < next_tick)
            continue;
        next_tick = now + SOCKET_LOOP_TICK_MS;
        forget_late(watcher, now);
        if (watcher->ticks)
            loop->options.on_tick(loop->options.ctx, now);
    }
}

/* --- life ---------------------------------------------------------------------------------- */

static bool watch_bell(struct watcher *watcher, int fd, uint64_t as)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = as };

    return epoll_ctl(watcher->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void start_watcher(struct socket_loop *loop, struct watcher *watcher)
{
    bool has_guest = watcher == &loop->watchers[0] && loop->options.on_guest != NULL;

    watcher->loop = loop;
    pthread_mutex_init(&watcher->lock, NULL);
    watcher->epoll = epoll_create1(EPOLL_CLOEXEC);
    watcher->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watcher->epoll < 0 || watcher->bell < 0 || !watch_bell(watcher, watcher->bell, BELL) ||
        (has_guest && !watch_bell(watcher, loop->options.guest, GUEST))) {
        log_error("cannot watch sockets: errno %d", errno);
        abort();
    }
    watcher->thread = thread_start("sockets", run_watcher, watcher);
}

size_t socket_loop_threads(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 4)
        return 1;
    return processors < 2 * THREADS_MAX ? (size_t)processors / 2 : THREADS_MAX;
}

struct socket_loop *socket_loop_create(const struct socket_loop_options *options)
{
    struct socket_loop *loop = xcalloc(1, sizeof(*loop));

    loop->options = *options;
    loop->watcher_count = options->threads > 0 ? options->threads : socket_loop_threads();
    if (loop->watcher_count > THREADS_MAX)
        loop->watcher_count = THREADS_MAX;
    loop->watchers[0].ticks = true;
    for (size_t i = 0; i < loop->watcher_count; i++)
        start_watcher(loop, &loop->watchers[i]);
    return loop;
}

static void finish_watcher(struct watcher *watcher)
{
    while (watcher->dismissal_count > 0)
        forget_dismissal(watcher, 0);
    free(watcher->dismissals);
    free(watcher->resumed);
    close(watcher->bell);
    close(watcher->epoll);
    pthread_mutex_destroy(&watcher->lock);
}

void socket_loop_destroy(struct socket_loop **loop)
{
    struct socket_loop *l = *loop;

    if (l == NULL)
        return;
    atomic_store(&l->stopping, true);
    for (size_t i = 0; i < l->watcher_count; i++)
        ring_watcher(&l->watchers[i]);
    for (size_t i = 0; i < l->watcher_count; i++)
        pthread_join(l->watchers[i].thread, NULL);
    for (size_t i = 0; i < l->watcher_count; i++)
        finish_watcher(&l->watchers[i]);
    free(l);
    *loop = NULL;
}

/* --- from any thread ----------------------------------------------------------------------- */

bool socket_loop_add(struct socket_loop *loop, int socket, uint64_t token)
{
    /* Both directions, edge-triggered: no system call is needed for each message. */
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.u64 = token };

    assert(token < DISMISSED);
    if (epoll_ctl(watcher_of(loop, token)->epoll, EPOLL_CTL_ADD, socket, &event) == 0)
        return true;
    log_warn("cannot watch a socket: errno %d", errno);
    return false;
}

void socket_loop_resume(struct socket_loop *loop, uint64_t token)
{
    struct watcher *watcher = watcher_of(loop, token);

    pthread_mutex_lock(&watcher->lock);
    watcher->resumed = array_reserve(watcher->resumed, watcher->resumed_count,
                                     &watcher->resumed_capacity, sizeof(*watcher->resumed));
    watcher->resumed[watcher->resumed_count++] = token;
    bool first = watcher->resumed_count == 1;
    pthread_mutex_unlock(&watcher->lock);
    if (first)
        ring_watcher(watcher);
}
