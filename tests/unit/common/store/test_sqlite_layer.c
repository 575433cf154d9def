#include "services/common/store/sqlite_layer.h"

#include "services/common/base/log.h"
#include "services/common/store/sqlite_gathered_log.h"
#include "services/common/store/sqlite_paced_file.h"
#include "tests/unit/unit.h"

static void layers_are_used_with_the_versions_that_were_tested(void **state)
{
    (void)state;
    assert_false(sqlite_layer_supports(3039004));
    assert_true(sqlite_layer_supports(3040001)); /* Debian 12 */
    assert_true(sqlite_layer_supports(3046001)); /* Debian 13 */
    assert_false(sqlite_layer_supports(3047000));
}

static void the_layers_are_present_with_a_tested_version(void **state)
{
    bool is_tested = sqlite_layer_supports(sqlite3_libversion_number());

    (void)state;
    assert_int_equal(sqlite_gathered_log_layer() != NULL, is_tested);
    assert_int_equal(sqlite_paced_file_layer() != NULL, is_tested);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_used_with_the_versions_that_were_tested),
        cmocka_unit_test(the_layers_are_present_with_a_tested_version),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("sqlite_layer", tests, NULL, NULL);
}
