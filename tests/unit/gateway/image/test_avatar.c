/* gateway/avatar: every promise of its header, against pictures that libgd draws here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gd.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/image/avatar.h"

enum { MUTATION_ROUNDS = 3000 };

#if defined(__SANITIZE_ADDRESS__)
/* So that a refused allocation is a NULL, as it is without the sanitiser. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
enum { SMALL_STACK_BYTES = 256 * 1024 };
#elif defined(__SANITIZE_THREAD__)
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}
enum { SMALL_STACK_BYTES = 256 * 1024 };
#else
enum { SMALL_STACK_BYTES = 64 * 1024 };
#endif

struct file {
    unsigned char *data;
    size_t size;
};

/* Making files */

static struct file file_copy(const void *data, size_t size)
{
    struct file file = { .data = malloc(size > 0 ? size : 1), .size = size };
    assert_non_null(file.data);
    if (size > 0)
        memcpy(file.data, data, size);
    return file;
}

static struct file file_take_gd(void *data, int size)
{
    assert_non_null(data);
    struct file file = file_copy(data, (size_t)size);
    gdFree(data);
    return file;
}

static void file_insert(struct file *file, size_t at, const void *bytes, size_t size)
{
    file->data = realloc(file->data, file->size + size);
    assert_non_null(file->data);
    memmove(file->data + at + size, file->data + at, file->size - at);
    memcpy(file->data + at, bytes, size);
    file->size += size;
}

static size_t file_find(const struct file *file, const void *bytes, size_t size)
{
    for (size_t at = 0; at + size <= file->size; at++)
        if (memcmp(file->data + at, bytes, size) == 0)
            return at;
    fail_msg("bytes not found");
    return 0;
}

static bool contains(const unsigned char *data, size_t size, const char *text)
{
    for (size_t at = 0; at + strlen(text) <= size; at++)
        if (memcmp(data + at, text, strlen(text)) == 0)
            return true;
    return false;
}

static const int corner_colours[4] = { 0xE02020, 0x20C020, 0x2020E0, 0xE0E020 };

/* Four quarters: red, green / blue, yellow. */
static gdImagePtr draw(int width, int height)
{
    gdImagePtr image = gdImageCreateTrueColor(width, height);
    assert_non_null(image);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            gdImageTrueColorPixel(image, x, y) =
                corner_colours[(y >= height / 2) * 2 + (x >= width / 2)];
    return image;
}

static gdImagePtr draw_with_hole(int width, int height)
{
    gdImagePtr image = draw(width, height);
    gdImageAlphaBlending(image, 0);
    gdImageSaveAlpha(image, 1);
    gdImageFilledRectangle(image, width / 4, height / 4, width / 2, height / 2,
                           gdTrueColorAlpha(0, 0, 0, gdAlphaTransparent));
    return image;
}

enum kind { PNG, PNG_ALPHA, PNG_PALETTE, JPEG, JPEG_PROGRESSIVE, GIF, WEBP, WEBP_ALPHA, KINDS };

static struct file make(enum kind kind, int width, int height)
{
    bool hole = kind == PNG_ALPHA || kind == WEBP_ALPHA;
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
    else
        data = gdImageWebpPtr(image, &size);
    gdImageDestroy(image);
    return file_take_gd(data, size);
}

