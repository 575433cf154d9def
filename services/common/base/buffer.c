#include "services/common/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"

char *buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t need = buffer->length + more + 1; /* one for the NUL of buffer_text */

    if (need > buffer->capacity) {
        size_t capacity = buffer->capacity < 128 ? 128 : buffer->capacity;
        while (capacity < need)
            capacity *= 2;
        buffer->data = xrealloc(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if (length == 0)
        return;
    memcpy(buffer_reserve(buffer, length), data, length);
    buffer->length += length;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char c)
{
    *buffer_reserve(buffer, 1) = c;
    buffer->length++;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        char *capacity = buffer_reserve(buffer, (size_t)length);
        vsnprintf(capacity, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

const char *buffer_text(struct buffer *buffer)
{
    *buffer_reserve(buffer, 0) = '\0';
    return buffer->data;
}

char *buffer_take(struct buffer *buffer, size_t *length_out)
{
    buffer_text(buffer);
    char *data = buffer->data;
    if (length_out != NULL)
        *length_out = buffer->length;
    *buffer = (struct buffer){ 0 };
    return data;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

void buffer_finish(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){ 0 };
}
