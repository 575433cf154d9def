/* services/common/base/log: one line an event, which no peer can forge. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "tests/unit/capture.h"

enum { LINES_MAX = 50, WINDOW_MS = 10000 };

static int begin_test(void **state)
{
    (void)state;
    log_init("unit", LOG_LEVEL_INFO);
    log_set_trace(NULL);
    return 0;
}

static void a_line_has_time_level_program_and_text(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    log_warn("%s has %d", "bob", 7);
    char *text = capture_end(&capture);
    int year = 0, ms = -1, end = 0;
    assert_int_equal(
        sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ warn  unit: bob has 7%n", &year, &ms, &end),
        2);
    assert_true(year >= 2020 && ms >= 0);
    assert_string_equal(text + end, "\n");
    free(text);
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    log_info("a\nb\rc\td\x1B[31me\x7F"
             "f\x01");
    log_info("%s", "\n2020-01-01T00:00:00.000Z error unit: forged");
    char *text = capture_end(&capture);
    assert_non_null(strstr(text, "a\\x0ab\\x0dc\\x09d\\x1b[31me\\x7ff\\x01\n"));
    assert_non_null(strstr(text, "info  unit: \\x0a2020-01-01T00:00:00.000Z error unit: forged\n"));
    assert_int_equal(count_of_text(text, "\n"), 2);
    free(text);
}

static void other_alphabets_stay_as_they_are(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    log_info("%s", "\xD0\x9F\xD1\x80\xD0\xB8 \xF0\x9F\x98\x80");
    char *text = capture_end(&capture);
    assert_non_null(strstr(text, ": \xD0\x9F\xD1\x80\xD0\xB8 \xF0\x9F\x98\x80\n"));
    free(text);
}

static void lines_below_the_level_are_omitted(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    log_debug("hidden");
    log_info("seen-info");
    log_init("unit", LOG_LEVEL_ERROR);
    log_warn("hidden too");
    log_error("seen-error");
    log_init("unit", LOG_LEVEL_DEBUG);
    log_debug("seen-debug");
    char *text = capture_end(&capture);
    assert_int_equal(count_of_text(text, "hidden"), 0);
    assert_int_equal(count_of_text(text, "seen-"), 3);
    free(text);
}

static void levels_have_four_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_WARN;
    assert_true(log_level_from_name("debug", &level) && level == LOG_LEVEL_DEBUG);
    assert_true(log_level_from_name("info", &level) && level == LOG_LEVEL_INFO);
    assert_true(log_level_from_name("error", &level) && level == LOG_LEVEL_ERROR);
    assert_true(log_level_from_name("warn", &level) && level == LOG_LEVEL_WARN);
    static const char *const bad[] = { "", "WARN", "warning", "warn ", "trace", "0" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(log_level_from_name(bad[i], &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
}

static void *log_in_another_thread(void *arg)
{
    log_info("from the other thread");
    return arg;
}

static void each_thread_has_its_own_trace_id(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    char id[] = "4bf92f3577b34da6a3ce929d0e0e4736";
    pthread_t thread;
    log_set_trace(id);
    memset(id, '?', 32); /* it was copied */
    log_info("traced");
    assert_int_equal(pthread_create(&thread, NULL, log_in_another_thread, NULL), 0);
    pthread_join(thread, NULL);
    log_set_trace("");
    log_info("untraced");
    char *text = capture_end(&capture);
    assert_non_null(strstr(text, ": traced trace=4bf92f3577b34da6a3ce929d0e0e4736\n"));
    assert_non_null(strstr(text, ": from the other thread\n"));
    assert_non_null(strstr(text, ": untraced\n"));
    free(text);
}

static void control_characters_of_a_trace_id_are_escaped(void **state)
{
    (void)state;
    struct capture capture = capture_begin();
    log_set_trace("4bf9\x1b[2J\a\n2f3577b34da6a3ce929d0");
    log_info("traced");
    log_set_trace("");
    char *text = capture_end(&capture);
    assert_non_null(strstr(text, ": traced trace=4bf9\\x1b[2J\\x07\\x0a2f3577b34da6a3ce929d0"));
    free(text);
}

