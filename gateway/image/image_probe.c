#include "gateway/image/image_probe.h"

#include <assert.h>
#include <string.h>

#include "gateway/image/avif_file.h"
#include "gateway/image/bmp_file.h"
#include "gateway/image/byte_reader.h"
#include "gateway/image/exif.h"
#include "gateway/image/webp_file.h"

enum { LZW_CODES = 4096 };

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

/* 0 if there is none. Only the chunk headers are read. */
static unsigned png_orientation(struct byte_reader in)
{
    const unsigned char *chunk;

    (void)byte_reader_take(&in, 8);
    while ((chunk = byte_reader_take(&in, 8)) != NULL) {
        struct byte_reader data = { .left = byte_reader_big_endian(chunk, 4) };
        data.at = byte_reader_take(&in, data.left);
        if (data.at == NULL || byte_reader_take(&in, 4) == NULL)
            break;
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            return exif_orientation(data);
    }
    return 0;
}

/* Checks what libpng would check too. */
static bool png_probe(struct byte_reader in, struct image_probe *probe)
{
    struct byte_reader file = in;
    const unsigned char *header = byte_reader_take(&in, 8 + 8 + 13);

    if (header == NULL || memcmp(header + 8, "\0\0\0\x0DIHDR", 8) != 0)
        return false;
    if (!png_depth_is_valid(header[24], header[25]))
        return false;
    if (header[26] != 0 || header[27] != 0 || header[28] > 1) /* compression, filter, interlace */
        return false;
    probe->width = byte_reader_big_endian(header + 16, 4);
    probe->height = byte_reader_big_endian(header + 20, 4);
    probe->bytes_per_pixel = 8;
    probe->orientation = png_orientation(file);
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
    struct byte_reader in = { .at = data, .left = size };
    const unsigned char *magic = byte_reader_take(&in, 8);
    size_t copied = 8;

    if (magic == NULL)
        return false;
    memcpy(out, magic, 8);
    for (;;) {
        const unsigned char *chunk = byte_reader_take(&in, 8);
        if (chunk == NULL)
            return false;
        size_t length = byte_reader_big_endian(chunk, 4);
        if (byte_reader_take(&in, length) == NULL || byte_reader_take(&in, 4) == NULL)
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
static unsigned jpeg_next_marker(struct byte_reader *in)
{
    while (in->left >= 2) {
        const unsigned char *at = byte_reader_take(in, 1);
        if (at[0] != 0xFF || at[1] == 0x00 || at[1] == 0xFF)
            continue;
        (void)byte_reader_take(in, 1);
        return at[1];
    }
    return 0;
}

/* What a JPEG's scans contain, of each component: the coefficients that are final. */
struct jpeg_scans {
    unsigned components;
    unsigned char ids[4];
    uint64_t final[4];
};

static bool jpeg_read_frame(struct byte_reader segment, struct image_probe *probe,
                            struct jpeg_scans *scans)
{
    if (segment.left < 6 || probe->bytes_per_pixel != 0)
        return false;
    probe->height = byte_reader_big_endian(segment.at + 1, 2);
    probe->width = byte_reader_big_endian(segment.at + 3, 2);
    probe->bytes_per_pixel = 4;
    scans->components = segment.at[5] <= 4 ? segment.at[5] : 0;
    for (unsigned i = 0; i < scans->components && 6 + 3 * (size_t)i < segment.left; i++)
        scans->ids[i] = segment.at[6 + 3 * i];
    return true;
}

/* The coefficients from Ss to Se are final when no bit of them is left for a later scan (Al). */
static void jpeg_read_scan(struct byte_reader segment, struct jpeg_scans *scans)
{
    const unsigned char *count = byte_reader_take(&segment, 1);
    const unsigned char *components =
        count != NULL ? byte_reader_take(&segment, 2u * *count) : NULL;
    const unsigned char *range = byte_reader_take(&segment, 3);

    if (components == NULL || range == NULL || (range[2] & 0x0F) != 0 || range[0] > range[1] ||
        range[1] > 63)
        return;
    uint64_t coefficients = ~(uint64_t)0 >> (63 - range[1]) & ~(uint64_t)0 << range[0];
    for (unsigned i = 0; i < *count; i++)
        for (unsigned j = 0; j < scans->components; j++)
            if (components[2 * i] == scans->ids[j])
                scans->final[j] |= coefficients;
}

static bool jpeg_has_all_scans(const struct jpeg_scans *scans)
{
    for (unsigned i = 0; i < scans->components; i++)
        if (~scans->final[i] != 0)
            return false;
    return scans->components > 0;
}

static bool jpeg_read_segment(unsigned marker, struct byte_reader segment,
                              struct image_probe *probe, struct jpeg_scans *scans)
{
    if (marker == JPEG_SOS) {
        probe->scans++;
        jpeg_read_scan(segment, scans);
    }
    if (marker == JPEG_APP1 && probe->orientation == 0 && segment.left >= 6 &&
        memcmp(segment.at, "Exif\0\0", 6) == 0)
        probe->orientation = exif_orientation(segment);
    return !jpeg_is_frame_header(marker) || jpeg_read_frame(segment, probe, scans);
}

/*
 * Walks to the end marker. Some cameras cut it off: without it, every scan must have begun, and the
 * decoder has to find that the last one is complete.
 */
static bool jpeg_probe(struct byte_reader in, struct image_probe *probe)
{
    struct jpeg_scans scans = { .components = 0 };
    unsigned marker;

    (void)byte_reader_take(&in, 2);
    probe->scans = 0;
    while ((marker = jpeg_next_marker(&in)) != 0 && marker != JPEG_EOI) {
        if (jpeg_is_bare(marker))
            continue;
        const unsigned char *length_bytes = byte_reader_take(&in, 2);
        uint32_t length = length_bytes != NULL ? byte_reader_big_endian(length_bytes, 2) : 0;
        struct byte_reader segment = { .at = in.at, .left = length - 2 };
        if (length < 2 || byte_reader_take(&in, segment.left) == NULL ||
            !jpeg_read_segment(marker, segment, probe, &scans))
            return false;
    }
    if (probe->scans > 1)
        probe->bytes_per_pixel = 12; /* all coefficients are held until the last scan */
    probe->lacks_end = marker != JPEG_EOI;
    return (!probe->lacks_end || jpeg_has_all_scans(&scans)) && probe->scans > 0 &&
           probe->bytes_per_pixel != 0;
}

/* GIF */

static bool gif_skip_blocks(struct byte_reader *in)
{
    const unsigned char *size;

    while ((size = byte_reader_take(in, 1)) != NULL && *size != 0)
        if (byte_reader_take(in, *size) == NULL)
            return false;
    return size != NULL;
}

static bool gif_skip_colours(struct byte_reader *in, unsigned flags)
{
    return (flags & 0x80) == 0 || byte_reader_take(in, (size_t)3 << ((flags & 7) + 1)) != NULL;
}

static bool gif_read_frame(struct byte_reader *in, struct image_probe *probe)
{
    const unsigned char *frame = byte_reader_take(in, 9);

    if (frame == NULL || !gif_skip_colours(in, frame[8]))
        return false;
    uint32_t width = byte_reader_little_endian(frame + 4, 2),
             height = byte_reader_little_endian(frame + 6, 2);
    if (width == 0 || byte_reader_little_endian(frame, 2) + width > probe->width)
        return false;
    if (height == 0 || byte_reader_little_endian(frame + 2, 2) + height > probe->height)
        return false;
    if (probe->frame == NULL) {
        probe->frame = in->at;
        probe->frame_size = in->left;
        probe->frame_pixels = (uint64_t)width * height;
    }
    return byte_reader_take(in, 1) != NULL && gif_skip_blocks(in);
}

static bool gif_probe(struct byte_reader in, struct image_probe *probe)
{
    const unsigned char *screen = byte_reader_take(&in, 13);
    const unsigned char *block;

    if (screen == NULL || (screen[4] != '7' && screen[4] != '9') || screen[5] != 'a')
        return false;
    if (!gif_skip_colours(&in, screen[10]))
        return false;
    probe->width = byte_reader_little_endian(screen + 6, 2);
    probe->height = byte_reader_little_endian(screen + 8, 2);
    probe->bytes_per_pixel = 1;
    while ((block = byte_reader_take(&in, 1)) != NULL && *block != ';') {
        if (*block == ',' && gif_read_frame(&in, probe))
            continue;
        if (*block == '!' && byte_reader_take(&in, 1) != NULL && gif_skip_blocks(&in))
            continue;
        return false;
    }
    return block != NULL && probe->frame != NULL;
}

struct gif_codes {
    struct byte_reader in;
    struct byte_reader block;
    uint32_t bits;
    unsigned bit_count;
};

/* The next code of `width` bits, or -1 when the data has ended. */
static int gif_next_code(struct gif_codes *codes, unsigned width)
{
    while (codes->bit_count < width) {
        if (codes->block.left == 0) {
            const unsigned char *size = byte_reader_take(&codes->in, 1);
            if (size == NULL || *size == 0 || byte_reader_take(&codes->in, *size) == NULL)
                return -1;
            codes->block = (struct byte_reader){ .at = size + 1, .left = *size };
        }
        codes->bits |= (uint32_t)*byte_reader_take(&codes->block, 1) << codes->bit_count;
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
    unsigned first_width = *byte_reader_take(&codes.in, 1) + 1u, width = first_width;

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

/* All of them */

bool image_probe(const void *data, size_t size, struct image_probe *probe_out)
{
    static const struct {
        enum image_format format;
        const char *magic;
        size_t magic_size;
        bool (*read)(struct byte_reader in, struct image_probe *probe);
    } formats[] = {
        { IMAGE_PNG, "\x89PNG\r\n\x1A\n", 8, png_probe },
        { IMAGE_JPEG, "\xFF\xD8\xFF", 3, jpeg_probe },
        { IMAGE_GIF, "GIF8", 4, gif_probe },
        { IMAGE_WEBP, "RIFF", 4, webp_file_probe },
        { IMAGE_BMP, "BM", 2, bmp_file_probe },
        { IMAGE_AVIF, "\0\0\0", 3, avif_file_probe }, /* the size of the first box, then "ftyp" */
    };
    struct byte_reader in = { .at = data, .left = data != NULL ? size : 0 };

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
