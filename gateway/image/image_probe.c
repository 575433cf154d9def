#include "gateway/image/image_probe.h"

#include <assert.h>
#include <string.h>

enum { LZW_CODES = 4096 };

struct reader {
    const unsigned char *at;
    size_t left;
};

/* The next n bytes, or NULL and nothing taken if there are fewer. */
static const unsigned char *take(struct reader *in, size_t n)
{
    if (n > in->left)
        return NULL;
    const unsigned char *taken = in->at;
    in->at += n;
    in->left -= n;
    return taken;
}

static uint32_t big_endian(const unsigned char *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t little_endian(const unsigned char *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t i = n; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

/* PNG */

static bool png_depth_is_valid(unsigned depth, unsigned colour_type)
{
    static const uint32_t depths[] = {
        [0] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
        [2] = 1 << 8 | 1 << 16,
        [3] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
        [4] = 1 << 8 | 1 << 16,
        [6] = 1 << 8 | 1 << 16,
    };

    return colour_type <= 6 && depth <= 16 && (depths[colour_type] >> depth & 1) != 0;
}

/* Checks what libpng would check too, but without its complaint on stderr. */
static bool png_probe(struct reader in, struct image_probe *probe)
{
    const unsigned char *header = take(&in, 8 + 8 + 13);

    if (header == NULL || memcmp(header + 8, "\0\0\0\x0DIHDR", 8) != 0)
        return false;
    if (!png_depth_is_valid(header[24], header[25]))
        return false;
    if (header[26] != 0 || header[27] != 0 || header[28] > 1) /* compression, filter, interlace */
        return false;
    probe->width = big_endian(header + 16, 4);
    probe->height = big_endian(header + 20, 4);
    probe->bytes_per_pixel = 8;
    return true;
}

static bool png_chunk_draws(const unsigned char *type)
{
    static const char *const drawing[] = { "IHDR", "PLTE", "tRNS", "IDAT", "IEND" };

    for (size_t i = 0; i < sizeof(drawing) / sizeof(drawing[0]); i++)
        if (memcmp(type, drawing[i], 4) == 0)
            return true;
    return false;
}

bool image_probe_copy_png(const void *data, size_t size, unsigned char *out, size_t *size_out)
{
    struct reader in = { .at = data, .left = size };
    const unsigned char *magic = take(&in, 8);
    size_t copied = 8;

    if (magic == NULL)
        return false;
    memcpy(out, magic, 8);
    for (;;) {
        const unsigned char *chunk = take(&in, 8);
        if (chunk == NULL)
            return false;
        size_t length = big_endian(chunk, 4);
        if (take(&in, length) == NULL || take(&in, 4) == NULL)
            return false;
        if (png_chunk_draws(chunk + 4)) {
            memcpy(out + copied, chunk, 8 + length + 4);
            copied += 8 + length + 4;
        }
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            break;
    }
    *size_out = copied;
    return true;
}

/* JPEG */

enum jpeg_marker {
    JPEG_TEM = 0x01,
    JPEG_SOF0 = 0xC0,
    JPEG_DHT = 0xC4,
    JPEG_JPG = 0xC8,
    JPEG_DAC = 0xCC,
    JPEG_SOF15 = 0xCF,
    JPEG_RST0 = 0xD0,
    JPEG_SOI = 0xD8,
    JPEG_EOI = 0xD9,
    JPEG_SOS = 0xDA,
    JPEG_APP1 = 0xE1,
};

static bool jpeg_is_frame_header(unsigned marker)
{
    return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT &&
           marker != JPEG_JPG && marker != JPEG_DAC;
}

static bool jpeg_is_bare(unsigned marker)
{
    return marker == JPEG_TEM || (marker >= JPEG_RST0 && marker <= JPEG_SOI);
}

/* Passes over compressed data and fill bytes, as libjpeg does. 0 at the end of the file. */
static unsigned jpeg_next_marker(struct reader *in)
{
    while (in->left >= 2) {
        const unsigned char *at = take(in, 1);
        if (at[0] != 0xFF || at[1] == 0x00 || at[1] == 0xFF)
            continue;
        (void)take(in, 1);
        return at[1];
    }
    return 0;
}

/* The orientation in an EXIF segment, 0 if there is none. */
static unsigned exif_orientation(struct reader segment)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };
    struct reader in = segment;
    const unsigned char *head = take(&in, 6);

    if (head == NULL || memcmp(head, "Exif\0\0", 6) != 0)
        return 0;
    struct reader tiff = in;
    head = take(&in, 8);
    if (head == NULL || (memcmp(head, "II*\0", 4) != 0 && memcmp(head, "MM\0*", 4) != 0))
        return 0;
    uint32_t (*number)(const unsigned char *, size_t) = head[0] == 'I' ? little_endian : big_endian;
    const unsigned char *count = NULL;
    if (take(&tiff, number(head + 4, 4)) == NULL || (count = take(&tiff, 2)) == NULL)
        return 0;
    for (uint32_t entries = number(count, 2); entries > 0; entries--) {
        const unsigned char *entry = take(&tiff, ENTRY_BYTES);
        if (entry == NULL)
            return 0;
        if (number(entry, 2) == TAG_ORIENTATION)
            return number(entry + 2, 2) == TYPE_SHORT ? number(entry + 8, 2) : 0;
    }
    return 0;
}

