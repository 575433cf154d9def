/* services/message/usage: how much users store, and who may store more. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/message/usage.h"
#include "tests/unit/temp_dir.h"

#define MIB (INT64_C(1) << 20)

struct fixture {
    char dir[TEMP_PATH_SIZE], url[TEMP_PATH_SIZE + 32];
    struct message_store *store;
    struct usage *usage;
};

static void start(struct fixture *f, int64_t quota_bytes, int64_t low_disk_bytes)
{
    f->usage = usage_start(&(struct usage_options){ .store = f->store,
                                                    .url = f->url,
                                                    .quota_bytes = quota_bytes,
                                                    .low_disk_bytes = low_disk_bytes });
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(f->url, sizeof(f->url), "sqlite://%s/messages.db", f->dir);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    usage_stop(&f->usage);
    message_store_close(&f->store);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void the_less_is_free_the_smaller_are_the_totals_that_are_refused(void **state)
{
    struct disk_space space = { .low_bytes = 256 * MIB };
    int64_t before = INT64_MAX;

    (void)state;
    for (int64_t mib = 300; mib >= 0; mib--) {
        space.free_bytes = mib * MIB;
        int64_t allowance = usage_allowance(&space);
        if (mib >= 256)
            assert_true(allowance == INT64_MAX);
        else if (mib <= 64)
            assert_int_equal(allowance, 0);
        else
            assert_in_range(allowance, 1, USAGE_LOW_DISK_BASE);
        assert_true(allowance <= before);
        before = allowance;
    }
}

static void a_quota_is_what_may_be_stored_and_not_a_byte_more(void **state)
{
    struct fixture *f = *state;

    start(f, 100, 0);
    assert_int_equal(usage_judge(f->usage, "amy", 100), USAGE_FITS);
    assert_int_equal(usage_judge(f->usage, "amy", 101), USAGE_OVER_QUOTA);
    usage_note(f->usage, "amy", 60);
    assert_int_equal(usage_judge(f->usage, "amy", 40), USAGE_FITS);
    assert_int_equal(usage_judge(f->usage, "amy", 41), USAGE_OVER_QUOTA);
    assert_int_equal(usage_judge(f->usage, "bob", 100), USAGE_FITS);
}

static void without_a_quota_all_fits(void **state)
{
    struct fixture *f = *state;

    start(f, 0, 0);
    usage_note(f->usage, "amy", 1 << 30);
    assert_int_equal(usage_judge(f->usage, "amy", 1 << 30), USAGE_FITS);
}

/* No disk has so much, so that a tenth of it is low. */
static void a_low_disk_refuses_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct disk_space space;

    assert_true(disk_space_look(f->url, INT64_MAX, &space));
    start(f, 0, INT64_MAX);
    assert_int_equal(usage_judge(f->usage, "amy", (size_t)USAGE_LOW_DISK_BASE + 1),
                     space.free_bytes < space.low_bytes ? USAGE_DISK_LOW : USAGE_FITS);
}

static void what_is_noted_is_in_the_store_after_the_end(void **state)
{
    struct fixture *f = *state;
    struct message_usage usage = { .key = "amy" };
    struct message_user amy;

    assert_int_equal(message_store_claim(f->store, "@amy", "65f0c100000000000000000a", &amy),
                     STATUS_OK);
    start(f, 100, 0);
    usage_note(f->usage, "amy", 60);
    usage_stop(&f->usage);
    assert_int_equal(message_store_add_usage(f->store, &usage, 1), STATUS_OK);
    assert_int_equal(usage.total, 60);
}

static void the_space_of_a_database_server_is_not_known(void **state)
{
    struct disk_space space;

    (void)state;
    assert_false(disk_space_look("mongodb://127.0.0.1/messenger", MIB, &space));
    assert_false(disk_space_is_low("mongodb://127.0.0.1/messenger", MIB));
    assert_false(disk_space_look("sqlite:///no/such/directory/users.db", MIB, &space));
    assert_false(disk_space_is_low("sqlite:///users.db", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_less_is_free_the_smaller_are_the_totals_that_are_refused),
        cmocka_unit_test_setup_teardown(a_quota_is_what_may_be_stored_and_not_a_byte_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_quota_all_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_low_disk_refuses_for_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_noted_is_in_the_store_after_the_end, set_up,
                                        tear_down),
        cmocka_unit_test(the_space_of_a_database_server_is_not_known),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
