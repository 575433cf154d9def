/* gateway/image/bmp_file: bitmaps of every header and depth, and none of which rows are missing. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/image/bmp_file.h"

enum { RED = 0xFFFF0000, GREEN = 0xFF00FF00, BLUE = 0xFF0000FF, WHITE = 0xFFFFFFFF };

struct bmp {
    unsigned char bytes[512];
    size_t size;
};

static void put(struct bmp *bmp, uint32_t value, size_t bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        bmp->bytes[bmp->size++] = (unsigned char)value;
}

/* Up to the palette or the rows, of 2 x 2 pixels. */
static struct bmp start(uint32_t header_bytes, int height, unsigned bits, uint32_t compression,
                        uint32_t colours, const uint32_t masks[4])
{
    struct bmp bmp = { .size = 0 };
    put(&bmp, 0x4D42, 2);
    put(&bmp, 0, 8);
    put(&bmp, 0, 4); /* the offset, set later */
    put(&bmp, header_bytes, 4);
    put(&bmp, 2, header_bytes == 12 ? 2 : 4);
    put(&bmp, (uint32_t)height, header_bytes == 12 ? 2 : 4);
    put(&bmp, 1, 2);
    put(&bmp, bits, 2);
    if (header_bytes > 12) {
        put(&bmp, compression, 4);
        put(&bmp, 0, 12);
        put(&bmp, colours, 4);
        put(&bmp, 0, 4);
    }
    for (size_t i = 0; masks != NULL && i < (header_bytes == 40 && compression == 3 ? 3 : 4); i++)
        put(&bmp, masks[i], 4);
    while (bmp.size < 14 + (size_t)header_bytes)
        put(&bmp, 0, 1);
    return bmp;
}

/* Red, green / blue, white; stored from the last row unless top-down. */
static void finish(struct bmp *bmp, const uint32_t rows[2], size_t row_bytes, const uint64_t *wide)
{
    bmp->bytes[10] = (unsigned char)bmp->size;
    for (size_t y = 0; y < 2; y++)
        for (size_t i = 0; i < row_bytes; i++)
            put(bmp, (unsigned char)((wide != NULL ? wide[y] : rows[y]) >> (8 * i)), 1);
}

static bool decode(const struct bmp *bmp, size_t size, struct image_pixels *pixels)
{
    unsigned char *exact = malloc(size > 0 ? size : 1); /* so that a byte read beyond is caught */
    struct image_probe probe = { .width = 0 };
    memcpy(exact, bmp->bytes, size);
    bool probed = bmp_file_probe((struct byte_reader){ exact, size }, &probe);
    bool decoded = bmp_file_decode(exact, size, pixels);
    assert_int_equal(probed, decoded);
    if (probed)
        assert_true(probe.width == pixels->width && probe.height == pixels->height);
    free(exact);
    return decoded;
}

static void assert_four(const struct bmp *bmp, uint32_t first, uint32_t second, uint32_t third,
                        uint32_t fourth)
{
    struct image_pixels pixels;
    assert_true(decode(bmp, bmp->size, &pixels));
    assert_int_equal(pixels.argb[0], first);
    assert_int_equal(pixels.argb[1], second);
    assert_int_equal(pixels.argb[2], third);
    assert_int_equal(pixels.argb[3], fourth);
    free(pixels.argb);
    for (size_t size = 0; size < bmp->size; size++)
        assert_false(decode(bmp, size, &pixels));
}

static void put_palette(struct bmp *bmp, size_t colour_bytes)
{
    static const uint32_t colours[] = { RED, GREEN, BLUE, WHITE };
    for (size_t i = 0; i < 4; i++)
        put(bmp, colours[i] & 0xFFFFFF, colour_bytes);
}