static uint32_t crc32_of(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void put_big_endian(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t get_big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_little_endian(unsigned char *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Makes the checksums right again, so that a changed PNG gets past them. */
static void png_mend_checksums(struct file *file)
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

static void png_insert_chunk(struct file *file, const char *type, const void *data, size_t size)
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

static struct file png_claiming(uint32_t width, uint32_t height)
{
    struct file file = make(PNG, 8, 8);
    put_big_endian(file.data + 16, width);
    put_big_endian(file.data + 20, height);
    png_mend_checksums(&file);
    return file;
}

static struct file jpeg_claiming(unsigned width, unsigned height)
{
    struct file file = make(JPEG, 8, 8);
    size_t frame = file_find(&file, "\xFF\xC0\x00\x11\x08", 5);
    file.data[frame + 5] = (unsigned char)(height >> 8);
    file.data[frame + 6] = (unsigned char)height;
    file.data[frame + 7] = (unsigned char)(width >> 8);
    file.data[frame + 8] = (unsigned char)width;
    return file;
}

static size_t gif_frame_at(const struct file *file)
{
    return file_find(file, ",\0\0\0\0", 5);
}

static struct file gif_claiming(unsigned width, unsigned height)
{
    struct file file = make(GIF, 8, 8);
    size_t frame = gif_frame_at(&file);
    put_little_endian(file.data + 6, width, 2);
    put_little_endian(file.data + 8, height, 2);
    put_little_endian(file.data + frame + 5, width, 2);
    put_little_endian(file.data + frame + 7, height, 2);
    return file;
}

static struct file webp_extended(unsigned flags, uint32_t width, uint32_t height)
{
    unsigned char head[30] = "RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0";
    head[20] = (unsigned char)flags;
    put_little_endian(head + 24, width - 1, 3);
    put_little_endian(head + 27, height - 1, 3);
    return file_copy(head, sizeof(head));
}

/* Checking what comes out */

static gdImagePtr decode(const struct avatar *avatar)
{
    return strcmp(avatar->content_type, "image/png") == 0
               ? gdImageCreateFromPngPtr((int)avatar->size, avatar->data)
               : gdImageCreateFromJpegPtr((int)avatar->size, avatar->data);
}

static void assert_named_by_content(const struct avatar *avatar)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char expected[40];

    assert_int_equal(EVP_Digest(avatar->data, avatar->size, digest, NULL, EVP_sha256(), NULL), 1);
    for (int i = 0; i < 16; i++)
        snprintf(expected + 2 * i, 3, "%02x", digest[i]);
    snprintf(expected + 32, 5, "%s",
             strcmp(avatar->content_type, "image/png") == 0 ? ".png" : ".jpg");
    assert_string_equal(avatar->name, expected);
}

/* All that the header promises of any avatar. */
static void assert_sound(const struct avatar *avatar)
{
    assert_in_range(avatar->size, 1, AVATAR_BYTES_MAX);
    assert_in_range(avatar->width, 1, AVATAR_SIDE_MAX);
    assert_in_range(avatar->height, 1, AVATAR_SIDE_MAX);
    assert_named_by_content(avatar);
    gdImagePtr image = decode(avatar);
    assert_non_null(image);
    assert_int_equal(gdImageSX(image), avatar->width);
    assert_int_equal(gdImageSY(image), avatar->height);
    gdImageDestroy(image);
}

static void assert_empty(const struct avatar *avatar)
{
    assert_null(avatar->data);
    assert_int_equal(avatar->size, 0);
}

static void assert_becomes(struct file file, int width, int height, const char *content_type)
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
static void assert_result(struct file file, enum avatar_result expected)
{
    struct avatar avatar;
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), expected);
    if (expected != AVATAR_OK)
        assert_empty(&avatar);
    avatar_finish(&avatar);
    free(file.data);
}

static bool is_near(int colour, int expected)
{
    return abs(gdTrueColorGetRed(colour) - gdTrueColorGetRed(expected)) < 40 &&
           abs(gdTrueColorGetGreen(colour) - gdTrueColorGetGreen(expected)) < 40 &&
           abs(gdTrueColorGetBlue(colour) - gdTrueColorGetBlue(expected)) < 40;
}

/* `order`: which of the four colours is at top left, top right, bottom left, bottom right. */
static void assert_corners(const struct avatar *avatar, const char *order)
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

/* Formats and sizes */

