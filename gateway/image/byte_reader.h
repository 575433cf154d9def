/* Reads bytes of a file that may be hostile: never beyond its end. */
#ifndef GATEWAY_IMAGE_BYTE_READER_H
#define GATEWAY_IMAGE_BYTE_READER_H

#include <stddef.h>
#include <stdint.h>

struct byte_reader {
    const unsigned char *at;
    size_t left;
};

/* The next n bytes, or NULL and nothing taken if there are fewer. */
static inline const unsigned char *byte_reader_take(struct byte_reader *in, size_t n)
{
    if (n > in->left)
        return NULL;
    const unsigned char *taken = in->at;
    in->at += n;
    in->left -= n;
    return taken;
}

/* A number of 1 to 4 bytes. */
static inline uint32_t byte_reader_big_endian(const unsigned char *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline uint32_t byte_reader_little_endian(const unsigned char *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t i = n; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

#endif
