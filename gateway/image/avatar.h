/*
 * Profile pictures: turns an uploaded file, which may be hostile, into a small picture.
 *
 * Only the pixels of the upload survive: the picture is decoded, scaled and re-encoded, so
 * metadata, comments and trailing bytes are removed.
 *
 * This is the only file that includes libgd.
 */
#ifndef GATEWAY_IMAGE_AVATAR_H
#define GATEWAY_IMAGE_AVATAR_H

#include <stddef.h>

enum {
    AVATAR_SIDE_MAX = 512,               /* pixels, of the result */
    AVATAR_BYTES_MAX = 700 * 1024,       /* of the result */
    AVATAR_SOURCE_SIDE_MAX = 16384,      /* pixels, of an upload */
    AVATAR_SOURCE_PIXELS_MAX = 50000000, /* width times height, of an upload */
};

enum avatar_result {
    AVATAR_OK,
    AVATAR_NOT_AN_IMAGE, /* no PNG, JPEG, GIF, WebP, BMP or AVIF that decodes completely */
    AVATAR_TOO_LARGE,    /* its header claims more pixels, or more work, than we accept */
    AVATAR_FAILED, /* a failure of this process: no memory, no thread. The same upload may succeed
                      later */
};

struct avatar {
    unsigned char *data;
    size_t size;              /* 1 to AVATAR_BYTES_MAX */
    const char *extension;    /* static: ".jpg" or ".png" */
    const char *content_type; /* static: "image/jpeg" or "image/png" */
    int width;                /* both 1 to AVATAR_SIDE_MAX */
    int height;
};

/*
 * Decodes `upload` and makes an avatar of it: turned upright by its EXIF
 * orientation (JPEG, WebP, PNG) or its container's (AVIF), shrunk to fit a square of
 * AVATAR_SIDE_MAX keeping its proportions (never enlarged), as a JPEG if it is opaque and as a PNG
 * if it is not. Of an animation the first frame is taken. The same upload gives the same bytes.
 *
 * Sizes are read from the headers and checked before any pixel is decoded; a refusal for size
 * costs neither memory nor waiting. A truncated or damaged file is refused;
 * a JPEG that lacks nothing but its end marker is not. Nothing is logged
 * or printed.
 *
 * `upload` is borrowed for the call. On AVATAR_OK `*avatar_out` is the caller's, to be released
 * with avatar_finish(); on anything else it is empty, and finishing it does no harm.
 *
 * Any thread, also one with a small stack: decoding has a thread of its own. One decode at a time
 * in a process, others wait for it, so that the memory it takes is bounded: at most 12 bytes a
 * pixel of the source (600 MB at the limit of pixels; 200 MB for an ordinary photograph of that
 * size), plus a copy of the upload. If the process may not have that much, it is AVATAR_FAILED
 * before anything is decoded. Blocks for milliseconds as a rule and a few seconds at the worst.
 */
enum avatar_result avatar_normalise(const void *upload, size_t size, struct avatar *avatar_out)
    __attribute__((warn_unused_result));

/* Releases the picture and empties the struct. Accepts an empty one and NULL. */
void avatar_finish(struct avatar *avatar);

#endif
