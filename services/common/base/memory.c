#define _GNU_SOURCE /* explicit_bzero, vasprintf */
#include "services/common/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        fputs("fatal: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return or_abort(malloc(size != 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_abort(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return or_abort(realloc(old, size != 0 ? size : 1));
}

char *xstrdup(const char *text)
{
    return or_abort(strdup(text));
}

char *xstrndup(const char *text, size_t length)
{
    return or_abort(strndup(text, length));
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(length < 0 ? NULL : text);
}

void memory_wipe(void *secret, size_t size)
{
    if (secret != NULL)
        explicit_bzero(secret, size);
}