static bool jpeg_read_segment(unsigned marker, struct reader segment, struct image_probe *probe)
{
    if (marker == JPEG_SOS)
        probe->scans++;
    if (marker == JPEG_APP1 && probe->orientation == 0)
        probe->orientation = exif_orientation(segment);
    if (!jpeg_is_frame_header(marker))
        return true;
    if (segment.left < 5 || probe->bytes_per_pixel != 0)
        return false;
    probe->height = big_endian(segment.at + 1, 2);
    probe->width = big_endian(segment.at + 3, 2);
    probe->bytes_per_pixel = 4;
    return true;
}

/* Walks to the end marker: a JPEG that was cut short does not have it. */
static bool jpeg_probe(struct reader in, struct image_probe *probe)
{
    unsigned marker;

    (void)take(&in, 2);
    probe->scans = 0;
    while ((marker = jpeg_next_marker(&in)) != 0 && marker != JPEG_EOI) {
        if (jpeg_is_bare(marker))
            continue;
        const unsigned char *length_bytes = take(&in, 2);
        uint32_t length = length_bytes != NULL ? big_endian(length_bytes, 2) : 0;
        struct reader segment = { .at = in.at, .left = length - 2 };
        if (length < 2 || take(&in, segment.left) == NULL ||
            !jpeg_read_segment(marker, segment, probe))
            return false;
    }
    if (probe->scans > 1)
        probe->bytes_per_pixel = 12; /* all coefficients are held until the last scan */
    return marker == JPEG_EOI && probe->scans > 0 && probe->bytes_per_pixel != 0;
}

/* GIF */

static bool gif_skip_blocks(struct reader *in)
{
    const unsigned char *size;

    while ((size = take(in, 1)) != NULL && *size != 0)
        if (take(in, *size) == NULL)
            return false;
    return size != NULL;
}

static bool gif_skip_colours(struct reader *in, unsigned flags)
{
    return (flags & 0x80) == 0 || take(in, (size_t)3 << ((flags & 7) + 1)) != NULL;
}

static bool gif_read_frame(struct reader *in, struct image_probe *probe)
{
    const unsigned char *frame = take(in, 9);

    if (frame == NULL || !gif_skip_colours(in, frame[8]))
        return false;
    uint32_t width = little_endian(frame + 4, 2), height = little_endian(frame + 6, 2);
    if (width == 0 || little_endian(frame, 2) + width > probe->width)
        return false;
    if (height == 0 || little_endian(frame + 2, 2) + height > probe->height)
        return false;
    if (probe->frame == NULL) {
        probe->frame = in->at;
        probe->frame_size = in->left;
        probe->frame_pixels = (uint64_t)width * height;
    }
    return take(in, 1) != NULL && gif_skip_blocks(in);
}

static bool gif_probe(struct reader in, struct image_probe *probe)
{
    const unsigned char *screen = take(&in, 13);
    const unsigned char *block;

    if (screen == NULL || (screen[4] != '7' && screen[4] != '9') || screen[5] != 'a')
        return false;
    if (!gif_skip_colours(&in, screen[10]))
        return false;
    probe->width = little_endian(screen + 6, 2);
    probe->height = little_endian(screen + 8, 2);
    probe->bytes_per_pixel = 1;
    while ((block = take(&in, 1)) != NULL && *block != ';') {
        if (*block == ',' && gif_read_frame(&in, probe))
            continue;
        if (*block == '!' && take(&in, 1) != NULL && gif_skip_blocks(&in))
            continue;
        return false;
    }
    return block != NULL && probe->frame != NULL;
}