static void say_often(int times)
{
    for (int i = 0; i < times; i++)
        log_info("the same again: %d", i);
}

static void a_site_may_write_50_lines_in_10_seconds(void **state)
{
    (void)state;
    clock_advance_for_test(10 * WINDOW_MS);
    struct capture capture = capture_begin();
    say_often(LINES_MAX);
    char *text = capture_end(&capture);
    assert_int_equal(count_of_text(text, "the same again"), LINES_MAX);
    free(text);
    capture = capture_begin();
    say_often(1);
    log_info("another site is not silenced");
    text = capture_end(&capture);
    assert_int_equal(count_of_text(text, "the same again"), 0);
    assert_int_equal(count_of_text(text, "another site"), 1);
    free(text);
}

static void repeat_oneself(int times)
{
    for (int i = 0; i < times; i++)
        log_info("once more: %d", i);
}

static void omitted_lines_are_counted_and_reported_once(void **state)
{
    (void)state;
    clock_advance_for_test(10 * WINDOW_MS);
    struct capture capture = capture_begin();
    repeat_oneself(LINES_MAX + 123);
    clock_advance_for_test(WINDOW_MS);
    repeat_oneself(LINES_MAX);
    clock_advance_for_test(WINDOW_MS);
    repeat_oneself(1);
    char *text = capture_end(&capture);
    assert_int_equal(count_of_text(text, "once more"), 2 * LINES_MAX + 1);
    assert_int_equal(count_of_text(text, "(123 such lines left out)\n"), 1);
    assert_int_equal(count_of_text(text, "left out"), 1);
    free(text);
}

static void long_text_is_cut_to_one_whole_line(void **state)
{
    (void)state;
    static const char fill[] = { 'x', '\n', '\x7F' };
    log_set_trace("4bf92f3577b34da6a3ce929d0e0e4736");
    for (size_t i = 0; i < COUNT_OF(fill); i++) {
        static char longer[100000];
        memset(longer, fill[i], sizeof(longer) - 1);
        struct capture capture = capture_begin();
        log_info("begin %s", longer);
        char *text = capture_end(&capture);
        size_t length = strlen(text);
        assert_in_range(length, 1000, 4096);
        assert_int_equal(count_of_text(text, "\n"), 1);
        assert_non_null(strstr(text, " trace=4bf92f3577b34da6a3ce929d0e0e4736\n"));
        free(text);
    }
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 10; i++)
        log_info("[%s-0123456789-0123456789-0123456789-0123456789-0123456789]", (char *)arg);
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    (void)state;
    static char *const names[] = { "aaaa", "bbbb", "cccc", "dddd" };
    pthread_t threads[4];
    clock_advance_for_test(10 * WINDOW_MS);
    struct capture capture = capture_begin();
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, log_many, names[i]);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    char *text = capture_end(&capture);
    assert_int_equal(count_of_text(text, "\n"), 40);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[128];
        snprintf(line, sizeof(line),
                 "info  unit: [%s-0123456789-0123456789-0123456789-0123456789-0123456789]\n",
                 names[i]);
        assert_int_equal(count_of_text(text, line), 10);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_time_level_program_and_text, begin_test),
        cmocka_unit_test_setup(control_characters_are_escaped, begin_test),
        cmocka_unit_test_setup(other_alphabets_stay_as_they_are, begin_test),
        cmocka_unit_test_setup(lines_below_the_level_are_omitted, begin_test),
        cmocka_unit_test_setup(levels_have_four_names, begin_test),
        cmocka_unit_test_setup(each_thread_has_its_own_trace_id, begin_test),
        cmocka_unit_test_setup(control_characters_of_a_trace_id_are_escaped, begin_test),
        cmocka_unit_test_setup(a_site_may_write_50_lines_in_10_seconds, begin_test),
        cmocka_unit_test_setup(omitted_lines_are_counted_and_reported_once, begin_test),
        cmocka_unit_test_setup(long_text_is_cut_to_one_whole_line, begin_test),
        cmocka_unit_test_setup(lines_of_several_threads_stay_whole, begin_test),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
