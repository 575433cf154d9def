#define _GNU_SOURCE /* dup3, pthread_timedjoin_np, pthread_setattr_default_np */
#include "gateway/http/http_workers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/http/http_accept_hook.h"
#include "gateway/http/http_civetweb.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/recv_hook.h"
#include "services/common/base/thread.h"

/*
 * The library's accepting thread polls its listening socket, and its threads poll and read the
 * sockets that it accepts. We put an eventfd in the place of the first, which counts the pending
 * jobs, and give it for each job a copy of one socket whose other end is closed, so that it is
 * always readable. What is read from it is the head of the job that the thread has taken.
 */

enum { HEAD_MAX = 16 * 1024, MASTER = 0 /* a kind of thread of the library */ };
enum { NUDGE_MS = 10 }; /* when stopping */

/* Thread stacks: the library sets no size, and with hundreds of threads 8 MiB each add up to more
 * address space than they are worth. The sanitizers need larger frames. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

struct http_workers {
    struct http_workers_options options;
    struct mg_context *civetweb;
    int listener; /* the library's; an eventfd in truth */
    int pending;  /* the same eventfd under another descriptor */
    int readable; /* the socket whose other end is closed */

    pthread_mutex_t lock; /* guards what follows */
    struct http_job *first, **last;
    size_t count;
};

/* The job of this thread, until it is served, and its head, as far as it has not been read. */
static _Thread_local struct {
    struct http_job *job;
    char head[HEAD_MAX];
    size_t length, sent;
} current;

/* --- jobs -------------------------------------------------------------------------------- */

bool http_workers_submit(struct http_workers *workers, struct http_job *job)
{
    uint64_t one = 1;

    job->next = NULL;
    pthread_mutex_lock(&workers->lock);
    bool fits = workers->count < HTTP_WORKERS_QUEUE_MAX;
    if (fits) {
        *workers->last = job;
        workers->last = &job->next;
        workers->count++;
    }
    pthread_mutex_unlock(&workers->lock);
    if (fits && write(workers->pending, &one, sizeof(one)) < 0)
        log_warn("cannot wake a worker: errno %d", errno);
    return fits;
}

