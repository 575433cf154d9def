#include "gateway/image/bmp_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILE_HEADER_BYTES = 14,
    CORE_HEADER_BYTES = 12, /* OS/2 */
    INFO_HEADER_BYTES = 40,
    MASKS_HEADER_BYTES = 52,
    ALPHA_HEADER_BYTES = 56,
    V5_HEADER_BYTES = 124,
    BI_RGB = 0,
    BI_BITFIELDS = 3,
    BI_ALPHABITFIELDS = 6,
};

struct bmp {
    uint32_t width, height;
    bool top_down;
    unsigned bits;
    uint32_t masks[4]; /* red, green, blue, alpha; of 16 and 32 bits */
    const unsigned char *palette;
    size_t colours, colour_bytes;
    const unsigned char *rows;
    size_t row_bytes;
};

static uint32_t number(const unsigned char *at, size_t n)
{
    return byte_reader_little_endian(at, n);
}

static bool is_depth(unsigned bits)
{
    return bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
}

static bool read_size(struct bmp *bmp, const unsigned char *header, uint32_t header_bytes)
{
    if (header_bytes == CORE_HEADER_BYTES) {
        bmp->width = number(header + 4, 2);
        bmp->height = number(header + 6, 2);
        bmp->bits = number(header + 10, 2);
        return is_depth(bmp->bits);
    }
    int32_t width = (int32_t)number(header + 4, 4), height = (int32_t)number(header + 8, 4);
    if (width < 0 || height == INT32_MIN)
        return false;
    bmp->width = (uint32_t)width;
    bmp->top_down = height < 0;
    bmp->height = (uint32_t)(height < 0 ? -height : height);
    bmp->bits = number(header + 14, 2);
    return is_depth(bmp->bits);
}

/* The masks are part of the header, or follow one of 40 bytes. */
static bool read_masks(struct bmp *bmp, struct byte_reader *in, const unsigned char *header,
                       uint32_t header_bytes)
{
    static const uint32_t masks_16[4] = { 0x7C00, 0x03E0, 0x001F, 0 };
    static const uint32_t masks_32[4] = { 0xFF0000, 0x00FF00, 0x0000FF, 0 };
    uint32_t compression = header_bytes >= INFO_HEADER_BYTES ? number(header + 16, 4) : BI_RGB;
    size_t count = header_bytes >= ALPHA_HEADER_BYTES || compression == BI_ALPHABITFIELDS ? 4 : 3;

    memcpy(bmp->masks, bmp->bits == 16 ? masks_16 : masks_32, sizeof(bmp->masks));
    if (compression == BI_RGB)
        return true;
    if ((compression != BI_BITFIELDS && compression != BI_ALPHABITFIELDS) ||
        (bmp->bits != 16 && bmp->bits != 32))
        return false;
    const unsigned char *masks = header_bytes >= MASKS_HEADER_BYTES
                                     ? header + INFO_HEADER_BYTES
                                     : byte_reader_take(in, 4 * count);
    for (size_t i = 0; masks != NULL && i < count; i++)
        bmp->masks[i] = number(masks + 4 * i, 4);
    return masks != NULL;
}

static bool read_palette(struct bmp *bmp, struct byte_reader *in, const unsigned char *header,
                         uint32_t header_bytes)
{
    size_t most = (size_t)1 << bmp->bits;

    if (bmp->bits > 8)
        return true;
    bmp->colour_bytes = header_bytes == CORE_HEADER_BYTES ? 3 : 4;
    bmp->colours = header_bytes >= INFO_HEADER_BYTES ? number(header + 32, 4) : most;
    if (bmp->colours == 0 || bmp->colours > most)
        bmp->colours = most;
    bmp->palette = byte_reader_take(in, bmp->colours * bmp->colour_bytes);
    return bmp->palette != NULL;
}

static bool read_rows(struct bmp *bmp, struct byte_reader file, uint32_t offset)
{
    bmp->row_bytes = ((size_t)bmp->width * bmp->bits + 31) / 32 * 4;
    if (byte_reader_take(&file, offset) == NULL)
        return false;
    bmp->rows = file.at;
    return bmp->height == 0 || bmp->row_bytes <= file.left / bmp->height;
}

