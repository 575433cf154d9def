/* gateway/image/avatar: every promise of its header, against pictures that libgd draws here. */
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/gateway/image/avatar_files.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SMALL_STACK_BYTES = 256 * 1024 };
#else
enum { SMALL_STACK_BYTES = 64 * 1024 };
#endif

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
    assert_becomes(make(BMP, 40, 30), 40, 30, "image/jpeg");
    assert_becomes(make(AVIF, 40, 30), 40, 30, "image/jpeg");
}

static void transparent_pictures_become_png(void **state)
{
    (void)state;
    assert_becomes(make(PNG_ALPHA, 40, 30), 40, 30, "image/png");
    assert_becomes(make(WEBP_ALPHA, 40, 30), 40, 30, "image/png");
    assert_becomes(make(AVIF_ALPHA, 40, 30), 40, 30, "image/png");
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
        if (kind == PNG_ALPHA || kind == WEBP_ALPHA || kind == AVIF_ALPHA)
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

static void the_same_upload_gives_the_same_bytes(void **state)
{
    (void)state;
    struct file file = make(JPEG, 100, 80), other = make(JPEG, 100, 81);
    struct avatar first, second, third;
    assert_int_equal(avatar_normalise(file.data, file.size, &first), AVATAR_OK);
    assert_int_equal(avatar_normalise(file.data, file.size, &second), AVATAR_OK);
    assert_int_equal(avatar_normalise(other.data, other.size, &third), AVATAR_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_true(first.size != third.size || memcmp(first.data, third.data, first.size) != 0);
    avatar_finish(&first);
    avatar_finish(&second);
    avatar_finish(&third);
    free(file.data);
    free(other.data);
}

/* Orientation */

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

static void assert_upright(struct file file, unsigned orientation)
{
    static const char *const corners[] = { "0123", "0123", "1032", "3210", "2301",
                                           "0213", "2031", "3120", "1302" };
    struct avatar avatar;
    assert_int_equal(avatar_normalise(file.data, file.size, &avatar), AVATAR_OK);
    assert_int_equal(avatar.width, orientation >= 5 ? 48 : 64);
    assert_corners(&avatar, corners[orientation]);
    avatar_finish(&avatar);
    free(file.data);
}

static void a_webp_and_a_png_are_turned_upright_too(void **state)
{
    (void)state;
    for (unsigned orientation = 0; orientation <= 8; orientation++) {
        for (size_t prefix = 0; prefix <= 6; prefix += 6) {
            struct file webp = webp_extended(0x08, 64, 48), still = make(WEBP, 64, 48);
            struct file exif = exif_of(orientation);
            file_insert(&exif, 0, "Exif\0\0", prefix);
            file_insert(&webp, webp.size, still.data + 12, still.size - 12);
            webp_append(&webp, "EXIF", exif.data, exif.size);
            assert_upright(webp, orientation);
            free(exif.data);
            free(still.data);
        }
        struct file png = make(PNG, 64, 48), exif = exif_of(orientation);
        png_insert_chunk(&png, "eXIf", exif.data, exif.size);
        assert_upright(png, orientation);
        struct file animation = webp_animation(64, 48);
        webp_append_frame(&animation, make(WEBP, 64, 48), 0, 0, 64, 48);
        webp_append(&animation, "EXIF", exif.data, exif.size);
        assert_upright(animation, orientation);
        free(exif.data);
    }
}

/* The rotation and the mirroring of the container, as its boxes say in the properties of the
 * picture. */
static void an_avif_is_turned_upright(void **state)
{
    (void)state;
    static const struct {
        const char *box;
        unsigned char value;
        unsigned orientation;
    } turns[] = { { "irot", 0, 1 }, { "irot", 1, 8 }, { "irot", 2, 3 },
                  { "irot", 3, 6 }, { "imir", 0, 4 }, { "imir", 1, 2 } };
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        /* The box replaces pixi, of which nothing needs to be known; what is left of it is free. */
        struct file file = make(AVIF, 64, 48);
        size_t pixi = file_find(&file, "\0\0\0\x10pixi", 8);
        unsigned char box[16] = "\0\0\0\x09????\0\0\0\0\x07";
        memcpy(box + 4, turns[i].box, 4);
        box[8] = turns[i].value;
        (void)pixi;
        box[3] = 16; /* trailing bytes of a box are ignored */
        memcpy(file.data + pixi, box, sizeof(box));
        assert_upright(file, turns[i].orientation);
    }
}

/* Animations */

static void an_animated_webp_yields_its_first_frame(void **state)
{
    (void)state;
    struct file first = make(WEBP, 64, 48), animation = webp_animation(64, 48);
    struct avatar alone, animated;
    webp_append_frame(&animation, make(WEBP, 64, 48), 0, 0, 64, 48);
    webp_append_frame(&animation, make(WEBP_ALPHA, 32, 24), 8, 8, 32, 24);
    assert_int_equal(avatar_normalise(first.data, first.size, &alone), AVATAR_OK);
    assert_int_equal(avatar_normalise(animation.data, animation.size, &animated), AVATAR_OK);
    assert_int_equal(alone.size, animated.size);
    assert_memory_equal(alone.data, animated.data, alone.size);
    avatar_finish(&alone);
    avatar_finish(&animated);
    free(first.data);
    free(animation.data);
}

static void a_first_frame_with_transparency_or_smaller_than_the_picture_is_a_png(void **state)
{
    (void)state;
    struct file transparent = webp_animation(64, 48), small = webp_animation(64, 48);
    webp_append_frame(&transparent, make(WEBP_ALPHA, 64, 48), 0, 0, 64, 48);
    webp_append_frame(&small, make(WEBP, 32, 24), 8, 8, 32, 24);
    assert_becomes(transparent, 64, 48, "image/png");
    assert_becomes(small, 64, 48, "image/png");
}

static void an_animated_webp_without_a_valid_first_frame_is_refused(void **state)
{
    (void)state;
    struct file none = webp_animation(64, 48), outside = webp_animation(64, 48);
    struct file other = webp_animation(64, 48), empty = webp_animation(64, 48);
    webp_append_frame(&outside, make(WEBP, 64, 48), 2, 0, 64, 48);
    webp_append_frame(&other, make(WEBP, 64, 48), 0, 0, 32, 24); /* claims less than its pixels */
    webp_append(&empty, "ANMF", "", 0);
    assert_result(none, AVATAR_NOT_AN_IMAGE);
    assert_result(outside, AVATAR_NOT_AN_IMAGE);
    assert_result(other, AVATAR_NOT_AN_IMAGE);
    assert_result(empty, AVATAR_NOT_AN_IMAGE);
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
    struct file pixels = make(PNG, 40, 30), avif = make(AVIF, 40, 30);
    memset(pixels.data + file_find(&pixels, "IDAT", 4) + 8, 0x55, 12);
    png_mend_checksums(&pixels);
    memset(avif.data + avif.size - 20, 0x45, 18); /* units of unknown types */
    struct file files[] = { damaged, profile, gif, webp, depth, way, pixels, avif };
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
        cmocka_unit_test(the_same_upload_gives_the_same_bytes),
        cmocka_unit_test(exif_orientation_turns_the_picture_upright),
        cmocka_unit_test(a_webp_and_a_png_are_turned_upright_too),
        cmocka_unit_test(an_avif_is_turned_upright),
        cmocka_unit_test(an_animated_webp_yields_its_first_frame),
        cmocka_unit_test(a_first_frame_with_transparency_or_smaller_than_the_picture_is_a_png),
        cmocka_unit_test(an_animated_webp_without_a_valid_first_frame_is_refused),
        cmocka_unit_test(broken_exif_is_ignored),
        cmocka_unit_test(metadata_and_trailing_bytes_are_removed),
        cmocka_unit_test(claimed_sizes_are_judged_before_decoding),
        cmocka_unit_test(the_limit_itself_is_accepted),
        cmocka_unit_test(a_side_of_zero_is_no_image),
        cmocka_unit_test(a_jpeg_of_endless_scans_is_too_large),
        cmocka_unit_test(too_little_memory_is_our_failure_not_the_files),
        cmocka_unit_test(threads_with_small_stacks_may_call_at_once),
        cmocka_unit_test(finishing_nothing_or_twice_has_no_effect),
        cmocka_unit_test(hostile_files_print_nothing),
    };
    return cmocka_run_group_tests_name("avatar", tests, NULL, NULL);
}
