#ifndef COMMON_BASE_MEMORY_H
#define COMMON_BASE_MEMORY_H

#include <stddef.h>

/*
 * Allocation that cannot fail: the process logs one line and aborts when memory is exhausted, and
 * is restarted. Only for bounded sizes; a size that a peer claims must be checked before.
 */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));

/* printf into a new string, which the caller frees. */
char *xasprintf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* Overwrites a secret; the compiler cannot optimise it away. */
void memory_wipe(void *secret, size_t size);

#endif
