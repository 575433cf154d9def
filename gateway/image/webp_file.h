/* The container of WebP (RIFF): what libwebp's simple decoder, which libgd uses, does not read. */
#ifndef GATEWAY_IMAGE_WEBP_FILE_H
#define GATEWAY_IMAGE_WEBP_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/image/byte_reader.h"
#include "gateway/image/image_claims.h"

/* Of an animation, probe->frame and frame_* are the chunks of the first frame. */
bool webp_file_probe(struct byte_reader in, struct image_probe *probe)
    __attribute__((warn_unused_result));

/*
 * The first frame of an animation as a still WebP of its own, which the caller frees; NULL when
 * memory is exhausted. Only for a probe with a frame; the bytes probed must still exist.
 */
unsigned char *webp_file_still_of(const struct image_probe *probe, size_t *size_out);

#endif