static void opaque_pictures_become_jpeg(void **state)
{
    (void)state;
    assert_becomes(make(PNG, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(PNG_PALETTE, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(JPEG, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(JPEG_PROGRESSIVE, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(GIF, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(WEBP, 40, 30), 40, 30, "image/jpeg");
}

static void transparent_pictures_become_png(void **state)
{
    (void)state;
    assert_becomes(make(PNG_ALPHA, 40, 30), 40, 30, "image/png");
    assert_becomes(make(WEBP_ALPHA, 40, 30), 40, 30, "image/png");
}

static void a_transparent_gif_colour_stays_transparent(void **state)
{
    (void)state;
    gdImagePtr image = gdImageCreate(16, 16);
    gdImageColorTransparent(image, gdImageColorAllocate(image, 255, 0, 255));
    gdImageFilledRectangle(image, 0, 0, 7, 15, gdImageColorAllocate(image, 0, 200, 0));
    int size = 0;
    void *data = gdImageGifPtr(image, &size);
    gdImageDestroy(image);
    assert_becomes(file_take_gd(data, size), 16, 16, "image/png");
}

static void a_transparent_colour_of_a_true_colour_png_stays_transparent(void **state)
{
    (void)state;
    gdImagePtr image = draw(16, 16);
    gdImageColorTransparent(image, corner_colours[0]);
    int size = 0;
    void *data = gdImagePngPtr(image, &size);
    gdImageDestroy(image);
    struct file file = file_take_gd(data, size);
    struct avatar avatar;
    (void)file_find(&file, "tRNS", 4);
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
    gdImagePtr out = decode(&avatar);
    assert_int_equal(gdTrueColorGetAlpha(gdImageGetTrueColorPixel(out, 2, 2)), gdAlphaTransparent);
    assert_int_equal(gdTrueColorGetAlpha(gdImageGetTrueColorPixel(out, 13, 2)), gdAlphaOpaque);
    gdImageDestroy(out);
    avatar_finish(&avatar);
    free(file.data);
}

static void every_format_keeps_its_picture(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind == PNG_ALPHA || kind == WEBP_ALPHA)
            continue;
        struct file file = make((enum kind)kind, 64, 48);
        struct avatar avatar;
        assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
        assert_corners(&avatar, "0123");
        avatar_finish(&avatar);
        free(file.data);
    }
}

static void large_pictures_shrink_and_keep_their_proportions(void **state)
{
    (void)state;
    assert_becomes(make(PNG, 1024, 512), 512, 256, "image/jpeg");
    assert_becomes(make(JPEG, 600, 1200), 256, 512, "image/jpeg");
    assert_becomes(make(GIF, 513, 512), 512, 511, "image/jpeg");
    assert_becomes(make(WEBP_ALPHA, 800, 800), 512, 512, "image/png");
    assert_becomes(make(PNG, 4000, 1), 512, 1, "image/jpeg");
    assert_becomes(make(PNG, 1, 4000), 1, 512, "image/jpeg");
}

static void small_pictures_never_grow(void **state)
{
    (void)state;
    assert_becomes(make(PNG, 1, 1), 1, 1, "image/jpeg");
    assert_becomes(make(JPEG, 512, 512), 512, 512, "image/jpeg");
    assert_becomes(make(GIF, 511, 3), 511, 3, "image/jpeg");
}

static void a_noisy_transparent_picture_shrinks_until_it_fits(void **state)
{
    (void)state;
    gdImagePtr image = gdImageCreateTrueColor(512, 512);
    gdImageAlphaBlending(image, 0);
    gdImageSaveAlpha(image, 1);
    unsigned random = 1;
    for (int y = 0; y < 512; y++)
        for (int x = 0; x < 512; x++) {
            random = random * 1664525u + 1013904223u;
            gdImageTrueColorPixel(image, x, y) = (int)(random & 0x7FFFFFFFu);
        }
    int size = 0;
    void *data = gdImagePngPtr(image, &size);
    gdImageDestroy(image);
    assert_true(size > AVATAR_BYTES_MAX);
    assert_becomes(file_take_gd(data, size), 384, 384, "image/png");
}

static void the_same_upload_gives_the_same_name(void **state)
{
    (void)state;
    struct file file = make(JPEG, 100, 80), other = make(JPEG, 100, 81);
    struct avatar first, second, third;
    assert_int_equal(avatar_normalise(file.data, file.size, &first), AVATAR_OK);
    assert_int_equal(avatar_normalise(file.data, file.size, &second), AVATAR_OK);
    assert_int_equal(avatar_normalise(other.data, other.size, &third), AVATAR_OK);
    assert_string_equal(first.name, second.name);
    assert_string_not_equal(first.name, third.name);
    avatar_finish(&first);
    avatar_finish(&second);
    avatar_finish(&third);
    free(file.data);
    free(other.data);
}

/* Orientation */

/* An EXIF segment whose only entry is the orientation. */
static void jpeg_insert_orientation(struct file *file, unsigned orientation, bool big)
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

static void exif_orientation_turns_the_picture_upright(void **state)
{
    (void)state;
    static const char *const corners[] = { "0123", "0123", "1032", "3210", "2301",
                                           "0213", "2031", "3120", "1302", "0123" };
    for (unsigned orientation = 0; orientation <= 9; orientation++) {
        for (int big = 0; big <= 1; big++) {
            struct file file = make(JPEG, 64, 48);
            struct avatar avatar;
            bool turned = orientation >= 5 && orientation <= 8;
            jpeg_insert_orientation(&file, orientation, big != 0);
            assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
            assert_int_equal(avatar.width, turned ? 48 : 64);
            assert_int_equal(avatar.height, turned ? 64 : 48);
            assert_corners(&avatar, corners[orientation]);
            avatar_finish(&avatar);
            free(file.data);
        }
    }
}

static void broken_exif_is_ignored(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* in the segment */
        unsigned char value;
    } breaks[] = { { 4, 'X' }, { 10, 'X' }, { 14, 0xFF }, { 17, 0xFF }, { 19, 0xFF }, { 22, 9 } };
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct file file = make(JPEG, 64, 48);
        jpeg_insert_orientation(&file, 1, false);
        file.data[2 + breaks[i].at] = breaks[i].value;
        assert_becomes(file, 64, 48, "image/jpeg");
    }
}

/* Nothing but pixels survives */

static void metadata_and_trailing_bytes_are_removed(void **state)
{
    (void)state;
    static const char comment[] = "\xFF\xFE\x00\x12SECRET-PLACE-99";
    struct file files[4] = { make(JPEG, 20, 20), make(PNG, 20, 20), make(PNG_ALPHA, 20, 20),
                             make(GIF, 20, 20) };
    file_insert(&files[0], 2, comment, sizeof(comment));
    png_insert_chunk(&files[1], "tEXt", "Comment\0SECRET-PLACE-99", 23);
    png_insert_chunk(&files[2], "eXIf", "SECRET-PLACE-99", 15);
    file_insert(&files[3], gif_frame_at(&files[3]), "!\xFE\x0FSECRET-PLACE-99", 19);
    for (int i = 0; i < 4; i++) {
        struct avatar avatar;
        file_insert(&files[i], files[i].size, "<script>SECRET-PLACE-99</script>", 32);
        assert_int_equal(avatar_normalise(files[i].data, files[i].size, &avatar), AVATAR_OK);
        assert_sound(&avatar);
        assert_false(contains(avatar.data, avatar.size, "SECRET"));
        assert_false(contains(avatar.data, avatar.size, "<script>"));
        avatar_finish(&avatar);
        free(files[i].data);
    }
}

/* Limits */

static void claimed_sizes_are_judged_before_decoding(void **state)
{
    (void)state;
    assert_result(png_claiming(AVATAR_SOURCE_SIDE_MAX + 1, 1), AVATAR_TOO_LARGE);
    assert_result(png_claiming(1, AVATAR_SOURCE_SIDE_MAX + 1), AVATAR_TOO_LARGE);
    assert_result(png_claiming(0x7FFFFFFF, 0x7FFFFFFF), AVATAR_TOO_LARGE);
    assert_result(png_claiming(0xFFFFFFFF, 0xFFFFFFFF), AVATAR_TOO_LARGE);
    assert_result(png_claiming(10000, 5001), AVATAR_TOO_LARGE);
    assert_result(jpeg_claiming(AVATAR_SOURCE_SIDE_MAX + 1, 1), AVATAR_TOO_LARGE);
    assert_result(jpeg_claiming(65500, 65500), AVATAR_TOO_LARGE);
    assert_result(jpeg_claiming(10000, 5001), AVATAR_TOO_LARGE);
    assert_result(gif_claiming(AVATAR_SOURCE_SIDE_MAX + 1, 1), AVATAR_TOO_LARGE);
    assert_result(gif_claiming(65535, 65535), AVATAR_TOO_LARGE);
    assert_result(gif_claiming(10000, 5001), AVATAR_TOO_LARGE);
    assert_result(webp_extended(0, AVATAR_SOURCE_SIDE_MAX + 1, 1), AVATAR_TOO_LARGE);
    assert_result(webp_extended(0, 1 << 24, 1 << 24), AVATAR_TOO_LARGE);
    assert_result(webp_extended(0, 10000, 5001), AVATAR_TOO_LARGE);
}

/* At the limit the size is accepted, and what is refused is that the pixels are not there. */
static void the_limit_itself_is_accepted(void **state)
{
    (void)state;
    assert_result(png_claiming(AVATAR_SOURCE_SIDE_MAX, 1), AVATAR_NOT_AN_IMAGE);
    assert_result(png_claiming(10000, 5000), AVATAR_NOT_AN_IMAGE);
    assert_result(gif_claiming(10000, 5000), AVATAR_NOT_AN_IMAGE);
    assert_result(webp_extended(0, 10000, 5000), AVATAR_NOT_AN_IMAGE);
    assert_becomes(make(PNG, AVATAR_SOURCE_SIDE_MAX, 8), 512, 1, "image/jpeg");
}

static void a_side_of_zero_is_no_image(void **state)
{
    (void)state;
    assert_result(png_claiming(0, 8), AVATAR_NOT_AN_IMAGE);
    assert_result(png_claiming(8, 0), AVATAR_NOT_AN_IMAGE);
    assert_result(jpeg_claiming(0, 8), AVATAR_NOT_AN_IMAGE);
    assert_result(jpeg_claiming(8, 0), AVATAR_NOT_AN_IMAGE);
    assert_result(gif_claiming(0, 0), AVATAR_NOT_AN_IMAGE);
}

/* A few bytes make another pass over all pixels. */
static void a_jpeg_of_endless_scans_is_too_large(void **state)
{
    (void)state;
    enum { SCANS = 200000, SCAN_BYTES = 10 };
    static const unsigned char scan[] = "\xFF\xDA\x00\x08\x01\x01\x00\x00\x00\x00";
    struct file file = make(JPEG_PROGRESSIVE, 64, 64);
    unsigned char *scans = malloc(SCANS * SCAN_BYTES);
    assert_non_null(scans);
    for (size_t i = 0; i < SCANS; i++)
        memcpy(scans + i * SCAN_BYTES, scan, SCAN_BYTES);
    file_insert(&file, file.size - 2, scans, SCANS * SCAN_BYTES);
    free(scans);
    assert_result(file, AVATAR_TOO_LARGE);
}

static rlim_t data_in_use(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages), 1);
    fclose(statm);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void too_little_memory_is_our_failure_not_the_files(void **state)
{
    (void)state;
    struct file file = png_claiming(10000, 5000);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    tight = before;
    tight.rlim_cur = data_in_use() + 64 * 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_DATA, &tight), 0);
    struct avatar avatar;
    enum avatar_result result = avatar_normalise(file.data, file.size, &avatar);
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
    assert_int_equal(result, AVATAR_FAILED);
    assert_empty(&avatar);
    free(file.data);
}