static bool read_bmp(struct byte_reader in, struct bmp *bmp)
{
    struct byte_reader file = in;
    const unsigned char *start = byte_reader_take(&in, FILE_HEADER_BYTES);

    *bmp = (struct bmp){ .width = 0 };
    if (start == NULL || in.left < 4)
        return false;
    uint32_t header_bytes = number(in.at, 4);
    if (header_bytes != CORE_HEADER_BYTES &&
        (header_bytes < INFO_HEADER_BYTES || header_bytes > V5_HEADER_BYTES))
        return false;
    const unsigned char *header = byte_reader_take(&in, header_bytes);
    return header != NULL && read_size(bmp, header, header_bytes) &&
           read_masks(bmp, &in, header, header_bytes) &&
           read_palette(bmp, &in, header, header_bytes) &&
           read_rows(bmp, file, number(start + 10, 4));
}

bool bmp_file_probe(struct byte_reader in, struct image_probe *probe)
{
    struct bmp bmp;

    if (!read_bmp(in, &bmp))
        return false;
    probe->width = bmp.width;
    probe->height = bmp.height;
    probe->bytes_per_pixel = 8; /* the pixels here, and libgd's */
    return true;
}

/* The part of a pixel under a mask, as 0 to 255. */
static uint32_t channel(uint32_t pixel, uint32_t mask)
{
    uint32_t value = pixel & mask;

    while (mask != 0 && (mask & 1) == 0) {
        mask >>= 1;
        value >>= 1;
    }
    return mask != 0 ? (uint32_t)((uint64_t)value * 255 / mask) : 0;
}

static uint32_t masked_pixel(const struct bmp *bmp, const unsigned char *at)
{
    uint32_t pixel = number(at, bmp->bits / 8);
    uint32_t alpha = bmp->masks[3] != 0 ? channel(pixel, bmp->masks[3]) : 255;

    return alpha << 24 | channel(pixel, bmp->masks[0]) << 16 | channel(pixel, bmp->masks[1]) << 8 |
           channel(pixel, bmp->masks[2]);
}

static uint32_t palette_pixel(const struct bmp *bmp, const unsigned char *row, uint32_t x)
{
    unsigned per_byte = 8 / bmp->bits, shift = 8 - bmp->bits * (x % per_byte + 1);
    unsigned index = (unsigned)row[x / per_byte] >> shift & ((1u << bmp->bits) - 1);

    if (index >= bmp->colours)
        return 0xFF000000;
    return 0xFF000000 | number(bmp->palette + index * bmp->colour_bytes, 3);
}

static uint32_t pixel_at(const struct bmp *bmp, const unsigned char *row, uint32_t x)
{
    if (bmp->bits <= 8)
        return palette_pixel(bmp, row, x);
    if (bmp->bits == 24)
        return 0xFF000000 | number(row + 3 * (size_t)x, 3);
    return masked_pixel(bmp, row + bmp->bits / 8 * (size_t)x);
}

bool bmp_file_decode(const void *data, size_t size, struct image_pixels *pixels_out)
{
    struct bmp bmp;

    *pixels_out = (struct image_pixels){ .argb = NULL };
    if (!read_bmp((struct byte_reader){ data, size }, &bmp))
        return false;
    uint32_t *argb = malloc((size_t)bmp.width * bmp.height * sizeof(*argb));
    if (argb == NULL)
        return false;
    for (uint32_t y = 0; y < bmp.height; y++) {
        const unsigned char *row =
            bmp.rows + (bmp.top_down ? y : bmp.height - 1 - y) * bmp.row_bytes;
        for (uint32_t x = 0; x < bmp.width; x++)
            argb[(size_t)y * bmp.width + x] = pixel_at(&bmp, row, x);
    }
    *pixels_out = (struct image_pixels){ bmp.width, bmp.height, argb };
    return true;
}
