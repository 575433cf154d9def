#define _GNU_SOURCE /* pthread_setname_np */
#include "services/common/base/thread.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"

struct start {
    char name[THREAD_NAME_SIZE];
    thread_body *body;
    void *arg;
};

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    pthread_setname_np(pthread_self(), start.name);
    start.body(start.arg);
    return NULL;
}

static int create_thread(size_t stack_bytes, struct start *start, pthread_t *thread_out)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    if (stack_bytes > 0)
        pthread_attr_setstacksize(&attr, stack_bytes);
    int error = pthread_create(thread_out, &attr, thread_main, start);
    pthread_attr_destroy(&attr);
    return error;
}

static int thread_create(const char *name, size_t stack_bytes, thread_body *body, void *arg,
                         pthread_t *thread_out)
{
    struct start *start = xmalloc(sizeof(*start));

    assert(strlen(name) < THREAD_NAME_SIZE);
    snprintf(start->name, sizeof(start->name), "%s", name);
    start->body = body;
    start->arg = arg;
    int error = create_thread(stack_bytes, start, thread_out);
    if (error != 0)
        free(start);
    return error;
}

pthread_t thread_start(const char *name, thread_body *body, void *arg)
{
    pthread_t thread;

    int error = thread_create(name, 0, body, arg, &thread);
    if (error != 0) {
        log_error("cannot start the thread \"%s\": errno %d", name, error);
        abort();
    }
    return thread;
}

bool thread_try_start(const char *name, size_t stack_bytes, thread_body *body, void *arg,
                      pthread_t *thread_out)
{
    return thread_create(name, stack_bytes, body, arg, thread_out) == 0;
}