/* What is no image */

static void other_files_are_no_images(void **state)
{
    (void)state;
    static const char *const files[] = { "",
                                         "x",
                                         "hello",
                                         "<svg xmlns='http://www.w3.org/2000/svg'/>",
                                         "<html></html>",
                                         "%PDF-1.7",
                                         "BM6\x04",
                                         "II*",
                                         "MM",
                                         "GIF",
                                         "GIF8",
                                         "GIF89a",
                                         "GIF89a;",
                                         "GIF80a0000000000000;",
                                         "\xFF\xD8\xFF",
                                         "\xFF\xD8\xFF\xD9",
                                         "\x89PNG\r\n\x1A\n",
                                         "RIFF",
                                         "RIFF....WAVEfmt ",
                                         "RIFF\x16...WEBPVP8Xxxxxxxxxxxxxx",
                                         "RIFF\x16...WEBPJUNKxxxxxxxxxxxxxx",
                                         "RIFF\x16...WEBPVP8 xxxxxxxxxxxxxx",
                                         "RIFF\x16...WEBPVP8Lxxxxxxxxxxxxxx" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_result(file_copy(files[i], strlen(files[i])), AVATAR_NOT_AN_IMAGE);
    struct avatar avatar;
    assert_int_equal(avatar_normalise(NULL, 0, &avatar), AVATAR_NOT_AN_IMAGE);
    assert_empty(&avatar);
}

static void an_animated_webp_is_refused(void **state)
{
    (void)state;
    assert_result(webp_extended(0x02, 100, 100), AVATAR_NOT_AN_IMAGE);
}

static void a_jpeg_cut_and_closed_is_refused(void **state)
{
    (void)state;
    struct file file = make(JPEG, 200, 200);
    file.size -= file.size / 4;
    memcpy(file.data + file.size - 2, "\xFF\xD9", 2);
    assert_result(file, AVATAR_NOT_AN_IMAGE);
}

static void stray_bytes_between_jpeg_segments_are_ignored(void **state)
{
    (void)state;
    struct file file = make(JPEG, 40, 30);
    size_t table = file_find(&file, "\xFF\xDB", 2);
    file_insert(&file, table, "\x00\x01\x02", 3);
    assert_becomes(file, 40, 30, "image/jpeg");
}

static void a_png_with_a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    struct file file = make(PNG, 40, 30);
    file.data[file_find(&file, "IDAT", 4) + 10] ^= 1;
    assert_result(file, AVATAR_NOT_AN_IMAGE);
}

