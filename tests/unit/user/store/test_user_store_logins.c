/* services/user/store/user_store: counters of failed log-ins, and the networks of good ones. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "services/common/base/log.h"
#include "services/common/base/thread.h"
#include "tests/unit/user/store/user_store_fixture.h"

enum { THREADS = 8, TIMES = 20 };

static const int64_t start_ms = 1700000000000;

static struct id key_of(const char *name)
{
    return id_from_parts("test", name);
}

static struct failed_logins get(struct user_store *store, const char *name)
{
    struct id key = key_of(name);
    struct failed_logins counter;
    assert_int_equal(user_store_get_failed(store, &key, &counter), STATUS_OK);
    assert_memory_equal(counter.key.bytes, key.bytes, ID_BYTES);
    return counter;
}

static void put(struct user_store *store, const char *name, int64_t failures, int64_t expires_ms)
{
    struct failed_logins counter = get(store, name);
    counter.failures = failures;
    counter.at_ms = start_ms;
    counter.expires_ms = expires_ms;
    assert_int_equal(user_store_put_failed(store, &counter), STATUS_OK);
}

static bool exists(struct user_store *store, const char *name)
{
    return get(store, name).version != 0;
}

static void a_counter_is_kept_as_it_was_stored(void **state)
{
    struct fixture *f = *state;
    struct failed_logins counter = get(f->store, "anna");
    assert_int_equal(counter.failures, 0);
    assert_int_equal(counter.version, 0);
    counter = (struct failed_logins){ counter.key, 7, start_ms, start_ms + 5, 0 };
    assert_int_equal(user_store_put_failed(f->store, &counter), STATUS_OK);
    for (int again = 0; again < 2; again++) {
        counter = get(f->store, "anna");
        assert_int_equal(counter.failures, 7);
        assert_int_equal(counter.at_ms, start_ms);
        assert_int_equal(counter.expires_ms, start_ms + 5);
        assert_int_not_equal(counter.version, 0);
        assert_false(exists(f->store, "ben"));
        reopen(f);
    }
}

static void a_counter_that_has_changed_since_it_was_read_is_not_replaced(void **state)
{
    struct fixture *f = *state;
    struct failed_logins nothing = get(f->store, "anna"), first, second;
    nothing.failures = 1;
    assert_int_equal(user_store_put_failed(f->store, &nothing), STATUS_OK);
    assert_int_equal(user_store_put_failed(f->store, &nothing), STATUS_CONFLICT);
    first = second = get(f->store, "anna");
    first.failures = 2;
    second.failures = 99;
    assert_int_equal(user_store_put_failed(f->store, &first), STATUS_OK);
    assert_int_equal(user_store_put_failed(f->store, &second), STATUS_CONFLICT);
    assert_int_equal(get(f->store, "anna").failures, 2);
}

/* Also not when one with the same numbers is there again. */
static void a_counter_that_was_deleted_since_it_was_read_is_not_replaced(void **state)
{
    struct fixture *f = *state;
    put(f->store, "anna", 3, start_ms);
    put(f->store, "ben", 4, start_ms);
    struct failed_logins old = get(f->store, "anna");
    assert_int_equal(user_store_clear_failed(f->store, &old.key), STATUS_OK);
    assert_false(exists(f->store, "anna"));
    assert_true(exists(f->store, "ben"));
    assert_int_equal(user_store_put_failed(f->store, &old), STATUS_CONFLICT);
    put(f->store, "anna", 3, start_ms);
    assert_int_equal(user_store_put_failed(f->store, &old), STATUS_CONFLICT);
    assert_int_equal(user_store_clear_failed(f->store, &old.key), STATUS_OK);
    assert_int_equal(user_store_clear_failed(f->store, &old.key), STATUS_OK);
}

static void count_up(void *arg)
{
    struct user_store *store = arg;
    struct id key = key_of("anna");
    for (int done = 0; done < TIMES;) {
        struct failed_logins counter;
        if (user_store_get_failed(store, &key, &counter) != STATUS_OK)
            return;
        counter.failures++;
        done += user_store_put_failed(store, &counter) == STATUS_OK;
    }
}

/* As two user services do, with one store. */
static void no_failure_of_many_at_once_is_lost(void **state)
{
    struct fixture *f = *state;
    struct user_store *other = NULL;
    pthread_t threads[THREADS];
    assert_int_equal(user_store_open(f->url, &other), STATUS_OK);
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start("count", count_up, i % 2 ? other : f->store);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(get(f->store, "anna").failures, THREADS * TIMES);
    user_store_close(&other);
}

