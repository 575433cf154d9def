#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/bus/bus_loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/recv_hook.h"
#include "services/common/base/ssl_hook.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_units.h"

enum {
    UNSENT_BYTES_MAX = 1024 * 1024, /* above this, publishers wait for the socket, too */
    DETACH_MS = 5000,
};

struct bus_loop {
    struct bus_loop_events events;
    atomic_llong end_us; /* nothing waits longer (clock_mono_us) */
    _Atomic(natsConnection *) nats;
    atomic_int fd;      /* -1: there is no connection */
    atomic_bool unsent; /* something may wait in the connection's buffer */
    pthread_mutex_t io; /* held while the library reads or writes the socket */
    /* Guards the number, and what OpenSSL has of the connection, while it is read from: the library
     * closes the socket, and another may get its number. Taken under the connection's lock, and
     * nothing under it. */
    pthread_mutex_t fd_lock;
    uint64_t attachments;   /* changes when a connection begins or ends; with `fd_lock` held */
    uint64_t reading;       /* `attachments` when the library was called to read */
    atomic_bool renewed;    /* there is another connection than at the last read */
    struct bus_units units; /* with `io` held */
    int epoll, bell;        /* what is waited for: the bell, and the socket while there is one */
    atomic_bool stopping;   /* the thread */
    bool running;
    pthread_t thread;
    bool has_received; /* the library called recv() or SSL_read(), with `io` held */
    _Atomic(pthread_t)
        reader; /* the thread that worked last, and must not wait for the server; 0: none */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t change_cond;
    uint64_t rounds; /* that have ended */
    bool attached;   /* the library may still call */
};

/* This thread is going to flush: the loop need not be woken for it. */
static _Thread_local bool flushes_itself;

