#define _GNU_SOURCE /* setrlimit */
#include "services/common/base/lock_order.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static pthread_mutex_t low = PTHREAD_MUTEX_INITIALIZER, high = PTHREAD_MUTEX_INITIALIZER;

static void locks_may_be_taken_in_the_order_of_their_ranks(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        lock_order_lock(&low, 1);
        lock_order_lock(&high, 2);
        lock_order_unlock(&low, 1); /* released in any order */
        lock_order_unlock(&high, 2);
    }
}

static void take_in_the_wrong_order(void)
{
    lock_order_lock(&high, 2);
    lock_order_lock(&low, 1);
}

static void take_one_rank_twice(void)
{
    lock_order_lock(&low, 1);
    lock_order_lock(&high, 1);
}

static void release_what_is_not_held(void)
{
    lock_order_unlock(&low, 1);
}

/* The signal that ends a process which does this. */
static int signal_of(void (*deed)(void))
{
    struct rlimit none = { 0, 0 };
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        (void)!freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        deed();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void any_other_order_aborts(void **state)
{
    (void)state;
    assert_int_equal(signal_of(take_in_the_wrong_order), SIGABRT);
    assert_int_equal(signal_of(take_one_rank_twice), SIGABRT);
    assert_int_equal(signal_of(release_what_is_not_held), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_may_be_taken_in_the_order_of_their_ranks),
        cmocka_unit_test(any_other_order_aborts),
    };
    return cmocka_run_group_tests_name("lock_order", tests, NULL, NULL);
}
