/* gateway/image/avatar: files that are no picture, are cut short, or are damaged. */
#include "tests/unit/gateway/image/avatar_files.h"

enum { MUTATION_ROUNDS = 3000 };

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
    assert_int_equal(alone.size, animated.size);
    assert_memory_equal(alone.data, animated.data, alone.size);
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

static void no_truncated_file_is_accepted_but_a_jpeg_without_its_end_mark(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct file file = make((enum kind)kind, 24, 18);
        for (size_t size = 0; size < file.size; size++) {
            /* A copy of the exact size, so that reading one byte further is caught. */
            struct file cut = file_copy(file.data, size);
            struct avatar avatar;
            bool without_end = (kind == JPEG || kind == JPEG_PROGRESSIVE) && size >= file.size - 2;
            bool accepted = avatar_normalise(cut.data, cut.size, &avatar) == AVATAR_OK;
            if (accepted != without_end)
                fail_msg("kind %d, %zu of %zu bytes: %s", kind, size, file.size,
                         accepted ? "accepted" : "refused");
            avatar_finish(&avatar);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_no_images),
        cmocka_unit_test(a_jpeg_cut_and_closed_is_refused),
        cmocka_unit_test(stray_bytes_between_jpeg_segments_are_ignored),
        cmocka_unit_test(a_png_with_a_wrong_checksum_is_refused),
        cmocka_unit_test(a_gif_yields_its_first_frame),
        cmocka_unit_test(a_gif_frame_outside_the_screen_is_refused),
        cmocka_unit_test(gif_codes_must_be_valid_and_make_every_pixel),
        cmocka_unit_test(valid_gifs_of_all_sizes_are_accepted),
        cmocka_unit_test(no_truncated_file_is_accepted_but_a_jpeg_without_its_end_mark),
        cmocka_unit_test(mutated_files_give_a_valid_avatar_or_none),
    };
    return cmocka_run_group_tests_name("avatar, broken files", tests, NULL, NULL);
}
