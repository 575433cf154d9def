/* Pictures of every format, valid and broken, made with libgd and libavif, and checks of avatars.
 */
#ifndef TESTS_UNIT_GATEWAY_IMAGE_AVATAR_FILES_H
#define TESTS_UNIT_GATEWAY_IMAGE_AVATAR_FILES_H

#include <gd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/image/avatar.h"
#include "tests/unit/gateway/image/avif_encoding.h"
#include "tests/unit/unit.h"

/* A rejected allocation is NULL under a sanitizer, too. */
#if defined(__SANITIZE_ADDRESS__)
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#elif defined(__SANITIZE_THREAD__)
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

struct file {
    unsigned char *data;
    size_t size;
};

/* Making files */

static inline struct file file_copy(const void *data, size_t size)
{
    struct file file = { .data = malloc(size > 0 ? size : 1), .size = size };
    assert_non_null(file.data);
    if (size > 0)
        memcpy(file.data, data, size);
    return file;
}

static inline struct file file_take_gd(void *data, int size)
{
    assert_non_null(data);
    struct file file = file_copy(data, (size_t)size);
    gdFree(data);
    return file;
}

static inline void file_insert(struct file *file, size_t at, const void *bytes, size_t size)
{
    file->data = realloc(file->data, file->size + size);
    assert_non_null(file->data);
    memmove(file->data + at + size, file->data + at, file->size - at);
    memcpy(file->data + at, bytes, size);
    file->size += size;
}

static inline size_t file_find(const struct file *file, const void *bytes, size_t size)
{
    for (size_t at = 0; at + size <= file->size; at++)
        if (memcmp(file->data + at, bytes, size) == 0)
            return at;
    fail_msg("bytes not found");
    return 0;
}

static inline bool contains(const unsigned char *data, size_t size, const char *text)
{
    for (size_t at = 0; at + strlen(text) <= size; at++)
        if (memcmp(data + at, text, strlen(text)) == 0)
            return true;
    return false;
}

static const int corner_colours[4] = { 0xE02020, 0x20C020, 0x2020E0, 0xE0E020 };

/* Four quarters: red, green / blue, yellow. */
static inline gdImagePtr draw(int width, int height)
{
    gdImagePtr image = gdImageCreateTrueColor(width, height);
    assert_non_null(image);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            gdImageTrueColorPixel(image, x, y) =
                corner_colours[(y >= height / 2) * 2 + (x >= width / 2)];
    return image;
}

static inline gdImagePtr draw_with_hole(int width, int height)
{
    gdImagePtr image = draw(width, height);
    gdImageAlphaBlending(image, 0);
    gdImageSaveAlpha(image, 1);
    gdImageFilledRectangle(image, width / 4, height / 4, width / 2, height / 2,
                           gdTrueColorAlpha(0, 0, 0, gdAlphaTransparent));
    return image;
}

enum kind {
    PNG,
    PNG_ALPHA,
    PNG_PALETTE,
    JPEG,
    JPEG_PROGRESSIVE,
    GIF,
    WEBP,
    WEBP_ALPHA,
    BMP,
    AVIF,
    AVIF_ALPHA,
    KINDS
};

static inline struct file make(enum kind kind, int width, int height)
{
    bool hole = kind == PNG_ALPHA || kind == WEBP_ALPHA || kind == AVIF_ALPHA;
    gdImagePtr image = hole ? draw_with_hole(width, height) : draw(width, height);
    void *data = NULL;
    int size = 0;

    if (kind == PNG_PALETTE || kind == GIF)
        gdImageTrueColorToPalette(image, 0, 16);
    if (kind == JPEG_PROGRESSIVE)
        gdImageInterlace(image, 1);
    if (kind == PNG || kind == PNG_ALPHA || kind == PNG_PALETTE)
        data = gdImagePngPtr(image, &size);
    else if (kind == JPEG || kind == JPEG_PROGRESSIVE)
        data = gdImageJpegPtr(image, &size, 95);
    else if (kind == GIF)
        data = gdImageGifPtr(image, &size);
    else if (kind == BMP)
        data = gdImageBmpPtr(image, &size, 0);
    else if (kind == WEBP || kind == WEBP_ALPHA)
        data = gdImageWebpPtr(image, &size);
    bool avif = kind == AVIF || kind == AVIF_ALPHA;
    struct file file = { .size = 0 };
    if (avif)
        file.data = avif_encoding_make(image, hole, &file.size);
    else
        file = file_take_gd(data, size);
    gdImageDestroy(image);
    return file;
}

