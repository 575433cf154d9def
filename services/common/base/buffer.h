#ifndef COMMON_BASE_BUFFER_H
#define COMMON_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes that grow. A zeroed struct is an empty buffer; `data` is NULL until something is
 * appended. Not for sizes that a peer chooses without a bound: growing aborts when memory is gone.
 */
struct buffer {
    char *data;
    size_t length;
    size_t capacity;
};

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `more` bytes beyond `length`; returns where they go. The caller raises `length`. */
char *buffer_reserve(struct buffer *buffer, size_t more);

/* The content with a NUL behind it, which does not count; still owned by the buffer. */
const char *buffer_text(struct buffer *buffer);

/* Hands the content over, NUL-terminated; the caller frees it and the buffer is empty again. */
char *buffer_take(struct buffer *buffer, size_t *length_out);

/* Empty, but keeps its memory for the next use. */
void buffer_clear(struct buffer *buffer);
void buffer_finish(struct buffer *buffer);

#endif
