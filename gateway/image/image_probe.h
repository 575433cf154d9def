/*
 * What the header of an uploaded picture claims, read before any pixel is decoded: format, size,
 * cost of decoding, orientation. Parses the four formats itself. The bytes may be hostile: every
 * read is bounded; nothing is allocated or logged; the cost is one pass over the bytes. All
 * functions may be called from any thread.
 */
#ifndef GATEWAY_IMAGE_IMAGE_PROBE_H
#define GATEWAY_IMAGE_IMAGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_format { IMAGE_PNG, IMAGE_JPEG, IMAGE_GIF, IMAGE_WEBP, IMAGE_FORMATS };

/* Numbers are those that the file claims: the caller checks them. */
struct image_probe {
    enum image_format format;
    uint32_t width, height;   /* pixels; 0 is possible */
    uint32_t scans;           /* passes over all pixels that decoding takes, at least 1 */
    uint32_t bytes_per_pixel; /* the maximum that decoding allocates at once */
    unsigned orientation;     /* as in EXIF: 2 to 8 need a transformation, all others are upright */
    const unsigned char *frame; /* of a GIF: the codes of its first frame, in `data` */
    size_t frame_size;          /* from there to the end of `data` */
    uint64_t frame_pixels;
};

/*
 * False when the bytes are no PNG, JPEG, GIF or still WebP. A JPEG or GIF must reach its end mark;
 * of a PNG or WebP only the header is checked. `data` is borrowed; the probe of a GIF points into
 * it. On false, the probe's format is IMAGE_FORMATS.
 */
bool image_probe(const void *data, size_t size, struct image_probe *probe_out)
    __attribute__((warn_unused_result));

/*
 * Whether the codes of the first frame are valid and yield all its pixels. libgd fills a gap with
 * colour 0, and an invalid code with bytes of its stack. The time grows with `frame_pixels`, so
 * check that first. Only for a GIF (asserted); the bytes passed to image_probe must still exist.
 */
bool image_probe_gif_is_sound(const struct image_probe *probe);

/*
 * Copies the chunks of a PNG that are needed for its pixels: text, colour profiles and trailing
 * bytes are left out. `out` has a capacity of `size` bytes. False when the file is truncated.
 */
bool image_probe_copy_png(const void *data, size_t size, unsigned char *out, size_t *size_out)
    __attribute__((warn_unused_result));

#endif