static inline uint32_t crc32_of(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static inline void put_big_endian(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline uint32_t get_big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put_little_endian(unsigned char *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Makes the checksums right again, so that a changed PNG gets past them. */
static inline void png_mend_checksums(struct file *file)
{
    size_t at = 8;
    while (at + 12 <= file->size) {
        size_t length = get_big_endian(file->data + at);
        if (length > file->size - at - 12)
            return;
        put_big_endian(file->data + at + 8 + length, crc32_of(file->data + at + 4, length + 4));
        at += 12 + length;
    }
}

static inline void png_insert_chunk(struct file *file, const char *type, const void *data,
                                    size_t size)
{
    unsigned char *chunk = calloc(1, size + 12);
    assert_non_null(chunk);
    put_big_endian(chunk, (uint32_t)size);
    memcpy(chunk + 4, type, 4);
    memcpy(chunk + 8, data, size);
    put_big_endian(chunk + 8 + size, crc32_of(chunk + 4, size + 4));
    file_insert(file, 8 + 25, chunk, size + 12);
    free(chunk);
}

static inline struct file png_claiming(uint32_t width, uint32_t height)
{
    struct file file = make(PNG, 8, 8);
    put_big_endian(file.data + 16, width);
    put_big_endian(file.data + 20, height);
    png_mend_checksums(&file);
    return file;
}

static inline struct file jpeg_claiming(unsigned width, unsigned height)
{
    struct file file = make(JPEG, 8, 8);
    size_t frame = file_find(&file, "\xFF\xC0\x00\x11\x08", 5);
    file.data[frame + 5] = (unsigned char)(height >> 8);
    file.data[frame + 6] = (unsigned char)height;
    file.data[frame + 7] = (unsigned char)(width >> 8);
    file.data[frame + 8] = (unsigned char)width;
    return file;
}

/* An EXIF segment whose only entry is the orientation. */
static inline void jpeg_insert_orientation(struct file *file, unsigned orientation, bool big)
{
    unsigned char segment[] = "\xFF\xE1\x00\x22"
                              "Exif\0\0II*\0\x08\0\0\0\x01\0"
                              "\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    static const unsigned char big_tiff[] = "MM\0*\0\0\0\x08\0\x01"
                                            "\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    if (big)
        memcpy(segment + 10, big_tiff, sizeof(big_tiff) - 1);
    segment[10 + 18 + (big ? 1 : 0)] = (unsigned char)orientation;
    file_insert(file, 2, segment, sizeof(segment) - 1);
}

static inline size_t gif_frame_at(const struct file *file)
{
    return file_find(file, ",\0\0\0\0", 5);
}

static inline struct file gif_claiming(unsigned width, unsigned height)
{
    struct file file = make(GIF, 8, 8);
    size_t frame = gif_frame_at(&file);
    put_little_endian(file.data + 6, width, 2);
    put_little_endian(file.data + 8, height, 2);
    put_little_endian(file.data + frame + 5, width, 2);
    put_little_endian(file.data + frame + 7, height, 2);
    return file;
}

/* A chunk of a WebP, at its end; the size of the file is not mended. */
static inline void webp_append(struct file *file, const char *type, const void *data, size_t size)
{
    unsigned char head[8];
    memcpy(head, type, 4);
    put_little_endian(head + 4, (uint32_t)size, 4);
    file_insert(file, file->size, head, sizeof(head));
    file_insert(file, file->size, data, size);
    if (size % 2 != 0)
        file_insert(file, file->size, "", 1);
    put_little_endian(file->data + 4, (uint32_t)file->size - 8, 4);
}

static inline struct file webp_extended(unsigned flags, uint32_t width, uint32_t height)
{
    unsigned char head[30] = "RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0";
    head[20] = (unsigned char)flags;
    put_little_endian(head + 24, width - 1, 3);
    put_little_endian(head + 27, height - 1, 3);
    return file_copy(head, sizeof(head));
}

/* Its frames are still pictures of the kind WEBP or WEBP_ALPHA, which it takes. */
static inline void webp_append_frame(struct file *file, struct file still, uint32_t x, uint32_t y,
                                     uint32_t width, uint32_t height)
{
    size_t skip = memcmp(still.data + 12, "VP8X", 4) == 0 ? 30 : 12;
    struct file frame = file_copy(still.data + skip, still.size - skip);
    unsigned char head[16] = { 0 };
    put_little_endian(head, x / 2, 3);
    put_little_endian(head + 3, y / 2, 3);
    put_little_endian(head + 6, width - 1, 3);
    put_little_endian(head + 9, height - 1, 3);
    head[12] = 100;
    file_insert(&frame, 0, head, sizeof(head));
    webp_append(file, "ANMF", frame.data, frame.size);
    free(frame.data);
    free(still.data);
}

static inline struct file webp_animation(uint32_t width, uint32_t height)
{
    struct file file = webp_extended(0x12, width, height);
    webp_append(&file, "ANIM", "\xFF\xFF\xFF\xFF\0\0", 6);
    return file;
}

/* EXIF data whose only entry is the orientation. */
static inline struct file exif_of(unsigned orientation)
{
    struct file file =
        file_copy("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0", 26);
    file.data[18] = (unsigned char)orientation;
    return file;
}

/* Checking what comes out */

static inline gdImagePtr decode(const struct avatar *avatar)
{
    return strcmp(avatar->content_type, "image/png") == 0
               ? gdImageCreateFromPngPtr((int)avatar->size, avatar->data)
               : gdImageCreateFromJpegPtr((int)avatar->size, avatar->data);
}

static inline void assert_typed(const struct avatar *avatar)
{
    bool png = strcmp(avatar->content_type, "image/png") == 0;

    assert_string_equal(avatar->content_type, png ? "image/png" : "image/jpeg");
    assert_string_equal(avatar->extension, png ? ".png" : ".jpg");
}

/* All that the header promises of any avatar. */
static inline void assert_sound(const struct avatar *avatar)
{
    assert_in_range(avatar->size, 1, AVATAR_BYTES_MAX);
    assert_in_range(avatar->width, 1, AVATAR_SIDE_MAX);
    assert_in_range(avatar->height, 1, AVATAR_SIDE_MAX);
    assert_typed(avatar);
    gdImagePtr image = decode(avatar);
    assert_non_null(image);
    assert_int_equal(gdImageSX(image), avatar->width);
    assert_int_equal(gdImageSY(image), avatar->height);
    gdImageDestroy(image);
}

static inline void assert_empty(const struct avatar *avatar)
{
    assert_null(avatar->data);
    assert_int_equal(avatar->size, 0);
}

static inline void assert_becomes(struct file file, int width, int height, const char *content_type)
{
    struct avatar avatar;
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
    assert_sound(&avatar);
    assert_int_equal(avatar.width, width);
    assert_int_equal(avatar.height, height);
    assert_string_equal(avatar.content_type, content_type);
    avatar_finish(&avatar);
    free(file.data);
}

/* Takes the file. */
static inline void assert_result(struct file file, enum avatar_result expected)
{
    struct avatar avatar;
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), expected);
    if (expected != AVATAR_OK)
        assert_empty(&avatar);
    avatar_finish(&avatar);
    free(file.data);
}

static inline bool is_near(int colour, int expected)
{
    return abs(gdTrueColorGetRed(colour) - gdTrueColorGetRed(expected)) < 40 &&
           abs(gdTrueColorGetGreen(colour) - gdTrueColorGetGreen(expected)) < 40 &&
           abs(gdTrueColorGetBlue(colour) - gdTrueColorGetBlue(expected)) < 40;
}

/* `order`: which of the four colours is at top left, top right, bottom left, bottom right. */
static inline void assert_corners(const struct avatar *avatar, const char *order)
{
    gdImagePtr image = decode(avatar);
    assert_non_null(image);
    for (int i = 0; i < 4; i++) {
        int x = gdImageSX(image) * (i % 2 == 0 ? 1 : 3) / 4;
        int y = gdImageSY(image) * (i / 2 == 0 ? 1 : 3) / 4;
        assert_true(is_near(gdImageGetTrueColorPixel(image, x, y), corner_colours[order[i] - '0']));
    }
    gdImageDestroy(image);
}

#endif
