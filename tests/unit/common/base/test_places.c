/* services/common/base/places: a bounded number for each name. */
#include "tests/unit/unit.h"

#include "services/common/base/places.h"

static void each_name_has_its_places(void **state)
{
    struct places *places = places_create(2);

    (void)state;
    assert_true(places_take(places, "a"));
    assert_true(places_take(places, "a"));
    assert_false(places_take(places, "a"));
    assert_true(places_take(places, "b"));
    places_leave(places, "a");
    assert_true(places_take(places, "a"));
    assert_false(places_take(places, "a"));
    places_leave(places, "a");
    places_leave(places, "a");
    places_leave(places, "b");
    places_destroy(&places);
    assert_null(places);
}

static void without_a_maximum_nothing_is_counted(void **state)
{
    struct places *places = places_create(0);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(places_take(places, "a"));
    places_leave(places, "b");
    places_destroy(&places);
    places_destroy(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_places),
        cmocka_unit_test(without_a_maximum_nothing_is_counted),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
