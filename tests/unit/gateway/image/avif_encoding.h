/* AVIF files, by libavif itself: the encoder of libgd leaks. */
#ifndef TESTS_UNIT_GATEWAY_IMAGE_AVIF_ENCODING_H
#define TESTS_UNIT_GATEWAY_IMAGE_AVIF_ENCODING_H

#include <avif/avif.h>
#include <gd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static inline void avif_encoding_fill(avifRGBImage *rgb, gdImagePtr image)
{
    for (int y = 0; y < gdImageSY(image); y++) {
        uint8_t *at = rgb->pixels + (size_t)y * rgb->rowBytes;
        for (int x = 0; x < gdImageSX(image); x++, at += 4) {
            int colour = gdImageGetTrueColorPixel(image, x, y), alpha = gdTrueColorGetAlpha(colour);
            at[0] = (uint8_t)gdTrueColorGetRed(colour);
            at[1] = (uint8_t)gdTrueColorGetGreen(colour);
            at[2] = (uint8_t)gdTrueColorGetBlue(colour);
            at[3] = (uint8_t)(255 - 2 * alpha - (alpha >> 6));
        }
    }
}

/* The caller frees it. */
static inline unsigned char *avif_encoding_make(gdImagePtr image, bool with_alpha, size_t *size_out)
{
    avifImage *avif = avifImageCreate((uint32_t)gdImageSX(image), (uint32_t)gdImageSY(image), 8,
                                      AVIF_PIXEL_FORMAT_YUV444);
    avifEncoder *encoder = avifEncoderCreate();
    avifRWData written = AVIF_DATA_EMPTY;
    avifRGBImage rgb;

    avifRGBImageSetDefaults(&rgb, avif);
    rgb.ignoreAlpha = with_alpha ? AVIF_FALSE : AVIF_TRUE;
    rgb.rowBytes = rgb.width * 4;
    rgb.pixels = calloc(rgb.height, rgb.rowBytes);
    avif_encoding_fill(&rgb, image);
    assert_int_equal(avifImageRGBToYUV(avif, &rgb), AVIF_RESULT_OK);
    encoder->speed = AVIF_SPEED_FASTEST;
    encoder->minQuantizer = encoder->maxQuantizer = 10;
    assert_int_equal(avifEncoderWrite(encoder, avif, &written), AVIF_RESULT_OK);
    unsigned char *file = malloc(written.size);
    memcpy(file, written.data, written.size);
    *size_out = written.size;
    avifRWDataFree(&written);
    avifEncoderDestroy(encoder);
    avifImageDestroy(avif);
    free(rgb.pixels);
    return file;
}

#endif
