#ifndef COMMON_BASE_THREAD_H
#define COMMON_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* The body of a thread. */
typedef void thread_body(void *arg);

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's limit, pthread_setname_np(3) */

/*
 * Starts a thread named `name` (at most 15 bytes, asserted; copied), to be joined by pthread_join.
 * A process that cannot start a thread it relies on is of no use: logs why, and aborts.
 */
pthread_t thread_start(const char *name, thread_body *body, void *arg);

/* The same with a stack of `stack_bytes` (0: the default), and for threads that can be done
 * without: false when the system has none to give. */
bool thread_try_start(const char *name, size_t stack_bytes, thread_body *body, void *arg,
                      pthread_t *thread_out);

#endif
