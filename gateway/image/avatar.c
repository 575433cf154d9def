#include "gateway/image/avatar.h"

#include <gd.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/image/avif_file.h"
#include "gateway/image/bmp_file.h"
#include "gateway/image/image_probe.h"
#include "gateway/image/webp_file.h"
#include "services/common/base/thread.h"

enum {
    JPEG_QUALITY = 85,
    DECODER_STACK_BYTES = 4 * 1024 * 1024, /* dav1d's are of hundreds of KiB */
    /* A progressive JPEG goes over all its pixels once per scan, and a few bytes make a scan.
     * Real ones have about 10. */
    JPEG_SCANS_AT_FULL_SIZE = 16,
};

struct job {
    const void *upload;
    size_t size;
    const struct image_probe *probe;
    struct avatar *avatar;
    enum avatar_result result;
};

/* libgd reports through one global hook, and memory is bounded by decoding one image at a time. */
static pthread_mutex_t decode_lock = PTHREAD_MUTEX_INITIALIZER;
static bool jpeg_is_damaged; /* guarded by decode_lock */

/* PNG */

/* libgd knows one transparent colour of a true-colour PNG but does not apply it when scaling. */
static void png_apply_transparent_colour(gdImagePtr image)
{
    int key = gdImageGetTransparent(image);

    if (!gdImageTrueColor(image) || key < 0)
        return;
    for (int y = 0; y < gdImageSY(image); y++)
        for (int x = 0; x < gdImageSX(image); x++)
            if (gdImageTrueColorPixel(image, x, y) == key)
                gdImageTrueColorPixel(image, x, y) = gdTrueColorAlpha(0, 0, 0, gdAlphaTransparent);
}

/* Compressed text and colour profiles are left out: they are needless work. */
static gdImagePtr png_decode(const struct job *job)
{
    gdImagePtr image = NULL;
    size_t size = 0;
    unsigned char *drawing = malloc(job->size);

    if (drawing == NULL)
        return NULL;
    if (image_probe_copy_png(job->upload, job->size, drawing, &size))
        image = gdImageCreateFromPngPtr((int)size, drawing);
    if (image != NULL)
        png_apply_transparent_colour(image);
    free(drawing);
    return image;
}

/* JPEG */

/* libgd keeps silent about the damage that libjpeg met, other than through this. */
static void note_damage(int priority, const char *format, va_list args)
{
    (void)priority;
    if (strstr(format, "recoverable error: %s") == NULL)
        return;
    const char *what = va_arg(args, const char *);
    /* Cameras do write stray bytes between segments; every viewer passes over them. */
    if (strstr(what, "extraneous bytes") != NULL)
        return;
    if (strncmp(what, "Corrupt", 7) == 0 || strncmp(what, "Premature", 9) == 0)
        jpeg_is_damaged = true;
}

/* With an end marker in place of the missing one, libjpeg reports whether data is missing, too. */
static gdImagePtr jpeg_decode_without_end(const struct job *job)
{
    static const unsigned char end[2] = { 0xFF, 0xD9 };
    unsigned char *whole = malloc(job->size + sizeof(end));
    gdImagePtr image = NULL;

    if (whole == NULL)
        return NULL;
    memcpy(whole, job->upload, job->size);
    memcpy(whole + job->size, end, sizeof(end));
    image = gdImageCreateFromJpegPtrEx((int)(job->size + sizeof(end)), whole, 0);
    free(whole);
    return image;
}

static gdImagePtr jpeg_decode(const struct job *job)
{
    jpeg_is_damaged = false;
    gdImagePtr image =
        job->probe->lacks_end
            ? jpeg_decode_without_end(job)
            : gdImageCreateFromJpegPtrEx((int)job->size, (void *)(uintptr_t)job->upload, 0);
    if (image != NULL && jpeg_is_damaged) {
        gdImageDestroy(image);
        return NULL;
    }
    return image;
}

/* GIF */

static gdImagePtr gif_decode(const struct job *job)
{
    if (!image_probe_gif_is_sound(job->probe))
        return NULL;
    return gdImageCreateFromGifPtr((int)job->size, (void *)(uintptr_t)job->upload);
}

/* WebP */

/* Takes the frame. On a transparent picture, as browsers show it. */
static gdImagePtr webp_place_take(gdImagePtr frame, const struct image_probe *probe)
{
    int width = (int)probe->width, height = (int)probe->height;

    if (frame == NULL || (gdImageSX(frame) == width && gdImageSY(frame) == height))
        return frame;
    gdImagePtr image = gdImageCreateTrueColor(width, height);
    if (image != NULL) {
        gdImageAlphaBlending(image, 0);
        gdImageFilledRectangle(image, 0, 0, width - 1, height - 1,
                               gdTrueColorAlpha(0, 0, 0, gdAlphaTransparent));
        gdImageCopy(image, frame, (int)probe->frame_x, (int)probe->frame_y, 0, 0, gdImageSX(frame),
                    gdImageSY(frame));
    }
    gdImageDestroy(frame);
    return image;
}