struct gif_codes {
    struct reader in;
    struct reader block;
    uint32_t bits;
    unsigned bit_count;
};

/* The next code of `width` bits, or -1 when the data has ended. */
static int gif_next_code(struct gif_codes *codes, unsigned width)
{
    while (codes->bit_count < width) {
        if (codes->block.left == 0) {
            const unsigned char *size = take(&codes->in, 1);
            if (size == NULL || *size == 0 || take(&codes->in, *size) == NULL)
                return -1;
            codes->block = (struct reader){ .at = size + 1, .left = *size };
        }
        codes->bits |= (uint32_t)*take(&codes->block, 1) << codes->bit_count;
        codes->bit_count += 8;
    }
    int code = (int)(codes->bits & ((1u << width) - 1));
    codes->bits >>= width;
    codes->bit_count -= width;
    return code;
}

/* Counts, and writes no pixel. */
bool image_probe_gif_is_sound(const struct image_probe *probe)
{
    struct gif_codes codes = { .in = { .at = probe->frame, .left = probe->frame_size } };
    uint16_t lengths[LZW_CODES];
    assert(probe->format == IMAGE_GIF && probe->frame != NULL);
    unsigned first_width = *take(&codes.in, 1) + 1u, width = first_width;

    if (first_width < 2 || first_width > 9)
        return false;
    int clear = 1 << (first_width - 1), next = clear + 2, previous = -1;
    for (int i = 0; i < clear; i++)
        lengths[i] = 1;
    for (uint64_t pixels = 0; pixels < probe->frame_pixels;) {
        int code = gif_next_code(&codes, width);
        if (code == clear) {
            width = first_width;
            next = clear + 2;
            previous = -1;
            continue;
        }
        if (code < 0 || code == clear + 1 || code > next || (previous < 0 && code >= clear))
            return false;
        if (previous >= 0 && next < LZW_CODES)
            lengths[next++] = (uint16_t)(lengths[previous] + 1);
        if (next == 1 << width && next < LZW_CODES)
            width++;
        pixels += lengths[code];
        previous = code;
    }
    return true;
}

/* WebP */

static bool webp_probe(struct reader in, struct image_probe *probe)
{
    const unsigned char *file = take(&in, 20), *data = take(&in, 10);

    if (file == NULL || data == NULL || memcmp(file + 8, "WEBP", 4) != 0)
        return false;
    const unsigned char *chunk = file + 12;
    probe->bytes_per_pixel = 8;
    if (memcmp(chunk, "VP8 ", 4) == 0) {
        probe->width = little_endian(data + 6, 2) & 0x3FFF;
        probe->height = little_endian(data + 8, 2) & 0x3FFF;
        return memcmp(data + 3, "\x9D\x01\x2A", 3) == 0;
    }
    if (memcmp(chunk, "VP8L", 4) == 0) {
        uint32_t sides = little_endian(data + 1, 4);
        probe->width = (sides & 0x3FFF) + 1;
        probe->height = (sides >> 14 & 0x3FFF) + 1;
        return data[0] == 0x2F;
    }
    if (memcmp(chunk, "VP8X", 4) == 0) {
        probe->width = little_endian(data + 4, 3) + 1;
        probe->height = little_endian(data + 7, 3) + 1;
        return (data[0] & 0x02) == 0; /* that bit: animated, which libgd cannot read */
    }
    return false;
}

/* All four */

bool image_probe(const void *data, size_t size, struct image_probe *probe_out)
{
    static const struct {
        enum image_format format;
        const char *magic;
        size_t magic_size;
        bool (*read)(struct reader in, struct image_probe *probe);
    } formats[] = {
        { IMAGE_PNG, "\x89PNG\r\n\x1A\n", 8, png_probe },
        { IMAGE_JPEG, "\xFF\xD8\xFF", 3, jpeg_probe },
        { IMAGE_GIF, "GIF8", 4, gif_probe },
        { IMAGE_WEBP, "RIFF", 4, webp_probe },
    };
    struct reader in = { .at = data, .left = data != NULL ? size : 0 };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        *probe_out = (struct image_probe){ .format = formats[i].format, .scans = 1 };
        if (in.left >= formats[i].magic_size &&
            memcmp(in.at, formats[i].magic, formats[i].magic_size) == 0 &&
            formats[i].read(in, probe_out))
            return true;
    }
    *probe_out = (struct image_probe){ .format = IMAGE_FORMATS };
    return false;
}
