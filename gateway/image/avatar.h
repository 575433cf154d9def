/*
 * Profile pictures: a file that a stranger uploaded becomes a small, clean picture of our own.
 *
 * Nothing of the upload survives but its pixels: metadata, comments, trailing bytes and anything
 * hidden in them are gone, because the picture is drawn anew and encoded again.
 *
 * This is the only place that knows libgd.
 */
#ifndef GATEWAY_IMAGE_AVATAR_H
#define GATEWAY_IMAGE_AVATAR_H

#include <stddef.h>

enum {
    AVATAR_SIDE_MAX = 512,               /* pixels, of what comes out */
    AVATAR_BYTES_MAX = 700 * 1024,       /* of what comes out */
    AVATAR_SOURCE_SIDE_MAX = 16384,      /* pixels, of what may go in */
    AVATAR_SOURCE_PIXELS_MAX = 50000000, /* width times height of what may go in */
};

enum avatar_result {
    AVATAR_OK,
    AVATAR_NOT_AN_IMAGE, /* no PNG, JPEG, GIF or still WebP that decodes completely */
    AVATAR_TOO_LARGE,    /* its header claims more pixels, or more work, than we accept */
    AVATAR_FAILED,       /* our fault: no memory, no thread. The same upload may work later */
};

struct avatar {
    unsigned char *data;
    size_t size;              /* 1 to AVATAR_BYTES_MAX */
    char name[40];            /* "<32 hex>.<ext>", the hex from the SHA-256 of data */
    const char *content_type; /* static: "image/jpeg" (.jpg) or "image/png" (.png) */
    int width;                /* both 1 to AVATAR_SIDE_MAX */
    int height;
};

/*
 * Decodes `upload`, which may be hostile, and makes the avatar of it: turned upright by its EXIF
 * orientation (JPEG), shrunk to fit a square of AVATAR_SIDE_MAX keeping its proportions (never
 * enlarged), as a JPEG if it is opaque and as a PNG if it is not. Of an animated GIF the first
 * frame is taken; an animated WebP is not an image here. The same upload gives the same bytes
 * and so the same name.
 *
 * Sizes are read from the headers and judged before any pixel is decoded; a refusal for size
 * costs neither memory nor waiting. A file that is cut short or damaged is refused, not guessed at.
 * Nothing is logged; libpng alone may print one line of its own about a PNG made to be damaged.
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
