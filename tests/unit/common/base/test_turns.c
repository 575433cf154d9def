/* services/common/base/turns: one thread at a time for each name. */
#include "tests/unit/unit.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "services/common/base/clock.h"
#include "services/common/base/thread.h"
#include "services/common/base/turns.h"

enum { THREADS = 8, TIMES = 200 };

static int64_t soon(void)
{
    return clock_mono_us() + 60000000;
}

static void a_turn_that_is_taken_is_waited_for_until_the_time(void **state)
{
    (void)state;
    struct turns *turns = turns_create();
    assert_true(turns_take(turns, "anna", soon()));
    assert_false(turns_take(turns, "anna", clock_mono_us() - 1));
    assert_false(turns_take(turns, "anna", clock_mono_us() + 2000));
    assert_true(turns_take(turns, "ben", clock_mono_us() - 1)); /* free: nothing to wait for */
    turns_leave(turns, "anna");
    assert_true(turns_take(turns, "anna", clock_mono_us() - 1));
    turns_leave(turns, "anna");
    turns_leave(turns, "ben");
    turns_destroy(&turns);
    assert_null(turns);
    turns_destroy(&turns);
}

struct worker {
    struct turns *turns;
    const char *name;
    _Atomic int *inside;
    _Atomic int *violations;
};

static void take_turns(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < TIMES; i++) {
        if (!turns_take(worker->turns, worker->name, soon()))
            atomic_fetch_add(worker->violations, 1);
        if (atomic_fetch_add(worker->inside, 1) != 0)
            atomic_fetch_add(worker->violations, 1);
        atomic_fetch_sub(worker->inside, 1);
        turns_leave(worker->turns, worker->name);
    }
}

static void many_threads_are_inside_one_at_a_time(void **state)
{
    (void)state;
    static const char *const names[] = { "anna", "ben" };
    struct turns *turns = turns_create();
    _Atomic int inside[2] = { 0, 0 }, violations = 0;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ turns, names[i % 2], &inside[i % 2], &violations };
        threads[i] = thread_start("worker", take_turns, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(violations, 0);
    turns_destroy(&turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_that_is_taken_is_waited_for_until_the_time),
        cmocka_unit_test(many_threads_are_inside_one_at_a_time),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