static struct http_job *take_job(struct http_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    struct http_job *job = workers->first;
    if (job != NULL) {
        workers->first = job->next;
        workers->count--;
        if (workers->first == NULL)
            workers->last = &workers->first;
    }
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void serve_current(struct http_workers *workers)
{
    struct http_job *job = current.job;

    current.job = NULL;
    if (job != NULL)
        workers->options.serve(workers->options.ctx, job);
}

/* --- what the library calls -------------------------------------------------------------- */

/* A connection to accept, as far as the library knows. -1: it was only woken. */
static int accept_job(void *ctx)
{
    struct http_workers *workers = ctx;
    uint64_t one;

    if (read(workers->pending, &one, sizeof(one)) != (ssize_t)sizeof(one))
        return -1;
    int fd = fcntl(workers->readable, F_DUPFD_CLOEXEC, 0);
    while (fd < 0) { /* no descriptors are left: those of other jobs become free soon */
        nanosleep(&(struct timespec){ .tv_nsec = NUDGE_MS * 1000000 }, NULL);
        fd = fcntl(workers->readable, F_DUPFD_CLOEXEC, 0);
    }
    return fd;
}

static ssize_t receive_head(void *ctx, int fd, void *buffer, size_t size, int flags)
{
    size_t n = current.length - current.sent;

    (void)ctx;
    (void)fd;
    if (n > size)
        n = size;
    memcpy(buffer, current.head + current.sent, n);
    if ((flags & MSG_PEEK) == 0)
        current.sent += n;
    return (ssize_t)n;
}

static void *handle_thread(const struct mg_context *civetweb, int kind)
{
    struct http_workers *workers = mg_get_user_data(civetweb);

    if (kind == MASTER) {
        if (dup3(workers->pending, workers->listener, O_CLOEXEC) < 0)
            log_error("cannot replace a socket: errno %d", errno);
        http_accept_hook_set(accept_job, workers);
    }
    return NULL;
}

static int handle_connection(const struct mg_connection *conn, void **conn_data)
{
    struct http_workers *workers = mg_get_user_data(mg_get_context(conn));
    struct http_job *job = take_job(workers);

    (void)conn_data;
    current.job = job;
    current.sent = current.length = 0;
    recv_hook_set(receive_head, NULL);
    if (job != NULL) {
        int length = snprintf(current.head, sizeof(current.head),
                              "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                              job->method, job->path);
        current.length = length > 0 && length < HEAD_MAX ? (size_t)length : 0;
    }
    return 0;
}

static int handle_request(struct mg_connection *conn, void *arg)
{
    (void)conn;
    serve_current(arg);
    return 200; /* answered; the number is for statistics only */
}

/* The library refuses a head of ours: we serve it nevertheless. */
static int handle_error(struct mg_connection *conn, int status, const char *text)
{
    log_debug("civetweb: %d %s", status, text);
    serve_current(mg_get_user_data(mg_get_context(conn)));
    return 0;
}

static void handle_close(const struct mg_connection *conn)
{
    serve_current(mg_get_user_data(mg_get_context(conn)));
}

static int handle_log(const struct mg_connection *conn, const char *text)
{
    (void)conn;
    log_debug("civetweb: %s", text);
    return 1;
}

/* --- life -------------------------------------------------------------------------------- */

static void start_civetweb(struct http_workers *workers)
{
    static const struct mg_callbacks callbacks = {
        .init_thread = handle_thread,
        .init_connection = handle_connection,
        .http_error = handle_error,
        .connection_close = handle_close,
        .log_message = handle_log,
    };
    char *threads = xasprintf("%d", HTTP_WORKERS_THREADS);
    const char *settings[] = {
        "listening_ports",
        "127.0.0.1:0", /* never listens */
        "num_threads",
        threads,
        "connection_queue",
        "1024",
        "enable_keep_alive",
        "no",
        "tcp_nodelay",
        "0",
        "max_request_size",
        "16384",
        "decode_url",
        "no",
        "enable_directory_listing",
        "no",
        NULL,
    };

    http_accept_hook_capture(&workers->listener);
    workers->civetweb = mg_start(&callbacks, workers, settings);
    http_accept_hook_capture(NULL);
    free(threads);
}

/* The default of the process while the library starts its threads. */
static void set_default_stack(size_t bytes, size_t *before_out)
{
    pthread_attr_t attr;

    pthread_getattr_default_np(&attr);
    pthread_attr_getstacksize(&attr, before_out);
    pthread_attr_setstacksize(&attr, bytes);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

static bool open_descriptors(struct http_workers *workers)
{
    int pair[2];

    workers->pending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (workers->pending < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    close(pair[1]);
    workers->readable = pair[0];
    return true;
}

enum status http_workers_start(const struct http_workers_options *options,
                               struct http_workers **workers_out)
{
    struct http_workers *workers = xcalloc(1, sizeof(*workers));
    size_t stack_before, ignored;

    workers->options = *options;
    workers->last = &workers->first;
    workers->listener = workers->pending = workers->readable = -1;
    pthread_mutex_init(&workers->lock, NULL);
    mg_init_library(0);
    if (open_descriptors(workers)) {
        set_default_stack(STACK_BYTES, &stack_before);
        start_civetweb(workers);
        set_default_stack(stack_before, &ignored);
    }
    if (workers->civetweb == NULL || workers->listener < 0) {
        log_error("cannot start the threads that serve requests%s",
                  workers->civetweb != NULL ? ": libcivetweb does not call our listen()" : "");
        http_workers_stop(&workers);
        return STATUS_INTERNAL;
    }
    mg_set_request_handler(workers->civetweb, "**", handle_request, workers);
    *workers_out = workers;
    return STATUS_OK;
}

static void stop_civetweb(void *civetweb)
{
    mg_stop(civetweb);
}

/* The library's accepting thread checks whether it should stop after each connection, or every two
 * seconds. So it is woken, as if there were one. */
static void stop_at_once(const struct http_workers *workers)
{
    struct timespec until; /* of the wall clock: no sanitizer knows pthread_clockjoin_np */
    const uint64_t one = 1;
    pthread_t stopper;

    if (!thread_try_start("http-stop", 0, stop_civetweb, workers->civetweb, &stopper)) {
        mg_stop(workers->civetweb);
        return;
    }
    do {
        (void)!write(workers->pending, &one, sizeof(one));
        int64_t until_ms = clock_wall_ms() + NUDGE_MS;
        until = (struct timespec){ until_ms / 1000, until_ms % 1000 * 1000000 };
    } while (pthread_timedjoin_np(stopper, NULL, &until) != 0);
}

void http_workers_stop(struct http_workers **workers)
{
    struct http_workers *w = *workers;
    struct http_job *job;

    if (w->civetweb != NULL)
        stop_at_once(w);
    while ((job = take_job(w)) != NULL)
        w->options.serve(w->options.ctx, job);
    mg_exit_library();
    if (w->pending >= 0)
        close(w->pending);
    if (w->readable >= 0)
        close(w->readable);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *workers = NULL;
}
