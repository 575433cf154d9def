#include "gateway/image/webp_file.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/image/exif.h"

enum {
    RIFF_BYTES = 12,
    CHUNK_HEADER_BYTES = 8,
    VP8X_BYTES = 10,
    ANMF_BYTES = 16, /* before the chunks of the frame */
    FLAG_ANIMATED = 0x02,
    FLAG_ALPHA = 0x10,
};

struct chunk {
    const unsigned char *type; /* 4 bytes */
    struct byte_reader data;
};

static bool is_type(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

/* The last chunk may lack its padding. */
static bool next_chunk(struct byte_reader *in, struct chunk *chunk_out)
{
    const unsigned char *header = byte_reader_take(in, CHUNK_HEADER_BYTES);

    if (header == NULL)
        return false;
    chunk_out->type = header;
    chunk_out->data.left = byte_reader_little_endian(header + 4, 4);
    chunk_out->data.at = byte_reader_take(in, chunk_out->data.left);
    if (chunk_out->data.at == NULL)
        return false;
    if (chunk_out->data.left % 2 != 0)
        (void)byte_reader_take(in, 1);
    return true;
}

/* The size that a bitstream claims. */
static bool read_bitstream(const unsigned char *type, struct byte_reader in, uint32_t *width_out,
                           uint32_t *height_out)
{
    const unsigned char *data = byte_reader_take(&in, 10);

    if (data != NULL && memcmp(type, "VP8 ", 4) == 0) {
        *width_out = byte_reader_little_endian(data + 6, 2) & 0x3FFF;
        *height_out = byte_reader_little_endian(data + 8, 2) & 0x3FFF;
        return memcmp(data + 3, "\x9D\x01\x2A", 3) == 0;
    }
    if (data != NULL && memcmp(type, "VP8L", 4) == 0) {
        uint32_t sides = byte_reader_little_endian(data + 1, 4);
        *width_out = (sides & 0x3FFF) + 1;
        *height_out = (sides >> 14 & 0x3FFF) + 1;
        return data[0] == 0x2F;
    }
    return false;
}

/* The bitstream must have the size of the frame, because a decoder believes the bitstream. */
static bool read_frame(struct byte_reader in, struct image_probe *probe)
{
    const unsigned char *head = byte_reader_take(&in, ANMF_BYTES);
    struct byte_reader chunks = in;
    struct chunk chunk;
    uint32_t width, height;

    if (head == NULL)
        return false;
    probe->frame = in.at;
    probe->frame_size = in.left;
    probe->frame_x = 2 * byte_reader_little_endian(head, 3);
    probe->frame_y = 2 * byte_reader_little_endian(head + 3, 3);
    probe->frame_width = byte_reader_little_endian(head + 6, 3) + 1;
    probe->frame_height = byte_reader_little_endian(head + 9, 3) + 1;
    while (next_chunk(&chunks, &chunk))
        if (read_bitstream(chunk.type, chunk.data, &width, &height))
            return width == probe->frame_width && height == probe->frame_height &&
                   (uint64_t)probe->frame_x + width <= probe->width &&
                   (uint64_t)probe->frame_y + height <= probe->height;
    return false;
}

/* After VP8X. What follows a damaged chunk is not looked at; libwebp judges the picture. */
static bool read_extended(struct byte_reader in, bool animated, struct image_probe *probe)
{
    struct chunk chunk;

    while (next_chunk(&in, &chunk)) {
        if (is_type(&chunk, "EXIF") && probe->orientation == 0)
            probe->orientation = exif_orientation(chunk.data);
        if (is_type(&chunk, "ANMF") && animated && probe->frame == NULL &&
            !read_frame(chunk.data, probe))
            return false;
    }
    return !animated || probe->frame != NULL;
}

bool webp_file_probe(struct byte_reader in, struct image_probe *probe)
{
    const unsigned char *file = byte_reader_take(&in, RIFF_BYTES);

    if (file == NULL || memcmp(file + 8, "WEBP", 4) != 0 || in.left < CHUNK_HEADER_BYTES)
        return false;
    probe->bytes_per_pixel = 8;
    const unsigned char *type = in.at;
    if (memcmp(type, "VP8X", 4) != 0) {
        (void)byte_reader_take(&in, CHUNK_HEADER_BYTES);
        return read_bitstream(type, in, &probe->width, &probe->height);
    }
    struct chunk chunk;
    if (!next_chunk(&in, &chunk) || chunk.data.left < VP8X_BYTES)
        return false;
    probe->width = byte_reader_little_endian(chunk.data.at + 4, 3) + 1;
    probe->height = byte_reader_little_endian(chunk.data.at + 7, 3) + 1;
    return read_extended(in, (chunk.data.at[0] & FLAG_ANIMATED) != 0, probe);
}

static void put_little_endian(unsigned char *at, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

unsigned char *webp_file_still_of(const struct image_probe *probe, size_t *size_out)
{
    static const unsigned char riff[4] = { 'R', 'I', 'F', 'F' };
    static const unsigned char webp[8] = { 'W', 'E', 'B', 'P', 'V', 'P', '8', 'X' };
    size_t head = RIFF_BYTES + CHUNK_HEADER_BYTES + VP8X_BYTES, size = head + probe->frame_size;
    unsigned char *still = calloc(1, size);

    if (still == NULL)
        return NULL;
    memcpy(still, riff, sizeof(riff));
    put_little_endian(still + 4, (uint32_t)(size - 8), 4);
    memcpy(still + 8, webp, sizeof(webp));
    put_little_endian(still + 16, VP8X_BYTES, 4);
    still[20] = FLAG_ALPHA;
    put_little_endian(still + 24, probe->frame_width - 1, 3);
    put_little_endian(still + 27, probe->frame_height - 1, 3);
    memcpy(still + head, probe->frame, probe->frame_size);
    *size_out = size;
    return still;
}
