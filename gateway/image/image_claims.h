/* What an uploaded picture claims to be; image_probe.h reads it. */
#ifndef GATEWAY_IMAGE_IMAGE_CLAIMS_H
#define GATEWAY_IMAGE_IMAGE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
