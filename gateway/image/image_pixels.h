#ifndef GATEWAY_IMAGE_IMAGE_PIXELS_H
#define GATEWAY_IMAGE_IMAGE_PIXELS_H

#include <stdint.h>

/* A decoded picture. */
struct image_pixels {
    uint32_t width, height;
    uint32_t
        *argb; /* rows from the top; 0xAARRGGBB, not premultiplied, alpha 255 is opaque; malloc() */
};

#endif
