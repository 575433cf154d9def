/* gateway/limits/capacity: how many clients fit into the open files. */
#include "tests/unit/unit.h"

#include "gateway/limits/capacity.h"

static void all_parts_fit_into_the_files(void **state)
{
    (void)state;
    for (size_t files = 512; files < 2000000; files = files * 5 / 4) {
        struct capacity capacity = capacity_of(files, 0);
        size_t used = CAPACITY_FILES_OTHER + 2 * capacity.connections + capacity.sockets;
        assert_true(used <= files);
        assert_true(capacity.connections >= CAPACITY_CONNECTIONS_MIN);
        assert_true(capacity.sockets <= CAPACITY_SOCKETS_MAX);
        assert_true(capacity.sockets * 3 >= files || capacity.sockets == CAPACITY_SOCKETS_MAX);
    }
}

static void what_is_asked_for_is_given(void **state)
{
    (void)state;
    assert_int_equal(capacity_of(1024, 5000).sockets, 5000);
    assert_int_equal(capacity_of(1000000, 10).sockets, 10);
    assert_int_equal(capacity_of(1, 0).sockets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_fit_into_the_files),
        cmocka_unit_test(what_is_asked_for_is_given),
    };
    return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
