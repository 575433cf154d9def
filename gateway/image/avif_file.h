/* AVIF, through libavif. This is the only file that includes it. */
#ifndef GATEWAY_IMAGE_AVIF_FILE_H
#define GATEWAY_IMAGE_AVIF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/image/byte_reader.h"
#include "gateway/image/image_claims.h"
#include "gateway/image/image_pixels.h"

/* Pixels of an upload; half of what other formats may have, because decoding takes twice as much
 * memory for each. */
enum { AVIF_FILE_PIXELS_MAX = 25000000 };

/* True when the container is valid; no pixel is decoded. The orientation is that of the container
 * (irot, imir), which alone counts for this format. False for one with more
 * pixels than the maximum. */
bool avif_file_probe(struct byte_reader in, struct image_probe *probe)
    __attribute__((warn_unused_result));

/* The picture, or the first of a sequence. False when it is damaged. */
bool avif_file_decode(const void *data, size_t size, struct image_pixels *pixels_out)
    __attribute__((warn_unused_result));

#endif