static gdImagePtr webp_decode(const struct job *job)
{
    size_t size;

    if (job->probe->frame == NULL)
        return gdImageCreateFromWebpPtr((int)job->size, (void *)(uintptr_t)job->upload);
    unsigned char *still = webp_file_still_of(job->probe, &size);
    if (still == NULL)
        return NULL;
    gdImagePtr frame = gdImageCreateFromWebpPtr((int)size, still);
    free(still);
    return webp_place_take(frame, job->probe);
}

/* BMP, AVIF */

/* libgd has 7 bits of alpha, and 0 is opaque. */
static gdImagePtr image_of_pixels_take(struct image_pixels *pixels)
{
    gdImagePtr image = gdImageCreateTrueColor((int)pixels->width, (int)pixels->height);
    const uint32_t *at = pixels->argb;

    for (int y = 0; image != NULL && y < gdImageSY(image); y++)
        for (int x = 0; x < gdImageSX(image); x++, at++)
            gdImageTrueColorPixel(image, x, y) =
                (int)((255 - (*at >> 24)) / 2 << 24 | (*at & 0xFFFFFF));
    free(pixels->argb);
    return image;
}

static gdImagePtr bmp_decode(const struct job *job)
{
    struct image_pixels pixels;

    return bmp_file_decode(job->upload, job->size, &pixels) ? image_of_pixels_take(&pixels) : NULL;
}

static gdImagePtr avif_decode(const struct job *job)
{
    struct image_pixels pixels;

    return avif_file_decode(job->upload, job->size, &pixels) ? image_of_pixels_take(&pixels) : NULL;
}

static gdImagePtr (*const decoders[IMAGE_FORMATS])(const struct job *job) = {
    [IMAGE_PNG] = png_decode,   [IMAGE_JPEG] = jpeg_decode, [IMAGE_GIF] = gif_decode,
    [IMAGE_WEBP] = webp_decode, [IMAGE_BMP] = bmp_decode,   [IMAGE_AVIF] = avif_decode,
};

static enum avatar_result judge_probe(const struct image_probe *probe)
{
    uint64_t pixels = (uint64_t)probe->width * probe->height;

    if (pixels == 0)
        return AVATAR_NOT_AN_IMAGE;
    if (probe->width > AVATAR_SOURCE_SIDE_MAX || probe->height > AVATAR_SOURCE_SIDE_MAX)
        return AVATAR_TOO_LARGE;
    if (pixels > AVATAR_SOURCE_PIXELS_MAX)
        return AVATAR_TOO_LARGE;
    if (pixels * probe->scans > (uint64_t)AVATAR_SOURCE_PIXELS_MAX * JPEG_SCANS_AT_FULL_SIZE)
        return AVATAR_TOO_LARGE;
    return AVATAR_OK;
}

/* A copy that fits a square of `side`, never larger than the source. */
static gdImagePtr shrink_image(gdImagePtr source, int side)
{
    int width = gdImageSX(source), height = gdImageSY(source);
    int longer = width > height ? width : height;

    if (longer > side) {
        width = (width * side + longer / 2) / longer;
        height = (height * side + longer / 2) / longer;
    }
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    gdImagePtr image = gdImageCreateTrueColor(width, height);
    if (image == NULL)
        return NULL;
    gdImageAlphaBlending(image, 0);
    gdImageSaveAlpha(image, 1);
    gdImageCopyResampled(image, source, 0, 0, 0, 0, width, height, gdImageSX(source),
                         gdImageSY(source));
    return image;
}

/* Applies the EXIF orientation. Owns `image`, and returns it or a new one. */
static gdImagePtr turn_upright_take(gdImagePtr image, unsigned orientation)
{
    static const struct {
        bool transpose, flip_x, flip_y;
    } turns[] = {
        [2] = { .flip_x = true },
        [3] = { .flip_x = true, .flip_y = true },
        [4] = { .flip_y = true },
        [5] = { .transpose = true },
        [6] = { .transpose = true, .flip_y = true },
        [7] = { .transpose = true, .flip_x = true, .flip_y = true },
        [8] = { .transpose = true, .flip_x = true },
    };

    if (image == NULL || orientation < 2 || orientation > 8)
        return image;
    bool transpose = turns[orientation].transpose;
    int width = gdImageSX(image), height = gdImageSY(image);
    gdImagePtr turned =
        gdImageCreateTrueColor(transpose ? height : width, transpose ? width : height);
    for (int y = 0; turned != NULL && y < gdImageSY(turned); y++) {
        for (int x = 0; x < gdImageSX(turned); x++) {
            int from_x = transpose ? y : x, from_y = transpose ? x : y;
            from_x = turns[orientation].flip_x ? width - 1 - from_x : from_x;
            from_y = turns[orientation].flip_y ? height - 1 - from_y : from_y;
            gdImageTrueColorPixel(turned, x, y) = gdImageTrueColorPixel(image, from_x, from_y);
        }
    }
    gdImageDestroy(image);
    return turned;
}