/* GIF, whose reader in libgd forgives too much */

static void a_gif_yields_its_first_frame(void **state)
{
    (void)state;
    struct file first = make(GIF, 64, 48), second = make(GIF, 64, 48);
    size_t frame = gif_frame_at(&second);
    struct avatar alone, animated;
    assert_int_equal(avatar_normalise(first.data, first.size, &alone), AVATAR_OK);
    second.data[frame + 1] = 32; /* the second frame covers the right half only */
    second.data[frame + 5] = 32;
    file_insert(&first, first.size - 1, second.data + frame, second.size - 1 - frame);
    assert_int_equal(avatar_normalise(first.data, first.size, &animated), AVATAR_OK);
    assert_string_equal(alone.name, animated.name);
    avatar_finish(&alone);
    avatar_finish(&animated);
    free(first.data);
    free(second.data);
}

static void a_gif_frame_outside_the_screen_is_refused(void **state)
{
    (void)state;
    for (size_t field = 1; field <= 7; field += 2) {
        struct file file = make(GIF, 64, 48), more = make(GIF, 64, 48);
        size_t frame = gif_frame_at(&file);
        file.data[frame + field]++;
        file_insert(&more, more.size - 1, file.data + frame, file.size - 1 - frame);
        assert_result(file, AVATAR_NOT_AN_IMAGE);
        assert_result(more, AVATAR_NOT_AN_IMAGE);
    }
}

