#define _GNU_SOURCE /* pthread_getname_np, pthread_getattr_np */
#include "services/common/base/thread.h"

#include <string.h>

#include "tests/unit/unit.h"

enum { STACK_BYTES = 256 * 1024 };

struct seen {
    char name[THREAD_NAME_SIZE];
    size_t stack_bytes;
};

static void look(void *arg)
{
    struct seen *seen = arg;
    pthread_attr_t attr;

    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &seen->stack_bytes);
    pthread_attr_destroy(&attr);
}

static void a_thread_runs_under_its_name(void **state)
{
    struct seen seen = { .name = "" };

    (void)state;
    pthread_join(thread_start("fifteen-letters", look, &seen), NULL);
    assert_string_equal(seen.name, "fifteen-letters");
}

static void a_thread_gets_the_requested_stack(void **state)
{
    struct seen seen = { .name = "" };
    pthread_t thread;

    (void)state;
    assert_true(thread_try_start("small", STACK_BYTES, look, &seen, &thread));
    pthread_join(thread, NULL);
    /* A sanitizer enlarges it; without the request it is 8 MiB. */
    assert_in_range(seen.stack_bytes, STACK_BYTES, 4 << 20);
}

static void a_thread_that_cannot_be_started_is_reported(void **state)
{
    struct seen seen = { .name = "" };
    pthread_t thread;

    (void)state;
    /* No address space is so large. */
    assert_false(thread_try_start("huge", (size_t)1 << 48, look, &seen, &thread));
    assert_string_equal(seen.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_runs_under_its_name),
        cmocka_unit_test(a_thread_gets_the_requested_stack),
        cmocka_unit_test(a_thread_that_cannot_be_started_is_reported),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