static void ring_bell(struct bus_loop *loop)
{
    uint64_t one = 1;

    while (write(loop->bell, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

static bool watch_descriptor(struct bus_loop *loop, int operation, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };

    return epoll_ctl(loop->epoll, operation, fd, &event) == 0;
}

/* --- called by the library, under the connection's lock ----------------------------------- */

static void filter_message(natsConnection *nats, natsMsg **message, void *ctx)
{
    struct bus_loop *loop = ctx;

    (void)nats;
    if (loop->events.take(loop->events.ctx, *message))
        *message = NULL;
}

static void set_attached(struct bus_loop *loop, bool attached)
{
    pthread_mutex_lock(&loop->lock);
    loop->attached = attached;
    pthread_cond_broadcast(&loop->change_cond);
    pthread_mutex_unlock(&loop->lock);
}

static int exchange_fd(struct bus_loop *loop, int fd)
{
    pthread_mutex_lock(&loop->fd_lock);
    int before = atomic_exchange(&loop->fd, fd);
    loop->attachments++;
    pthread_mutex_unlock(&loop->fd_lock);
    return before;
}

/* After each connect. */
static natsStatus attach_loop(void **ctx_out, void *arg, natsConnection *nats, natsSock fd)
{
    struct bus_loop *loop = arg;

    bus_library_set_filter(nats, filter_message, loop);
    *ctx_out = loop;
    set_attached(loop, true);
    atomic_store(&loop->nats, nats);
    atomic_store(&loop->renewed, true);
    exchange_fd(loop, fd);
    atomic_store(&loop->unsent, true); /* it does not say so again after a connect that failed */
    ring_bell(loop);
    return watch_descriptor(loop, EPOLL_CTL_ADD, fd, EPOLLIN) ? NATS_OK : NATS_ERR;
}

static natsStatus wish_to_read(void *ctx, bool begins)
{
    struct bus_loop *loop = ctx;

    if (!begins) {
        int fd = exchange_fd(loop, -1);
        if (fd >= 0) { /* it is no longer read, and the library writes under the same lock */
            watch_descriptor(loop, EPOLL_CTL_DEL, fd, 0);
            bus_library_close_socket(fd);
        }
    }
    return NATS_OK;
}

static natsStatus wish_to_write(void *ctx, bool begins)
{
    struct bus_loop *loop = ctx;

    atomic_store(&loop->unsent, begins);
    if (begins && !flushes_itself)
        ring_bell(loop);
    return NATS_OK;
}

/* The last that the library calls, after it has said that the connection is closed. */
static natsStatus detach_loop(void *ctx)
{
    struct bus_loop *loop = ctx;

    natsConnection *nats = atomic_load(&loop->nats);

    wish_to_read(loop, false);
    bus_library_release_detached(nats);
    set_attached(loop, false);
    return NATS_OK;
}

/* --- reading and writing ------------------------------------------------------------------ */

/* In the place of what the library calls to read. The connection may have ended meanwhile: it is
 * not used then. */
static ssize_t receive_units(struct bus_loop *loop, bus_units_read *read, void *ctx, void *buffer,
                             size_t size)
{
    ssize_t n = -1;

    loop->has_received = true;
    pthread_mutex_lock(&loop->fd_lock);
    errno = EAGAIN;
    if (loop->reading == loop->attachments) {
        if (atomic_exchange(&loop->renewed, false))
            bus_units_forget_rest(&loop->units);
        n = bus_units_receive(&loop->units, read, ctx, buffer, size);
    }
    pthread_mutex_unlock(&loop->fd_lock);
    return n;
}

static ssize_t read_plain(void *ctx, void *buffer, size_t size)
{
    return recvfrom(*(const int *)ctx, buffer, size, MSG_DONTWAIT, NULL, NULL);
}

static ssize_t receive_plain(void *ctx, int fd, void *buffer, size_t size, int flags)
{
    (void)flags;
    return receive_units(ctx, read_plain, &fd, buffer, size);
}

static ssize_t read_tls(void *ctx, void *buffer, size_t size)
{
    return ssl_hook_receive(ctx, buffer, size);
}

static ssize_t receive_tls(void *ctx, struct ssl_st *ssl, void *buffer, size_t size)
{
    return receive_units(ctx, read_tls, ssl, buffer, size);
}

static void write_socket(struct bus_loop *loop)
{
    natsConnection *nats = atomic_load(&loop->nats);

    /* First, so that bytes added meanwhile are not missed. */
    atomic_store(&loop->unsent, false);
    if (natsConnection_Buffered(nats) <= 0)
        return; /* the library takes a write of nothing for the connection's end */
    ssl_hook_set(receive_tls, loop); /* a write with TLS must not block, either */
    natsConnection_ProcessWriteEvent(nats);
    ssl_hook_set(NULL, NULL);
    if (natsConnection_Buffered(nats) > 0)
        atomic_store(&loop->unsent, true);
}

bool bus_loop_reads_here(const struct bus_loop *loop)
{
    return atomic_load(&loop->reader) == pthread_self();
}

/* True when there is something to send and this thread is to do it. */
static bool begin_io(struct bus_loop *loop)
{
    while (atomic_load(&loop->unsent) && atomic_load(&loop->fd) >= 0) {
        if (pthread_mutex_trylock(&loop->io) == 0)
            return true;
        /* The thread that holds it checks again afterwards. */
        if (bus_loop_reads_here(loop) ||
            natsConnection_Buffered(atomic_load(&loop->nats)) < UNSENT_BYTES_MAX)
            return false;
        pthread_mutex_lock(&loop->io);
        if (atomic_load(&loop->unsent))
            return true;
        pthread_mutex_unlock(&loop->io);
    }
    return false;
}

static void wait_until_writable(struct bus_loop *loop)
{
    struct pollfd poller = { .fd = atomic_load(&loop->fd), .events = POLLOUT };

    if (poller.fd >= 0)
        poll(&poller, 1, BUS_LOOP_LOOK_MS); /* is it still the connection's? */
}

void bus_loop_flush(struct bus_loop *loop)
{
    while (begin_io(loop)) {
        write_socket(loop);
        bool is_full = atomic_load(&loop->unsent);
        pthread_mutex_unlock(&loop->io);
        if (is_full && bus_loop_reads_here(loop)) {
            watch_descriptor(loop, EPOLL_CTL_MOD, atomic_load(&loop->fd), EPOLLIN | EPOLLOUT);
            return; /* EPOLLOUT resumes it */
        }
        if (is_full && bus_loop_is_over(loop))
            return;
        if (is_full)
            wait_until_writable(loop);
    }
}

natsStatus bus_loop_publish(struct bus_loop *loop, natsConnection *nats, natsMsg *message)
{
    (void)loop;
    flushes_itself = true;
    natsStatus s = natsConnection_PublishMsg(nats, message);
    flushes_itself = false;
    return s;
}

/* --- the thread --------------------------------------------------------------------------- */

/* Cutting into units (bus_units.h) is of no use when the library reads by another function. */
static void require_hook(const struct bus_loop *loop)
{
    if (loop->has_received || atomic_load(&loop->fd) < 0)
        return;
    log_error("libnats %s reads neither by recv() nor by SSL_read(): this program cannot use it",
              nats_GetVersion());
    abort();
}

static void begin_reading(struct bus_loop *loop)
{
    pthread_mutex_lock(&loop->fd_lock);
    loop->reading = loop->attachments;
    pthread_mutex_unlock(&loop->fd_lock);
}

/* OpenSSL is used by one thread at a time: `io` is held here and by write_socket. */
static void read_socket(struct bus_loop *loop)
{
    pthread_mutex_lock(&loop->io);
    recv_hook_set(receive_plain, loop);
    ssl_hook_set(receive_tls, loop);
    do {
        begin_reading(loop);
        natsConnection_ProcessReadEvent(atomic_load(&loop->nats));
    } while (bus_units_remain(&loop->units) && atomic_load(&loop->fd) >= 0);
    ssl_hook_set(NULL, NULL);
    recv_hook_set(NULL, NULL);
    require_hook(loop);
    pthread_mutex_unlock(&loop->io);
}

static void silence_bell(struct bus_loop *loop)
{
    uint64_t rings;

    while (read(loop->bell, &rings, sizeof(rings)) < 0 && errno == EINTR)
        continue;
}

static void handle_event(struct bus_loop *loop, const struct epoll_event *event)
{
    if (event->data.fd == loop->bell) {
        silence_bell(loop);
        return;
    }
    if ((event->events & EPOLLOUT) != 0)
        watch_descriptor(loop, EPOLL_CTL_MOD, event->data.fd, EPOLLIN);
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0)
        read_socket(loop);
}

static void run_round(struct bus_loop *loop, int timeout_ms)
{
    struct epoll_event events[2];
    int n = epoll_wait(loop->epoll, events, 2, timeout_ms);

    atomic_store(&loop->reader, pthread_self());
    for (int i = 0; i < n; i++)
        handle_event(loop, &events[i]);
    loop->events.round(loop->events.ctx);
    bus_loop_flush(loop);
    pthread_mutex_lock(&loop->lock);
    loop->rounds++;
    pthread_cond_broadcast(&loop->change_cond);
    pthread_mutex_unlock(&loop->lock);
}

void bus_loop_work(struct bus_loop *loop)
{
    run_round(loop, 0);
}

static void run_loop(void *arg)
{
    struct bus_loop *loop = arg;

    while (!atomic_load(&loop->stopping))
        run_round(loop, -1);
}

void bus_loop_end_by(struct bus_loop *loop, int64_t until_us)
{
    atomic_store(&loop->end_us, until_us);
}

int64_t bus_loop_end_us(const struct bus_loop *loop)
{
    return atomic_load(&loop->end_us);
}

bool bus_loop_is_over(const struct bus_loop *loop)
{
    return clock_mono_us() >= bus_loop_end_us(loop);
}

int64_t bus_loop_clip_ms(const struct bus_loop *loop, int64_t ms)
{
    int64_t end_us = bus_loop_end_us(loop);
    int64_t left_ms = end_us == INT64_MAX ? ms : (end_us - clock_mono_us()) / 1000;

    if (left_ms > ms)
        left_ms = ms;
    return left_ms > 1 ? left_ms : 1;
}

void bus_loop_settle(struct bus_loop *loop, int64_t timeout_ms)
{
    struct timespec end = clock_after_ms(bus_loop_clip_ms(loop, timeout_ms));
    int waited = 0;

    assert(!bus_loop_reads_here(loop));
    pthread_mutex_lock(&loop->lock);
    /* The current round may have read before the call: waits for the end of the next one. */
    for (uint64_t until = loop->rounds + 2; loop->rounds < until && waited == 0;) {
        ring_bell(loop);
        waited = pthread_cond_clockwait(&loop->change_cond, &loop->lock, CLOCK_MONOTONIC, &end);
    }
    pthread_mutex_unlock(&loop->lock);
}

int bus_loop_lend(struct bus_loop *loop)
{
    atomic_store(&loop->stopping, true);
    ring_bell(loop);
    pthread_join(loop->thread, NULL);
    atomic_store(&loop->reader, 0);
    loop->running = false;
    return loop->epoll;
}

void bus_loop_take_back(struct bus_loop *loop)
{
    atomic_store(&loop->stopping, false);
    atomic_store(&loop->reader, 0);
    loop->thread = thread_start("bus-loop", run_loop, loop);
    loop->running = true;
}

/* --- life --------------------------------------------------------------------------------- */

struct bus_loop *bus_loop_create(const struct bus_loop_events *events)
{
    struct bus_loop *loop = xcalloc(1, sizeof(*loop));

    loop->events = *events;
    atomic_init(&loop->fd, -1);
    atomic_init(&loop->end_us, INT64_MAX);
    pthread_mutex_init(&loop->io, NULL);
    pthread_mutex_init(&loop->fd_lock, NULL);
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->change_cond, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll < 0 || loop->bell < 0 ||
        !watch_descriptor(loop, EPOLL_CTL_ADD, loop->bell, EPOLLIN)) {
        log_error("cannot wait for the bus: errno %d", errno);
        abort();
    }
    return loop;
}

static void wait_until_detached(struct bus_loop *loop)
{
    struct timespec end = clock_after_ms(bus_loop_clip_ms(loop, DETACH_MS));

    pthread_mutex_lock(&loop->lock);
    while (loop->attached &&
           pthread_cond_clockwait(&loop->change_cond, &loop->lock, CLOCK_MONOTONIC, &end) == 0)
        continue;
    pthread_mutex_unlock(&loop->lock);
}

void bus_loop_destroy(struct bus_loop **loop)
{
    struct bus_loop *l = *loop;

    if (l == NULL)
        return;
    wait_until_detached(l);
    if (l->running)
        bus_loop_lend(l);
    close(l->bell);
    close(l->epoll);
    pthread_cond_destroy(&l->change_cond);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->fd_lock);
    pthread_mutex_destroy(&l->io);
    bus_units_finish(&l->units);
    free(l);
    *loop = NULL;
}

natsStatus bus_loop_serve(struct bus_loop *loop, natsOptions *options)
{
    return natsOptions_SetEventLoop(options, loop, attach_loop, wish_to_read, wish_to_write,
                                    detach_loop);
}