/* A 4x1 GIF of two colours whose compressed data is given. */
static struct file gif_of_codes(unsigned code_size, const char *blocks, size_t size)
{
    static const unsigned char head[] = "GIF89a\x04\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF"
                                        ",\0\0\0\0\x04\0\x01\0\0";
    struct file file = file_copy(head, sizeof(head) - 1);
    unsigned char first = (unsigned char)code_size;
    file_insert(&file, file.size, &first, 1);
    file_insert(&file, file.size, blocks, size);
    file_insert(&file, file.size, "\0;", 2);
    return file;
}

/* With code size 2: 4 is clear, 5 is the end, codes take 3 bits, least significant first. */
static void gif_codes_must_be_valid_and_make_every_pixel(void **state)
{
    (void)state;
    assert_becomes(gif_of_codes(2, "\x03\x44\x12\x5A", 4), 4, 1, "image/jpeg"); /* 4 0 1 1 0.. */
    assert_result(gif_of_codes(2, "", 0), AVATAR_NOT_AN_IMAGE);
    assert_result(gif_of_codes(2, "\x01\x44", 2), AVATAR_NOT_AN_IMAGE);     /* 4 0: too few */
    assert_result(gif_of_codes(2, "\x02\x2C\x00", 3), AVATAR_NOT_AN_IMAGE); /* 4 5: ends */
    assert_result(gif_of_codes(2, "\x02\x34\x00", 3), AVATAR_NOT_AN_IMAGE); /* 4 6: not yet there */
    assert_result(gif_of_codes(2, "\x02\xC4\x01", 3), AVATAR_NOT_AN_IMAGE); /* 4 0 7: beyond next */
    assert_result(gif_of_codes(0, "\x03\x44\x12\x5A", 4), AVATAR_NOT_AN_IMAGE);
    assert_result(gif_of_codes(9, "\x03\x44\x12\x5A", 4), AVATAR_NOT_AN_IMAGE);
    assert_result(gif_of_codes(255, "\x03\x44\x12\x5A", 4), AVATAR_NOT_AN_IMAGE);
}

