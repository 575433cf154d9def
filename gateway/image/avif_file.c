#include "gateway/image/avif_file.h"

#include <avif/avif.h>
#include <stdlib.h>
#include <string.h>

static bool is_avif(const unsigned char *data, size_t size)
{
    avifROData file = { .data = data, .size = size };

    return size >= 12 && memcmp(data + 4, "ftyp", 4) == 0 && avifPeekCompatibleFileType(&file);
}

/* NULL when memory is exhausted or the container is bad; `result_out` says which. */
static avifDecoder *open_file(const void *data, size_t size, avifResult *result_out)
{
    avifDecoder *decoder = avifDecoderCreate();

    *result_out = AVIF_RESULT_OUT_OF_MEMORY;
    if (decoder == NULL)
        return NULL;
    decoder->maxThreads = 1;
    decoder->ignoreExif = AVIF_TRUE;
    decoder->ignoreXMP = AVIF_TRUE;
    decoder->strictFlags = AVIF_STRICT_DISABLED; /* as viewers do */
    decoder->imageSizeLimit = AVIF_FILE_PIXELS_MAX;
    *result_out = avifDecoderSetIOMemory(decoder, data, size);
    if (*result_out == AVIF_RESULT_OK)
        *result_out = avifDecoderParse(decoder);
    if (*result_out == AVIF_RESULT_OK)
        return decoder;
    avifDecoderDestroy(decoder);
    return NULL;
}

/* The EXIF orientation that has the same effect as a rotation (irot) followed by a mirroring
 * (imir). */
static unsigned orientation_of(const avifImage *image)
{
    static const unsigned orientations[4][3] = {
        { 1, 4, 2 }, { 8, 5, 7 }, { 3, 2, 4 }, { 6, 7, 5 }
    };
    unsigned angle = (image->transformFlags & AVIF_TRANSFORM_IROT) != 0 ? image->irot.angle & 3 : 0;
    unsigned mirror = 0;

    if ((image->transformFlags & AVIF_TRANSFORM_IMIR) != 0)
#if AVIF_VERSION_MAJOR >= 1
        mirror = (image->imir.axis & 1) + 1u;
#else
        mirror = (image->imir.mode & 1) + 1u;
#endif
    return orientations[angle][mirror];
}

bool avif_file_probe(struct byte_reader in, struct image_probe *probe)
{
    avifResult result;

    if (!is_avif(in.at, in.left))
        return false;
    avifDecoder *decoder = open_file(in.at, in.left, &result);
    if (decoder == NULL)
        return false;
    probe->width = decoder->image->width;
    probe->height = decoder->image->height;
    probe->orientation = orientation_of(decoder->image);
    /* 16 bits for each of four channels, twice in the decoder, the pixels here, and libgd's. */
    probe->bytes_per_pixel = 24;
    avifDecoderDestroy(decoder);
    return true;
}

static bool to_argb(const avifImage *image, struct image_pixels *pixels)
{
    avifRGBImage rgb;
    size_t count = (size_t)image->width * image->height;

    avifRGBImageSetDefaults(&rgb, image);
    rgb.format = AVIF_RGB_FORMAT_BGRA; /* 0xAARRGGBB in little endian */
    rgb.depth = 8;
    rgb.rowBytes = image->width * 4;
    rgb.pixels = malloc(count * 4);
    if (rgb.pixels == NULL || avifImageYUVToRGB(image, &rgb) != AVIF_RESULT_OK) {
        free(rgb.pixels);
        return false;
    }
    *pixels = (struct image_pixels){ image->width, image->height, (void *)rgb.pixels };
    for (size_t i = 0; i < count; i++)
        pixels->argb[i] = byte_reader_little_endian((const unsigned char *)&pixels->argb[i], 4);
    return true;
}

bool avif_file_decode(const void *data, size_t size, struct image_pixels *pixels_out)
{
    avifResult result;
    avifDecoder *decoder = open_file(data, size, &result);
    bool done = decoder != NULL && avifDecoderNextImage(decoder) == AVIF_RESULT_OK &&
                (uint64_t)decoder->image->width * decoder->image->height <= AVIF_FILE_PIXELS_MAX &&
                to_argb(decoder->image, pixels_out);

    if (decoder != NULL)
        avifDecoderDestroy(decoder);
    return done;
}