static void palettes_of_every_depth_and_header_are_read(void **state)
{
    (void)state;
    static const uint32_t headers[] = { 12, 40, 52, 56, 64, 108, 124 };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        static const uint32_t of_4[] = { 0x23, 0x01 }, of_8[] = { 0x0302, 0x0100 };
        struct bmp four = start(headers[i], 2, 4, 0, 4, NULL);
        put_palette(&four, headers[i] == 12 ? 3 : 4);
        if (headers[i] == 12) /* an OS/2 palette is always whole */
            for (size_t rest = 4; rest < 16; rest++)
                put(&four, 0, 3);
        finish(&four, of_4, 4, NULL);
        assert_four(&four, RED, GREEN, BLUE, WHITE);
        if (headers[i] == 12)
            continue;
        struct bmp eight = start(headers[i], -2, 8, 0, 4, NULL);
        put_palette(&eight, 4);
        finish(&eight, of_8, 4, NULL);
        assert_four(&eight, BLUE, WHITE, RED, GREEN);
        struct bmp one = start(headers[i], 2, 1, 0, 2, NULL);
        put(&one, RED & 0xFFFFFF, 4);
        put(&one, BLUE & 0xFFFFFF, 4);
        finish(&one, (const uint32_t[]){ 0x40, 0x80 }, 4, NULL);
        assert_four(&one, BLUE, RED, RED, BLUE);
    }
}

static void true_colour_is_read(void **state)
{
    (void)state;
    static const uint64_t of_24[] = { 0x0000FFFFFF0000FF, 0x000000FF00FF0000 };
    static const uint64_t of_32[] = { 0x00FFFFFF000000FF, 0x0000FF0000FF0000 };
    static const uint32_t of_16[] = { 0x7FFF001F, 0x03E07C00 },
                          of_565[] = { 0xFFFF001F, 0x07E0F800 };
    static const uint32_t masks_565[] = { 0xF800, 0x07E0, 0x001F, 0 };
    static const uint32_t masks_argb[] = { 0xFF0000, 0xFF00, 0xFF, 0xFF000000 };
    static const uint64_t with_alpha[] = { 0x00FFFFFF800000FF, 0xFF00FF00FFFF0000 };
    struct bmp bmp = start(40, 2, 24, 0, 0, NULL);
    finish(&bmp, NULL, 8, of_24);
    assert_four(&bmp, RED, GREEN, BLUE, WHITE);
    bmp = start(124, 2, 32, 0, 0, NULL);
    finish(&bmp, NULL, 8, of_32);
    assert_four(&bmp, RED, GREEN, BLUE, WHITE);
    bmp = start(40, 2, 16, 0, 0, NULL);
    finish(&bmp, of_16, 4, NULL);
    assert_four(&bmp, RED, GREEN, BLUE, WHITE);
    bmp = start(40, 2, 16, 3, 0, masks_565);
    finish(&bmp, of_565, 4, NULL);
    assert_four(&bmp, RED, GREEN, BLUE, WHITE);
    bmp = start(108, 2, 32, 3, 0, masks_argb);
    finish(&bmp, NULL, 8, with_alpha);
    assert_four(&bmp, RED, GREEN, 0x800000FF, 0x00FFFFFF);
}

static void other_bitmaps_are_refused(void **state)
{
    (void)state;
    struct image_pixels pixels;
    static const struct {
        size_t at;
        unsigned char value;
    } breaks[] = { { 14, 39 }, { 14, 255 }, { 28, 5 }, { 28, 0 },   { 30, 1 },   { 30, 2 },
                   { 30, 4 },  { 30, 3 },   { 13, 1 }, { 21, 255 }, { 25, 127 }, { 21, 127 } };
    for (size_t i = 0; i < COUNT_OF(breaks); i++) {
        struct bmp bmp = start(40, 2, 24, 0, 0, NULL);
        finish(&bmp, NULL, 8, (const uint64_t[]){ 0, 0 });
        bmp.bytes[breaks[i].at] = breaks[i].value;
        if (decode(&bmp, bmp.size, &pixels))
            fail_msg("accepted: byte %zu is %u", breaks[i].at, breaks[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(palettes_of_every_depth_and_header_are_read),
        cmocka_unit_test(true_colour_is_read),
        cmocka_unit_test(other_bitmaps_are_refused),
    };
    return cmocka_run_group_tests_name("bmp_file", tests, NULL, NULL);
}
