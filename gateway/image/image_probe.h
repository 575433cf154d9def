/*
 * What an uploaded picture says of itself, read from bytes that may be hostile before any pixel of
 * it is decoded: kind, size, work, orientation. Knows how the four formats are laid out and no
 * library. Every read is bounded by the bytes that are there; nothing is allocated, nothing logged,
 * and the cost is one walk over the bytes. All functions may be called from any thread.
 */
#ifndef GATEWAY_IMAGE_IMAGE_PROBE_H
#define GATEWAY_IMAGE_IMAGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_format { IMAGE_PNG, IMAGE_JPEG, IMAGE_GIF, IMAGE_WEBP, IMAGE_FORMATS };

/* Numbers are as the file claims them: the caller judges what is too much. */
struct image_probe {
    enum image_format format;
    uint32_t width, height;     /* pixels; 0 is possible */
    uint32_t scans;             /* passes over all pixels that decoding takes, at least 1 */
    uint32_t bytes_per_pixel;   /* the most that decoding holds at once */
    unsigned orientation;       /* as in EXIF: 2 to 8 ask for a turn, all else is upright */
    const unsigned char *frame; /* of a GIF: where in `data` its first frame's codes begin */
    size_t frame_size;          /* from there to the end of `data` */
    uint64_t frame_pixels;
};

/*
 * False when the bytes are no PNG, JPEG, GIF or still WebP. A JPEG or GIF must reach its end mark;
 * of a PNG or WebP only the header is looked at. `data` is borrowed, and a GIF's probe points into
 * it. On false the probe holds nothing of use, and its format is IMAGE_FORMATS.
 */
bool image_probe(const void *data, size_t size, struct image_probe *probe_out)
    __attribute__((warn_unused_result));

/*
 * Whether the first frame's codes are valid and make all its pixels. libgd would fill a gap with
 * colour 0, and an invalid code with whatever is on its stack. Takes time with `frame_pixels`, so
 * ask after judging it, and only of a GIF; the bytes given to image_probe must still be there.
 */
bool image_probe_gif_is_sound(const struct image_probe *probe);

/*
 * Copies of a PNG what draws: text, colour profiles and bytes behind the end are left out. `out`
 * has room for `size` bytes. False when the file stops before its last chunk does.
 */
bool image_probe_copy_png(const void *data, size_t size, unsigned char *out, size_t *size_out)
    __attribute__((warn_unused_result));

#endif
