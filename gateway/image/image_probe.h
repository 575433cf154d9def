/*
 * What the header of an uploaded picture claims, read before any pixel is decoded: format, size,
 * cost of decoding, orientation. The bytes may be hostile: every read is bounded; nothing is
 * logged; only an AVIF's boxes are allocated, by libavif; the cost is one pass over the bytes. All
 * functions may be called from any thread.
 */
#ifndef GATEWAY_IMAGE_IMAGE_PROBE_H
#define GATEWAY_IMAGE_IMAGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/image/byte_reader.h"

enum image_format {
    IMAGE_PNG,
    IMAGE_JPEG,
    IMAGE_GIF,
    IMAGE_WEBP,
    IMAGE_BMP,
    IMAGE_AVIF,
    IMAGE_FORMATS
};

/* Numbers are those that the file claims: the caller checks them. */
struct image_probe {
    enum image_format format;
    uint32_t width, height;   /* pixels; 0 is possible */
    uint32_t scans;           /* passes over all pixels that decoding takes, at least 1 */
    uint32_t bytes_per_pixel; /* the maximum that decoding allocates at once */
    unsigned orientation;     /* as in EXIF: 2 to 8 need a transformation, all others are upright */
    bool lacks_end;           /* of a JPEG: its end marker is missing */
    const unsigned char *frame; /* of a GIF: the codes of its first frame, in `data`; of an animated
                                   WebP: the chunks of its first frame; else NULL */
    size_t frame_size;          /* of a GIF: from there to the end of `data` */
    uint64_t frame_pixels;      /* of a GIF */
    uint32_t frame_x, frame_y;  /* of a WebP: within the picture */
    uint32_t frame_width, frame_height;
};

/*
 * False when the bytes are no PNG, JPEG, GIF, WebP, BMP or AVIF. A GIF must reach its end mark, a
 * JPEG its end mark or the last of its scans, a BMP its last row; of the others only the header is
 * checked. `data` is borrowed; the probe of a GIF or an animated WebP points into it. On false, the
 * probe's format is IMAGE_FORMATS.
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
