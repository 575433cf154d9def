#ifndef COMMON_BASE_MEMORY_H
#define COMMON_BASE_MEMORY_H

#include <stddef.h>

/*
 * Allocation that cannot fail: the process aborts with one line when memory is gone, for a
 * restartable daemon has nothing better to do. Only for sizes we choose or have bounded;
 * a size that a peer claims is checked before it comes here.
 */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));

/* printf into a new string, which the caller frees. */
char *xasprintf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* Overwrites a secret; the compiler may not leave it out. */
void memory_wipe(void *secret, size_t size);

#endif
