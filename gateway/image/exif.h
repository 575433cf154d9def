#ifndef GATEWAY_IMAGE_EXIF_H
#define GATEWAY_IMAGE_EXIF_H

#include "gateway/image/byte_reader.h"

/* The orientation in EXIF data (a TIFF structure, after "Exif\0\0" or without it), of any format of
 * pictures. 0 if there is none; values other than 1 to 8 are possible. */
unsigned exif_orientation(struct byte_reader data);

#endif
