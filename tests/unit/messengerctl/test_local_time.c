/* services/messengerctl/local_time: times as people write them. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <time.h>

#include "services/messengerctl/local_time.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t now_ms = 1700000000000; /* 2023-11-14T22:13:20Z */

static void use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void assert_reads(const char *text, int64_t expected_ms)
{
    int64_t read_ms = -1;
    assert_true(local_time_read(text, now_ms, &read_ms));
    assert_int_equal(read_ms, expected_ms);
}

static void a_duration_is_that_long_ago(void **state)
{
    (void)state;
    assert_reads("2h", now_ms - 7200000);
    assert_reads("1 week", now_ms - INT64_C(604800000));
    assert_reads("1s", now_ms - 1000);
}

static void a_date_is_one_of_the_local_zone(void **state)
{
    (void)state;
    use_zone("UTC0");
    assert_reads("1970-01-01", 0);
    assert_reads("2023-11-14T22:13:20", now_ms);
    assert_reads("2023-11-14 22:13", now_ms - 20000);
    assert_reads("2024-02-29", INT64_C(1709164800000));
    use_zone("XST-5:30"); /* east of Greenwich */
    assert_reads("2023-11-15T03:43:20", now_ms);
    assert_reads("2023-11-15", INT64_C(1699986600000));
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_reads("2023-07-01", INT64_C(1688162400000));
    assert_reads("2023-12-01", INT64_C(1701385200000));
}

static void a_zone_can_be_given(void **state)
{
    (void)state;
    use_zone("XST-5:30");
    assert_reads("2023-11-14T22:13:20Z", now_ms);
    assert_reads("2023-11-14t22:13:20z", now_ms);
    assert_reads("2023-11-15T00:13:20+02:00", now_ms);
    assert_reads("2023-11-14T16:43:20-0530", now_ms);
}

static void any_other_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "h",
                                         "-2h",
                                         "0h",
                                         "2 fortnights",
                                         "yesterday",
                                         "1",
                                         "2023",
                                         "20231114",
                                         "2023-11",
                                         "2023-11-",
                                         "2023-1-1",
                                         "1969-12-31",
                                         "10000-01-01",
                                         "2023-00-10",
                                         "2023-13-10",
                                         "2023-11-00",
                                         "2023-11-31",
                                         "2023-02-29",
                                         "2023-11-14T",
                                         "2023-11-14T22",
                                         "2023-11-14T22:",
                                         "2023-11-14T24:00",
                                         "2023-11-14T22:60",
                                         "2023-11-14T22:13:60",
                                         "2023-11-14T22:13:",
                                         "2023-11-14T22:13:20.5",
                                         "2023-11-14T22:13:20 Z",
                                         "2023-11-14T22:13:20+1",
                                         "2023-11-14T22:13:20+01:",
                                         "2023-11-14T22:13:20+24:00",
                                         "2023-11-14T22:13:20Z ",
                                         "2023-11-14Z",
                                         " 2023-11-14",
                                         "2023-11-14x",
                                         "1970-01-01T00:00+01:00",
                                         "9999-12-31T23:59-01:00" };
    int64_t read_ms;
    use_zone("UTC0");
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (local_time_read(texts[i], now_ms, &read_ms))
            fail_msg("%s is read", texts[i]);
    assert_false(local_time_read("2h", 1000, &read_ms));
}

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *text;
    } cases[] = { { "UTC0", "2023-11-14T22:13:20+00:00" },
                  { "XST-5:30", "2023-11-15T03:43:20+05:30" },
                  { "CET-1CEST,M3.5.0,M10.5.0/3", "2023-11-14T23:13:20+01:00" },
                  { "NST3:30", "2023-11-14T18:43:20-03:30" } };
    char text[LOCAL_TIME_SIZE];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        use_zone(cases[i].zone);
        local_time_print(now_ms + 999, text);
        assert_string_equal(text, cases[i].text);
        assert_reads(text, now_ms);
    }
}

static void a_time_that_is_none_is_a_dash(void **state)
{
    (void)state;
    static const int64_t times[] = { 0, -1, INT64_MIN, INT64_MAX, INT64_C(253402300800000) };
    char text[LOCAL_TIME_SIZE];
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        local_time_print(times[i], text);
        assert_string_equal(text, "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_that_long_ago),
        cmocka_unit_test(a_date_is_one_of_the_local_zone),
        cmocka_unit_test(a_zone_can_be_given),
        cmocka_unit_test(any_other_text_is_refused),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(a_time_that_is_none_is_a_dash),
    };
    return cmocka_run_group_tests_name("local_time", tests, NULL, NULL);
}
