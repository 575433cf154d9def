#ifndef GATEWAY_HTTP_HTTP_WORKERS_H
#define GATEWAY_HTTP_HTTP_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "services/common/base/status.h"

/*
 * The threads that serve requests, by civetweb. The library neither listens nor reads from the
 * network: a request is given to it when it is complete, as a head that says nothing in two ways
 * (method, path, Host), which takes the place of bytes received. So its lenient reading of HTTP
 * (CONTRIBUTING.md, Traps) cannot matter, and no client can hold one of its threads.
 */
struct http_workers;

enum { HTTP_WORKERS_THREADS = 512, HTTP_WORKERS_QUEUE_MAX = 1024 };

struct http_job {
    const char *method, *path;
    void *request;
    struct http_job *next;
};

struct http_workers_options {
    /* On one of the threads; may block. Called exactly once for each job, which it may free. */
    void (*serve)(void *ctx, struct http_job *job);
    void *ctx;
};

/* STATUS_INTERNAL, logged, when the library cannot be started. */
enum status http_workers_start(const struct http_workers_options *options,
                               struct http_workers **workers_out) MUST_CHECK;

/* False when HTTP_WORKERS_QUEUE_MAX jobs are pending. `job` is borrowed until it is served. From
 * any thread; does not block. */
bool http_workers_submit(struct http_workers *workers, struct http_job *job);

/* Serves what is pending and ends the threads. */
void http_workers_stop(struct http_workers **workers);

#endif
