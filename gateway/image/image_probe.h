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

#include "gateway/image/image_claims.h"

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
