/*
 * Uploads: whatever comes in, what comes out is small, the same each time,
 * and itself a picture that comes out in the same size.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

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
