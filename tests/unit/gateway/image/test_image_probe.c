/* gateway/image/image_probe: what files say of themselves. What becomes of hostile ones:
 * test_avatar.c.
 */
#include "tests/unit/unit.h"

#include <gd.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/image/image_probe.h"
#include "tests/unit/gateway/image/avif_encoding.h"

struct file {
    unsigned char *data;
    size_t size;
};

enum look { PLAIN, PROGRESSIVE };

static struct file make(enum image_format format, enum look look, int width, int height)
{
    struct file file = { .size = 0 };
    int size = 0;
    gdImagePtr image = gdImageCreateTrueColor(width, height);
    gdImageFilledRectangle(image, 0, 0, width / 2, height / 2, 0x20C020);
    gdImageInterlace(image, look == PROGRESSIVE);
    if (format == IMAGE_GIF)
        gdImageTrueColorToPalette(image, 0, 16);
    if (format == IMAGE_AVIF) {
        file.data = avif_encoding_make(image, false, &file.size);
        gdImageDestroy(image);
        return file;
    }
    void *made = format == IMAGE_PNG    ? gdImagePngPtr(image, &size)
                 : format == IMAGE_JPEG ? gdImageJpegPtr(image, &size, 90)
                 : format == IMAGE_GIF  ? gdImageGifPtr(image, &size)
                 : format == IMAGE_BMP  ? gdImageBmpPtr(image, &size, 0)
                                        : gdImageWebpPtr(image, &size);
    assert_non_null(made);
    file.size = (size_t)size;
    file.data = malloc(file.size);
    memcpy(file.data, made, file.size);
    gdFree(made);
    gdImageDestroy(image);
    return file;
}

static void insert(struct file *file, size_t at, const void *bytes, size_t size)
{
    file->data = realloc(file->data, file->size + size);
    memmove(file->data + at + size, file->data + at, file->size - at);
    memcpy(file->data + at, bytes, size);
    file->size += size;
}

static void sizes_and_formats_are_read(void **state)
{
    (void)state;
    static const int sides[][2] = { { 1, 1 }, { 3, 200 }, { 300, 7 }, { 1000, 600 } };
    for (int format = 0; format < IMAGE_FORMATS; format++) {
        for (size_t i = 0; i < COUNT_OF(sides); i++) {
            struct file file = make((enum image_format)format, PLAIN, sides[i][0], sides[i][1]);
            struct image_probe probe;
            assert_true(image_probe(file.data, file.size, &probe));
            assert_int_equal(probe.format, format);
            assert_int_equal(probe.width, sides[i][0]);
            assert_int_equal(probe.height, sides[i][1]);
            assert_int_equal(probe.scans, 1);
            assert_in_range(probe.bytes_per_pixel, 1, format == IMAGE_AVIF ? 24 : 8);
            assert_true(probe.orientation < 2);
            free(file.data);
        }
    }
}

static void a_progressive_jpeg_takes_more_work_and_memory(void **state)
{
    (void)state;
    struct file plain = make(IMAGE_JPEG, PLAIN, 64, 64);
    struct file progressive = make(IMAGE_JPEG, PROGRESSIVE, 64, 64);
    struct image_probe one, other;
    assert_true(image_probe(plain.data, plain.size, &one));
    assert_true(image_probe(progressive.data, progressive.size, &other));
    assert_true(other.scans > 1);
    assert_true(other.bytes_per_pixel > one.bytes_per_pixel);
    free(plain.data);
    free(progressive.data);
}

static void the_orientation_of_a_jpeg_is_read(void **state)
{
    (void)state;
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        unsigned char segment[] = "\xFF\xE1\x00\x22"
                                  "Exif\0\0II*\0\x08\0\0\0\x01\0"
                                  "\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
        struct file file = make(IMAGE_JPEG, PLAIN, 8, 8);
        struct image_probe probe;
        segment[28] = (unsigned char)orientation;
        insert(&file, 2, segment, sizeof(segment) - 1);
        assert_true(image_probe(file.data, file.size, &probe));
        assert_int_equal(probe.orientation, orientation);
        free(file.data);
    }
}

static void the_first_frame_of_a_gif_lies_in_the_upload(void **state)
{
    (void)state;
    struct file file = make(IMAGE_GIF, PLAIN, 30, 20);
    struct image_probe probe;
    assert_true(image_probe(file.data, file.size, &probe));
    assert_true(probe.frame > file.data && probe.frame < file.data + file.size);
    assert_ptr_equal(probe.frame + probe.frame_size, file.data + file.size);
    assert_int_equal(probe.frame_pixels, 600);
    assert_true(image_probe_gif_is_sound(&probe));
    probe.frame_pixels++; /* one more than its codes make */
    assert_false(image_probe_gif_is_sound(&probe));
    free(file.data);
}

