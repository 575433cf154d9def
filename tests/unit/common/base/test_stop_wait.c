/* services/common/base/stop_wait: a thread that pauses, and stops at once. */
#include "tests/unit/unit.h"

#include <stdatomic.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/stop_wait.h"
#include "services/common/base/thread.h"

enum { FOR_EVER_MS = 3600 * 1000, SHORT_MS = 5 };

struct sleeper {
    struct stop_wait wait;
    atomic_int pauses;
    int64_t pause_ms;
};

static void sleep_until_stopped(void *arg)
{
    struct sleeper *sleeper = arg;

    do
        sleeper->pauses++;
    while (stop_wait_pause(&sleeper->wait, sleeper->pause_ms));
}

static void a_pause_lasts_as_long_as_it_was_asked_for(void **state)
{
    struct sleeper sleeper = { .pause_ms = SHORT_MS };

    (void)state;
    stop_wait_init(&sleeper.wait);
    int64_t begin_ms = clock_mono_ms();
    assert_true(stop_wait_pause(&sleeper.wait, SHORT_MS));
    assert_true(clock_mono_ms() - begin_ms >= SHORT_MS - 1);
    assert_true(stop_wait_pause(&sleeper.wait, 0));
    pthread_t thread = thread_start("sleeper", sleep_until_stopped, &sleeper);
    while (sleeper.pauses < 3)
        continue;
    stop_wait_join(&sleeper.wait, thread);
}

static void a_thread_that_pauses_for_long_stops_at_once(void **state)
{
    struct sleeper sleeper = { .pause_ms = FOR_EVER_MS };

    (void)state;
    stop_wait_init(&sleeper.wait);
    pthread_t thread = thread_start("sleeper", sleep_until_stopped, &sleeper);
    while (sleeper.pauses == 0)
        continue;
    stop_wait_join(&sleeper.wait, thread); /* or the test would take an hour */
    assert_int_equal(sleeper.pauses, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_lasts_as_long_as_it_was_asked_for),
        cmocka_unit_test(a_thread_that_pauses_for_long_stops_at_once),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("stop_wait", tests, NULL, NULL);
}
