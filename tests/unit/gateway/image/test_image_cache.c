/* gateway/image/image_cache: avatars in memory, the least recently used evicted first. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "gateway/image/image_cache.h"
#include "services/common/base/log.h"

enum { BYTES_MAX = 100, NOW_MS = 1000 };

static int set_up(void **state)
{
    *state = image_cache_create(BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    struct image_cache *cache = *state;
    image_cache_destroy(&cache);
    return 0;
}

static void put(struct image_cache *cache, const char *name, const char *data, size_t size)
{
    image_cache_put(cache, name, NOW_MS, "image/png", data, size);
}

static bool has(struct image_cache *cache, const char *name, int64_t now_ms)
{
    char *content_type = NULL;
    void *data = NULL;
    size_t size;

    bool found = image_cache_get(cache, name, now_ms, &content_type, &data, &size);
    free(content_type);
    free(data);
    return found;
}

static void an_image_is_returned_as_it_was_put(void **state)
{
    struct image_cache *cache = *state;
    char *content_type;
    void *data;
    size_t size;

    assert_false(has(cache, "a.png", NOW_MS));
    put(cache, "a.png", "pixels", 6);
    put(cache, "a.png", "others", 6);
    assert_true(image_cache_get(cache, "a.png", NOW_MS, &content_type, &data, &size));
    assert_string_equal(content_type, "image/png");
    assert_int_equal(size, 6);
    assert_memory_equal(data, "pixels", 6);
    free(content_type);
    free(data);
}

static void the_least_recently_used_is_evicted_first(void **state)
{
    static const char pixels[BYTES_MAX + 1];
    struct image_cache *cache = *state;

    put(cache, "a.png", pixels, 40);
    put(cache, "b.png", pixels, 40);
    assert_true(has(cache, "a.png", NOW_MS));
    put(cache, "c.png", pixels, 40);
    assert_true(has(cache, "a.png", NOW_MS));
    assert_false(has(cache, "b.png", NOW_MS));
    put(cache, "d.png", pixels, BYTES_MAX + 1);
    assert_false(has(cache, "d.png", NOW_MS));
    put(cache, "e.png", pixels, BYTES_MAX);
    assert_false(has(cache, "a.png", NOW_MS));
    assert_false(has(cache, "c.png", NOW_MS));
    assert_true(has(cache, "e.png", NOW_MS));
}

static void an_image_is_kept_for_a_time_however_often_it_is_used(void **state)
{
    struct image_cache *cache = *state;

    put(cache, "a.png", "pixels", 6);
    put(cache, "b.png", "pixels", 6);
    for (int64_t age = 0; age <= IMAGE_CACHE_KEPT_MS; age += IMAGE_CACHE_KEPT_MS / 5)
        assert_true(has(cache, "a.png", NOW_MS + age));
    assert_false(has(cache, "a.png", NOW_MS + IMAGE_CACHE_KEPT_MS + 1));
    assert_false(has(cache, "a.png", NOW_MS));
    put(cache, "a.png", "pixels", 6);
    assert_true(has(cache, "a.png", NOW_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_is_returned_as_it_was_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_least_recently_used_is_evicted_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_image_is_kept_for_a_time_however_often_it_is_used,
                                        set_up, tear_down),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("image_cache", tests, NULL, NULL);
}