/* Codes of a frame of 4 pixels, with code size 2: 4 clears, 5 ends, 6 is the first to be made. */
static void codes_of_a_gif_must_be_valid_and_make_every_pixel(void **state)
{
    (void)state;
    static const struct {
        unsigned char data[12];
        bool sound;
    } frames[] = {
        { { 2, 3, 0x44, 0x12, 0x5A, 0 }, true },              /* 4 0 1 1 0 */
        { { 2, 8, 0x84, 0x01, 0, 0, 0, 0, 0, 0, 0 }, true },  /* 4 0 6 0...: 6 is 0 0 */
        { { 2, 8, 0xC4, 0x01, 0, 0, 0, 0, 0, 0, 0 }, false }, /* 4 0 7: beyond the next */
        { { 2, 8, 0x34, 0, 0, 0, 0, 0, 0, 0, 0 }, false },    /* 4 6: nothing before it */
        { { 2, 8, 0x2C, 0, 0, 0, 0, 0, 0, 0, 0 }, false },    /* 4 5: ends */
        { { 2, 1, 0x44, 0 }, false },                         /* 4 0: too few */
        { { 0, 3, 0x44, 0x12, 0x5A, 0 }, false },             /* no such code size */
        { { 9, 3, 0x44, 0x12, 0x5A, 0 }, false },
    };
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct image_probe probe = { .format = IMAGE_GIF,
                                     .frame = frames[i].data,
                                     .frame_size = sizeof(frames[i].data),
                                     .frame_pixels = 4 };
        assert_int_equal(image_probe_gif_is_sound(&probe), frames[i].sound);
    }
}

static void other_bytes_are_no_image_and_leave_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "x", "<svg/>", "GIF89a", "\x89PNG\r\n\x1A\n", "RIFF", "\xFF\xD8\xFF\xD9", "BM"
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct image_probe probe = { .width = 7, .frame = (const unsigned char *)"left over" };
        assert_false(image_probe(texts[i], strlen(texts[i]), &probe));
        assert_int_equal(probe.format, IMAGE_FORMATS);
        assert_int_equal(probe.width, 0);
        assert_null(probe.frame);
    }
    struct image_probe probe;
    assert_false(image_probe(NULL, 0, &probe));
    assert_false(image_probe(NULL, 100, &probe));
}

static void a_gif_cut_short_is_no_image_and_a_jpeg_lacks_its_end(void **state)
{
    (void)state;
    static const enum image_format formats[] = { IMAGE_JPEG, IMAGE_GIF };
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct file file = make(formats[i], PLAIN, 24, 18);
        for (size_t size = 0; size < file.size; size++) {
            unsigned char *cut = malloc(size > 0 ? size : 1);
            struct image_probe probe;
            memcpy(cut, file.data, size);
            bool probed = image_probe(cut, size, &probe);
            bool end_alone = formats[i] == IMAGE_JPEG && size >= file.size - 2;
            /* Where a JPEG's last scan has begun, only its decoder can tell. */
            assert_true(!end_alone || probed);
            assert_true(!probed || (formats[i] == IMAGE_JPEG && probe.lacks_end));
            free(cut);
        }
        free(file.data);
    }
}

static void chunks_that_do_not_draw_are_omitted_from_a_png(void **state)
{
    (void)state;
    static const char chunk[] = "\0\0\0\x04tEXtk\0ab\x12\x34\x56\x78";
    struct file plain = make(IMAGE_PNG, PLAIN, 24, 18), more = make(IMAGE_PNG, PLAIN, 24, 18);
    size_t size = 0;
    insert(&more, 8 + 25, chunk, sizeof(chunk) - 1);
    insert(&more, more.size, "<script>", 8);
    unsigned char *out = malloc(more.size);
    assert_true(image_probe_copy_png(more.data, more.size, out, &size));
    assert_true(size <= plain.size); /* the library writes a chunk of its own that does not draw */
    for (size_t at = 0; at + 4 <= size; at++)
        assert_memory_not_equal(out + at, "tEXt", 4);
    gdImagePtr image = gdImageCreateFromPngPtr((int)size, out);
    assert_non_null(image);
    gdImageDestroy(image);
    free(out);
    free(plain.data);
    free(more.data);
}

static void a_png_without_its_end_is_not_copied(void **state)
{
    (void)state;
    struct file file = make(IMAGE_PNG, PLAIN, 24, 18);
    for (size_t size = 0; size < file.size; size++) {
        unsigned char *cut = malloc(size > 0 ? size : 1), *out = malloc(size > 0 ? size : 1);
        size_t copied = 0;
        memcpy(cut, file.data, size);
        assert_false(image_probe_copy_png(cut, size, out, &copied));
        free(cut);
        free(out);
    }
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_formats_are_read),
        cmocka_unit_test(a_progressive_jpeg_takes_more_work_and_memory),
        cmocka_unit_test(the_orientation_of_a_jpeg_is_read),
        cmocka_unit_test(the_first_frame_of_a_gif_lies_in_the_upload),
        cmocka_unit_test(codes_of_a_gif_must_be_valid_and_make_every_pixel),
        cmocka_unit_test(other_bytes_are_no_image_and_leave_nothing),
        cmocka_unit_test(a_gif_cut_short_is_no_image_and_a_jpeg_lacks_its_end),
        cmocka_unit_test(chunks_that_do_not_draw_are_omitted_from_a_png),
        cmocka_unit_test(a_png_without_its_end_is_not_copied),
    };
    return cmocka_run_group_tests_name("image_probe", tests, NULL, NULL);
}
