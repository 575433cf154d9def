/*
 * Uploads: whatever comes in, what comes out is small, the same each time,
 * and itself a picture that comes out in the same size.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include <gd.h>

#include "gateway/image/avatar.h"

static void check(const struct avatar *avatar)
{
    const char *extension = strcmp(avatar->content_type, "image/png") == 0 ? ".png" : ".jpg";

    assert(avatar->data != NULL && avatar->size >= 1 && avatar->size <= AVATAR_BYTES_MAX);
    assert(avatar->width >= 1 && avatar->width <= AVATAR_SIDE_MAX);
    assert(avatar->height >= 1 && avatar->height <= AVATAR_SIDE_MAX);
    assert(strcmp(avatar->extension, extension) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct avatar first, second, again;
    enum avatar_result result = avatar_normalise(data, size, &first);

    if (result != AVATAR_OK) {
        assert(first.data == NULL && first.size == 0);
        return 0;
    }
    check(&first);
    assert(avatar_normalise(data, size, &second) == AVATAR_OK);
    assert(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    assert(avatar_normalise(first.data, first.size, &again) == AVATAR_OK);
    check(&again);
    assert(again.width == first.width && again.height == first.height);
    avatar_finish(&first);
    avatar_finish(&second);
    avatar_finish(&again);
    return 0;
}

static gdImagePtr draw(int side, int hole)
{
    gdImagePtr image = gdImageCreateTrueColor(side, side / 2 + 1);

    assert(image != NULL);
    gdImageAlphaBlending(image, 0);
    gdImageSaveAlpha(image, 1);
    for (int i = 0; i < side; i++)
        gdImageLine(image, 0, i, side, side - i, i * 0x050301);
    if (hole)
        gdImageFilledRectangle(image, 2, 2, side / 2, side / 2,
                               gdTrueColorAlpha(0, 0, 0, gdAlphaTransparent));
    return image;
}

size_t fuzz_seed(unsigned number, uint8_t *out, size_t capacity)
{
    enum { SEEDS = 8 };
    int size = 0;
    void *made = NULL;

    if (number >= SEEDS)
        return 0;
    gdImagePtr image = draw(number % 2 == 0 ? 16 : 40, number == 1 || number == 7);
    gdImageInterlace(image, number == 3);
    if (number == 4 || number == 5)
        gdImageTrueColorToPalette(image, 0, number == 4 ? 4 : 200);
    if (number <= 1)
        made = gdImagePngPtr(image, &size);
    else if (number <= 3)
        made = gdImageJpegPtr(image, &size, 80);
    else if (number <= 5)
        made = gdImageGifPtr(image, &size);
    else
        made = gdImageWebpPtr(image, &size);
    gdImageDestroy(image);
    size_t used = made != NULL && (size_t)size <= capacity ? (size_t)size : 0;
    if (used > 0)
        memcpy(out, made, used);
    gdFree(made);
    return used;
}