/* Every size of code table, and tables that fill up, come from noise of many sizes. */
static void valid_gifs_of_all_sizes_are_accepted(void **state)
{
    (void)state;
    unsigned random = 7;
    for (int colours = 2; colours <= 256; colours *= 2) {
        gdImagePtr image = gdImageCreate(300, 200);
        for (int i = 0; i < colours; i++)
            gdImageColorAllocate(image, i, 255 - i, i / 2);
        for (int y = 0; y < 200; y++)
            for (int x = 0; x < 300; x++) {
                random = random * 1664525u + 1013904223u;
                gdImageSetPixel(image, x, y, (int)(random >> 16) % colours);
            }
        int size = 0;
        void *data = gdImageGifPtr(image, &size);
        gdImageDestroy(image);
        assert_becomes(file_take_gd(data, size), 300, 200, "image/jpeg");
    }
}

/* Damage */

static void no_truncated_file_is_accepted(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct file file = make((enum kind)kind, 24, 18);
        for (size_t size = 0; size < file.size; size++) {
            /* A copy of the exact size, so that reading one byte further is caught. */
            struct file cut = file_copy(file.data, size);
            struct avatar avatar;
            if (avatar_normalise(cut.data, cut.size, &avatar) == AVATAR_OK)
                fail_msg("kind %d accepted with %zu of %zu bytes", kind, size, file.size);
            assert_empty(&avatar);
            free(cut.data);
        }
        free(file.data);
    }
}

static void mutate(struct file *file, unsigned *random)
{
    *random = *random * 1664525u + 1013904223u;
    for (unsigned changes = 1 + (*random >> 28); changes > 0; changes--) {
        *random = *random * 1664525u + 1013904223u;
        size_t at = (*random >> 8) % file->size;
        *random = *random * 1664525u + 1013904223u;
        file->data[at] = (unsigned char)(*random >> 24);
    }
}

static void mutated_files_give_a_valid_avatar_or_none(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct file original = make((enum kind)kind, 24, 18);
        unsigned random = 2024u + (unsigned)kind;
        if (kind == JPEG)
            jpeg_insert_orientation(&original, 6, false);
        for (int round = 0; round < MUTATION_ROUNDS; round++) {
            struct file file = file_copy(original.data, original.size);
            struct avatar avatar;
            mutate(&file, &random);
            if (kind <= PNG_PALETTE && round % 2 == 0)
                png_mend_checksums(&file);
            if (avatar_normalise(file.data, file.size, &avatar) == AVATAR_OK)
                assert_sound(&avatar);
            else
                assert_empty(&avatar);
            avatar_finish(&avatar);
            free(file.data);
        }
        free(original.data);
    }
}

/* Threads, ownership, silence */

static void *normalise_some(void *arg)
{
    struct file *file = arg;
    for (int i = 0; i < 10; i++) {
        struct avatar avatar;
        if (avatar_normalise(file->data, file->size, &avatar) != AVATAR_OK)
            return NULL;
        avatar_finish(&avatar);
    }
    return file;
}

static void threads_with_small_stacks_may_call_at_once(void **state)
{
    (void)state;
    struct file files[4] = { make(GIF, 600, 500), make(JPEG_PROGRESSIVE, 600, 500),
                             make(PNG_ALPHA, 600, 500), make(WEBP, 600, 500) };
    pthread_t threads[4];
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK_BYTES), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], &attributes, normalise_some, &files[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &files[i]);
        free(files[i].data);
    }
    pthread_attr_destroy(&attributes);
}