static void expired_counters_are_deleted_and_no_others(void **state)
{
    struct fixture *f = *state;
    put(f->store, "old", 1000, start_ms - 1);
    put(f->store, "just expired", 1000, start_ms);
    put(f->store, "alive", 1, start_ms + 1);
    assert_int_equal(user_store_prune_failed(f->store, start_ms, 10), STATUS_OK);
    assert_false(exists(f->store, "old"));
    assert_false(exists(f->store, "just expired"));
    assert_true(exists(f->store, "alive"));
}

/* A flood of names, each with a failure or two, does not displace the counter of a victim. */
static void of_too_many_counters_those_with_the_fewest_failures_are_deleted(void **state)
{
    struct fixture *f = *state;
    char name[32];
    put(f->store, "victim", 5, start_ms + 1);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "flood%d", i);
        put(f->store, name, 1 + i % 2, start_ms + 100 - i);
    }
    assert_int_equal(user_store_prune_failed(f->store, start_ms, 11), STATUS_OK);
    assert_true(exists(f->store, "victim"));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "flood%d", i);
        assert_int_equal(exists(f->store, name), i % 2 == 1);
    }
    assert_int_equal(user_store_prune_failed(f->store, start_ms, 6), STATUS_OK);
    assert_true(exists(f->store, "victim"));
    assert_true(exists(f->store, "flood9"));
    assert_false(exists(f->store, "flood11")); /* expires before */
    assert_int_equal(user_store_prune_failed(f->store, start_ms, 0), STATUS_OK);
    assert_false(exists(f->store, "victim"));
}

/* Networks */

static enum status login(struct user_store *store, const struct id *account, const char *network,
                         int64_t at_ms)
{
    return user_store_put_login(store, account, network, at_ms);
}

static bool is_known(struct user_store *store, const struct id *account, const char *network)
{
    int64_t at_ms;
    enum status status = user_store_get_login(store, account, network, &at_ms);
    assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return status == STATUS_OK;
}

static void a_network_is_of_the_account_that_has_logged_in_there(void **state)
{
    struct fixture *f = *state;
    struct id anna = id_new(), ben = id_new();
    int64_t at_ms = 0;
    assert_false(is_known(f->store, &anna, "192.0.2.1"));
    assert_int_equal(login(f->store, &anna, "192.0.2.1", start_ms), STATUS_OK);
    reopen(f);
    assert_int_equal(user_store_get_login(f->store, &anna, "192.0.2.1", &at_ms), STATUS_OK);
    assert_int_equal(at_ms, start_ms);
    assert_false(is_known(f->store, &ben, "192.0.2.1"));
    assert_false(is_known(f->store, &anna, "192.0.2.2"));
    assert_int_equal(login(f->store, &anna, "192.0.2.1", start_ms + 9), STATUS_OK);
    assert_int_equal(user_store_get_login(f->store, &anna, "192.0.2.1", &at_ms), STATUS_OK);
    assert_int_equal(at_ms, start_ms + 9);
}

static void the_latest_networks_of_an_account_are_kept(void **state)
{
    struct fixture *f = *state;
    struct id anna = id_new(), ben = id_new();
    char network[32];
    assert_int_equal(login(f->store, &ben, "home", start_ms - 5), STATUS_OK);
    assert_int_equal(login(f->store, &anna, "home", start_ms), STATUS_OK);
    for (int i = 0; i < 3 * USER_LOGINS_MAX; i++) {
        snprintf(network, sizeof(network), "2001:db8:0:%x::/64", i);
        assert_int_equal(login(f->store, &anna, network, start_ms + 1 + i), STATUS_OK);
        assert_int_equal(login(f->store, &anna, "home", start_ms + 2 + i), STATUS_OK);
    }
    int known = 0;
    for (int i = 0; i < 3 * USER_LOGINS_MAX; i++) {
        snprintf(network, sizeof(network), "2001:db8:0:%x::/64", i);
        known += is_known(f->store, &anna, network);
    }
    assert_int_equal(known, USER_LOGINS_MAX - 1);
    assert_true(is_known(f->store, &anna, network));
    assert_true(is_known(f->store, &anna, "home"));
    assert_true(is_known(f->store, &ben, "home"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_counter_is_kept_as_it_was_stored),
        TEST(a_counter_that_has_changed_since_it_was_read_is_not_replaced),
        TEST(a_counter_that_was_deleted_since_it_was_read_is_not_replaced),
        TEST(no_failure_of_many_at_once_is_lost),
        TEST(expired_counters_are_deleted_and_no_others),
        TEST(of_too_many_counters_those_with_the_fewest_failures_are_deleted),
        TEST(a_network_is_of_the_account_that_has_logged_in_there),
        TEST(the_latest_networks_of_an_account_are_kept),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store_logins %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
