#include "tests/unit/unit.h"

#include <stdio.h>

#include "gateway/push/recent_numbers.h"

static void a_higher_number_is_accepted_and_the_same_or_a_lower_one_is_not(void **state)
{
    struct recent_numbers *recent = recent_numbers_create(4);

    (void)state;
    assert_true(recent_numbers_raise(recent, "ada", 5));
    assert_false(recent_numbers_raise(recent, "ada", 5));
    assert_false(recent_numbers_raise(recent, "ada", 4));
    assert_true(recent_numbers_raise(recent, "ada", 6));
    assert_false(recent_numbers_raise(recent, "ada", 5));
    assert_true(recent_numbers_raise(recent, "bob", 1));
    recent_numbers_destroy(&recent);
    assert_null(recent);
}

static void the_oldest_name_is_forgotten_first(void **state)
{
    struct recent_numbers *recent = recent_numbers_create(3);
    char name[24];

    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_true(recent_numbers_raise(recent, name, 9));
    }
    assert_true(recent_numbers_has(recent, "n0"));
    assert_true(recent_numbers_raise(recent, "n0", 10)); /* raising does not make it younger */
    assert_true(recent_numbers_raise(recent, "n3", 9));
    assert_false(recent_numbers_has(recent, "n0"));
    assert_true(recent_numbers_has(recent, "n1"));
    assert_true(recent_numbers_raise(recent, "n0", 1));
    assert_false(recent_numbers_has(recent, "n1"));
    recent_numbers_destroy(&recent);
}

static void an_endless_number_of_names_is_accepted(void **state)
{
    struct recent_numbers *recent = recent_numbers_create(16);
    char name[24];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "name-%d", i);
        assert_true(recent_numbers_raise(recent, name, 1));
        assert_true(recent_numbers_has(recent, name));
    }
    recent_numbers_destroy(&recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_number_is_accepted_and_the_same_or_a_lower_one_is_not),
        cmocka_unit_test(the_oldest_name_is_forgotten_first),
        cmocka_unit_test(an_endless_number_of_names_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