static bool is_opaque(gdImagePtr image)
{
    for (int y = 0; y < gdImageSY(image); y++)
        for (int x = 0; x < gdImageSX(image); x++)
            if (gdTrueColorGetAlpha(gdImageTrueColorPixel(image, x, y)) != gdAlphaOpaque)
                return false;
    return true;
}

static bool encode_image(gdImagePtr image, struct avatar *avatar)
{
    bool opaque = is_opaque(image);
    int size = 0;

    avatar->data =
        opaque ? gdImageJpegPtr(image, &size, JPEG_QUALITY) : gdImagePngPtr(image, &size);
    if (avatar->data == NULL || size <= 0)
        return false;
    avatar->size = (size_t)size;
    avatar->extension = opaque ? ".jpg" : ".png";
    avatar->content_type = opaque ? "image/jpeg" : "image/png";
    avatar->width = gdImageSX(image);
    avatar->height = gdImageSY(image);
    return true;
}

/* Takes `image`. A noisy picture with transparency may need smaller sides to fit the bytes. */
static bool encode_to_fit_take(gdImagePtr image, struct avatar *avatar)
{
    bool done = false;
    int side = AVATAR_SIDE_MAX;

    while (image != NULL && !done) {
        if (!encode_image(image, avatar))
            break;
        done = avatar->size <= AVATAR_BYTES_MAX;
        if (done)
            break;
        avatar_finish(avatar);
        side = side * 3 / 4;
        gdImagePtr smaller = shrink_image(image, side);
        gdImageDestroy(image);
        image = smaller;
    }
    if (image != NULL)
        gdImageDestroy(image);
    return done;
}

/* Asked before decoding, because a decoder that runs out of memory looks like a bad file. */
static bool memory_is_there(const struct job *job)
{
    const struct image_probe *probe = job->probe;
    size_t bytes = (size_t)probe->width * probe->height * probe->bytes_per_pixel + job->size;
    void *volatile block = malloc(bytes); /* volatile, or the compiler drops the pair */
    bool there = block != NULL;

    free(block);
    return there;
}

/*
 * libpng and dav1d (of libavif) print what they think of a file to stderr, as many lines as the
 * file wants, and libgd and libavif do not let that be turned off. In glibc, stderr is a variable
 * that may be set. Meanwhile nothing of ours is lost but the last words before an abort: the log
 * writes to the descriptor. False when there is no descriptor left.
 */
static bool decode_silently(const struct job *job, gdImagePtr *image_out)
{
    static FILE *nowhere; /* guarded by decode_lock; never closed */
    FILE *before = stderr;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    if (nowhere == NULL)
        return false;
    stderr = nowhere;
    *image_out = decoders[job->probe->format](job);
    stderr = before;
    return true;
}

static void decode_job(void *arg)
{
    struct job *job = arg;

    gdSetErrorMethod(note_damage);
    job->result = AVATAR_FAILED;
    if (!memory_is_there(job))
        return;
    gdImagePtr source;
    if (!decode_silently(job, &source))
        return;
    if (source == NULL) {
        job->result = AVATAR_NOT_AN_IMAGE;
        return;
    }
    gdImagePtr small = shrink_image(source, AVATAR_SIDE_MAX);
    gdImageDestroy(source);
    small = turn_upright_take(small, job->probe->orientation);
    if (encode_to_fit_take(small, job->avatar))
        job->result = AVATAR_OK;
    else
        avatar_finish(job->avatar);
}

/* libgd's GIF reader alone puts 64 KiB on the stack, more than a caller's thread may have. */
static void run_on_own_thread(struct job *job)
{
    pthread_t thread;

    job->result = AVATAR_FAILED;
    pthread_mutex_lock(&decode_lock);
    if (thread_try_start("picture", DECODER_STACK_BYTES, decode_job, job, &thread))
        pthread_join(thread, NULL);
    pthread_mutex_unlock(&decode_lock);
    /* The rows of a large picture are too small for malloc to give back by itself. */
    malloc_trim(0);
}

enum avatar_result avatar_normalise(const void *upload, size_t size, struct avatar *avatar_out)
{
    struct image_probe probe;

    memset(avatar_out, 0, sizeof(*avatar_out));
    if (size > INT_MAX || !image_probe(upload, size, &probe))
        return AVATAR_NOT_AN_IMAGE;
    enum avatar_result result = judge_probe(&probe);
    if (result != AVATAR_OK)
        return result;
    struct job job = { .upload = upload, .size = size, .probe = &probe, .avatar = avatar_out };
    run_on_own_thread(&job);
    return job.result;
}

void avatar_finish(struct avatar *avatar)
{
    if (avatar == NULL)
        return;
    if (avatar->data != NULL)
        gdFree(avatar->data);
    memset(avatar, 0, sizeof(*avatar));
}