static void finishing_nothing_or_twice_has_no_effect(void **state)
{
    (void)state;
    struct file file = make(PNG, 4, 4);
    struct avatar avatar;
    avatar_finish(NULL);
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
    avatar_finish(&avatar);
    assert_empty(&avatar);
    avatar_finish(&avatar);
    free(file.data);
}

static void hostile_files_print_nothing(void **state)
{
    (void)state;
    FILE *caught = tmpfile();
    assert_non_null(caught);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(fileno(caught), STDERR_FILENO) >= 0);
    struct file damaged = make(JPEG, 40, 30), profile = make(PNG, 40, 30), gif = make(GIF, 9, 9);
    struct file webp = make(WEBP, 40, 30), depth = make(PNG, 40, 30), way = make(PNG, 40, 30);
    struct avatar avatar;
    depth.data[24] = 7;
    png_mend_checksums(&depth);
    way.data[28] = 2;
    png_mend_checksums(&way);
    memset(damaged.data + damaged.size - 40, 0xFF, 20);
    png_insert_chunk(&profile, "iCCP", "bad profile\0\0nonsense", 21);
    memset(webp.data + 40, 0x55, 20);
    struct file files[] = { damaged, profile, gif, webp, depth, way };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        for (size_t less = 0; less < 3; less++) {
            if (avatar_normalise(files[i].data, files[i].size - less, &avatar) == AVATAR_OK)
                avatar_finish(&avatar);
        }
        free(files[i].data);
    }
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(lseek(fileno(caught), 0, SEEK_END), 0);
    fclose(caught);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opaque_pictures_become_jpeg),
        cmocka_unit_test(transparent_pictures_become_png),
        cmocka_unit_test(a_transparent_gif_colour_stays_transparent),
        cmocka_unit_test(a_transparent_colour_of_a_true_colour_png_stays_transparent),
        cmocka_unit_test(every_format_keeps_its_picture),
        cmocka_unit_test(large_pictures_shrink_and_keep_their_proportions),
        cmocka_unit_test(small_pictures_never_grow),
        cmocka_unit_test(a_noisy_transparent_picture_shrinks_until_it_fits),
        cmocka_unit_test(the_same_upload_gives_the_same_name),
        cmocka_unit_test(exif_orientation_turns_the_picture_upright),
        cmocka_unit_test(broken_exif_is_ignored),
        cmocka_unit_test(metadata_and_trailing_bytes_are_removed),
        cmocka_unit_test(claimed_sizes_are_judged_before_decoding),
        cmocka_unit_test(the_limit_itself_is_accepted),
        cmocka_unit_test(a_side_of_zero_is_no_image),
        cmocka_unit_test(a_jpeg_of_endless_scans_is_too_large),
        cmocka_unit_test(too_little_memory_is_our_failure_not_the_files),
        cmocka_unit_test(other_files_are_no_images),
        cmocka_unit_test(an_animated_webp_is_refused),
        cmocka_unit_test(a_jpeg_cut_and_closed_is_refused),
        cmocka_unit_test(stray_bytes_between_jpeg_segments_are_ignored),
        cmocka_unit_test(a_png_with_a_wrong_checksum_is_refused),
        cmocka_unit_test(a_gif_yields_its_first_frame),
        cmocka_unit_test(a_gif_frame_outside_the_screen_is_refused),
        cmocka_unit_test(gif_codes_must_be_valid_and_make_every_pixel),
        cmocka_unit_test(valid_gifs_of_all_sizes_are_accepted),
        cmocka_unit_test(no_truncated_file_is_accepted),
        cmocka_unit_test(mutated_files_give_a_valid_avatar_or_none),
        cmocka_unit_test(threads_with_small_stacks_may_call_at_once),
        cmocka_unit_test(finishing_nothing_or_twice_has_no_effect),
        cmocka_unit_test(hostile_files_print_nothing),
    };
    return cmocka_run_group_tests_name("avatar", tests, NULL, NULL);
}
