/*
 * Threads that are none, in place of thread.c: their bodies (timers, retries) are never run. So an
 * input does the same each time. Linked with -Wl,--wrap=pthread_join.
 */
#include <pthread.h>

#include "services/common/base/thread.h"

int __real_pthread_join(pthread_t thread, void **value);
int __wrap_pthread_join(pthread_t thread, void **value);

int __wrap_pthread_join(pthread_t thread, void **value)
{
    return thread == 0 ? 0 : __real_pthread_join(thread, value);
}

pthread_t thread_start(const char *name, thread_body *body, void *arg)
{
    (void)name;
    (void)body;
    (void)arg;
    return 0;
}

bool thread_try_start(const char *name, size_t stack_bytes, thread_body *body, void *arg,
                      pthread_t *thread_out)
{
    (void)stack_bytes;
    *thread_out = thread_start(name, body, arg);
    return true;
}
