#ifndef COMMON_BASE_BUFFER_H
#define COMMON_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing array of bytes. A zeroed struct is an empty buffer; `data` is NULL until something is
 * appended. Growing aborts when memory is exhausted, so sizes that a peer chooses must be bounded.
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

/* Reserves `more` bytes beyond `length` and returns their address. The caller adds to `length`. */
char *buffer_reserve(struct buffer *buffer, size_t more);

/* The content, NUL-terminated; the NUL is not part of `length`. Owned by the buffer. */
const char *buffer_text(struct buffer *buffer);

/* Returns the content, NUL-terminated, owned by the caller; the buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer, size_t *length_out);

/* Empty, but keeps its memory for the next use. */
void buffer_clear(struct buffer *buffer);
void buffer_finish(struct buffer *buffer);

#endif
