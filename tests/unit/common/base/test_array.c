#include "services/common/base/array.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

static void an_empty_array_gets_a_first_capacity(void **state)
{
    size_t capacity = 0;
    int *items = array_reserve(NULL, 0, &capacity, sizeof(*items));

    (void)state;
    assert_non_null(items);
    assert_int_equal(capacity, 4);
    free(items);
}

static void an_array_with_a_free_place_stays_as_it_is(void **state)
{
    size_t capacity = 0;
    int *items = array_reserve(NULL, 0, &capacity, sizeof(*items));

    (void)state;
    assert_ptr_equal(array_reserve(items, 3, &capacity, sizeof(*items)), items);
    assert_int_equal(capacity, 4);
    free(items);
}

static void items_survive_growth(void **state)
{
    enum { COUNT = 1000 };
    size_t count = 0, capacity = 0;
    long *items = NULL;

    (void)state;
    while (count < COUNT) {
        items = array_reserve(items, count, &capacity, sizeof(*items));
        items[count] = (long)count;
        count++;
    }
    assert_int_equal(capacity, 1024);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(items[i], i);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_array_gets_a_first_capacity),
        cmocka_unit_test(an_array_with_a_free_place_stays_as_it_is),
        cmocka_unit_test(items_survive_growth),
    };
    return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
