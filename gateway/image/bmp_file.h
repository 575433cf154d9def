/*
 * Windows bitmaps, for which Debian has no small library that reads all the usual headers: libgd's
 * reader refuses those of current programs (BITMAPV5HEADER).
 */
#ifndef GATEWAY_IMAGE_BMP_FILE_H
#define GATEWAY_IMAGE_BMP_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/image/byte_reader.h"
#include "gateway/image/image_claims.h"
#include "gateway/image/image_pixels.h"

/* True for an uncompressed bitmap of 1, 4, 8, 16, 24 or 32 bits, with all its rows in the file. One
 * compressed by run lengths is refused: no program writes it by default. */
bool bmp_file_probe(struct byte_reader in, struct image_probe *probe)
    __attribute__((warn_unused_result));

/* For a file that has been probed. False when memory is exhausted. */
bool bmp_file_decode(const void *data, size_t size, struct image_pixels *pixels_out)
    __attribute__((warn_unused_result));

#endif
