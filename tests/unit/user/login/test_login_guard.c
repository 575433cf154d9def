/* services/user/login/login_guard: guessing is slowed for all instances together, owners are not.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/thread.h"
#include "services/user/login/login_guard.h"
#include "services/user/login/login_limit.h"
#include "services/user/store/user_store_kind.h"
#include "tests/unit/capture.h"
#include "tests/unit/store_urls.h"

enum { MAX = 5, PER_HOUR = 20, MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Two instances of the service, with connections of their own, and what they write. */
struct fixture {
    char url[STORE_URL_SIZE];
    struct user_store *stores[2];
    struct login_guard *guards[2];
    struct id anna;
};

static struct user_store_kind counting; /* the kind of the first store, which counts its writes */
static const struct user_store_kind *real;
static atomic_int writes;
static enum status failing; /* what a write returns instead; STATUS_OK: it is carried out */

static enum status put_failed(struct user_store *store, const struct failed_logins *counter)
{
    writes++;
    return failing != STATUS_OK ? failing : real->put_failed(store, counter);
}

static enum status clear_failed(struct user_store *store, const struct id *key)
{
    writes++;
    return failing != STATUS_OK ? failing : real->clear_failed(store, key);
}

static enum status put_login(struct user_store *store, const struct id *account,
                             const struct id *key, int64_t at_ms)
{
    writes++;
    return failing != STATUS_OK ? failing : real->put_login(store, account, key, at_ms);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct login_guard_options options = { .per_account = MAX, .per_network_hour = PER_HOUR };
    if (f == NULL)
        return -1;
    *state = f;
    store_url_new(f->url);
    for (int i = 0; i < 2; i++) {
        if (user_store_open(f->url, &f->stores[i]) != STATUS_OK)
            return -1;
        options.store = f->stores[i];
        f->guards[i] = login_guard_create(&options);
    }
    f->anna = id_new();
    real = f->stores[0]->kind;
    counting = *real;
    counting.put_failed = put_failed;
    counting.clear_failed = clear_failed;
    counting.put_login = put_login;
    f->stores[0]->kind = &counting;
    writes = 0;
    failing = STATUS_OK;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        login_guard_destroy(&f->guards[i]);
        user_store_close(&f->stores[i]);
    }
    free(f);
    return 0;
}

/* --- log-ins ----------------------------------------------------------------------------- */

struct outcome {
    enum status status;
    int64_t retry_after_ms;
};

static enum status begin(struct login_guard *guard, const char *email, const struct id *account,
                         const char *network_text, struct login_attempt *attempt,
                         int64_t *retry_after_ms)
{
    struct client_network network;
    assert_true(client_network_parse(network_text, &network));
    *retry_after_ms = 0;
    return login_guard_begin(guard, email, account, &network, clock_mono_us() + 60000000LL, attempt,
                             retry_after_ms);
}

/* A log-in from beginning to end: STATUS_OK when it was verified. */
static struct outcome try_once(struct login_guard *guard, const char *email,
                               const struct id *account, const char *network, bool right)
{
    struct login_attempt attempt;
    struct outcome outcome;
    outcome.status = begin(guard, email, account, network, &attempt, &outcome.retry_after_ms);
    if (outcome.status != STATUS_OK)
        return outcome;
    if (right)
        login_guard_pass(guard, &attempt);
    else
        outcome.status = login_guard_fail(guard, &attempt);
    return outcome;
}

static enum status guess(struct login_guard *guard, const char *email, const struct id *account,
                         const char *network)
{
    return try_once(guard, email, account, network, false).status;
}

static enum status log_in(struct login_guard *guard, const char *email, const struct id *account,
                          const char *network)
{
    return try_once(guard, email, account, network, true).status;
}

/* How many of so many guesses, each from another address, are verified. */
static int guess_from_everywhere(struct fixture *f, const char *email, const struct id *account,
                                 int count)
{
    static unsigned next;
    char network[32];
    int verified = 0;
    for (int i = 0; i < count; i++, next++) {
        snprintf(network, sizeof(network), "10.%u.%u.%u", next >> 16 & 255, next >> 8 & 255,
                 next & 255);
        enum status status = guess(f->guards[next % 2], email, account, network);
        assert_true(status == STATUS_OK || status == STATUS_LIMITED);
        verified += status == STATUS_OK;
    }
    return verified;
}

/* --- of an account ----------------------------------------------------------------------- */

static void guesses_from_many_addresses_are_counted_together(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(guess_from_everywhere(f, "anna@x.y", &f->anna, 69), MAX);
    struct outcome refused = try_once(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1", false);
    assert_int_equal(refused.status, STATUS_LIMITED);
    assert_in_range(refused.retry_after_ms, 1, 1000);
}

static void an_email_that_nobody_has_is_treated_alike(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(guess_from_everywhere(f, "nobody@x.y", NULL, 69), MAX);
    struct outcome known, unknown;
    guess_from_everywhere(f, "anna@x.y", &f->anna, 69);
    for (int i = 0; i < 8; i++) {
        known = try_once(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1", false);
        unknown = try_once(f->guards[0], "nobody@x.y", NULL, "192.0.2.1", false);
        assert_int_equal(known.status, unknown.status);
        assert_int_equal(known.retry_after_ms, unknown.retry_after_ms);
        clock_advance_for_test(700);
    }
}

static void other_accounts_are_not_affected(void **state)
{
    struct fixture *f = *state;
    struct id ben = id_new();
    guess_from_everywhere(f, "anna@x.y", &f->anna, 69);
    assert_int_equal(log_in(f->guards[0], "ben@x.y", &ben, "192.0.2.7"), STATUS_OK);
    assert_int_equal(guess_from_everywhere(f, "ben@x.y", &ben, 69), MAX);
}

static void the_wait_doubles_and_what_is_refused_does_not_extend_it(void **state)
{
    struct fixture *f = *state;
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX);
    for (int64_t wait_ms = 1000; wait_ms <= 64000; wait_ms *= 2) {
        clock_advance_for_test(wait_ms - 1);
        assert_int_equal(guess_from_everywhere(f, "anna@x.y", &f->anna, 10), 0);
        clock_advance_for_test(1);
        assert_int_equal(guess_from_everywhere(f, "anna@x.y", &f->anna, 10), 1);
    }
}

static void a_right_password_is_refused_during_the_wait(void **state)
{
    struct fixture *f = *state;
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_LIMITED);
    clock_advance_for_test(1000);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
}

/* Where the owner has logged in before, a flood from elsewhere is none of hers. */
static void the_owner_is_not_delayed_where_she_has_logged_in_before(void **state)
{
    struct fixture *f = *state;
    static const char *const homes[] = { "192.0.2.1", "2001:db8:0:1::/64" };
    for (size_t i = 0; i < COUNT_OF(homes); i++)
        assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, homes[i]), STATUS_OK);
    for (int round = 0; round < 20; round++) {
        guess_from_everywhere(f, "anna@x.y", &f->anna, 10);
        for (size_t i = 0; i < COUNT_OF(homes); i++)
            assert_int_equal(log_in(f->guards[round % 2], "anna@x.y", &f->anna, homes[i]),
                             STATUS_OK);
    }
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.2"), STATUS_LIMITED);
}

static void a_place_of_sign_up_is_known(void **state)
{
    struct fixture *f = *state;
    struct client_network home;
    assert_true(client_network_parse("192.0.2.1", &home));
    login_guard_note(f->guards[1], &f->anna, &home);
    guess_from_everywhere(f, "anna@x.y", &f->anna, 69);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
}

/* The guesser who sits beside the owner is slowed as well, and her log-in starts his count anew. */
static void guesses_where_the_owner_has_logged_in_are_counted_apart(void **state)
{
    struct fixture *f = *state;
    log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    for (int i = 0; i < MAX; i++)
        assert_int_equal(guess(f->guards[i % 2], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_LIMITED);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.2"), STATUS_OK);
    clock_advance_for_test(1000);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(guess(f->guards[i % 2], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_LIMITED);
}

/* Or a guesser would have his failures cleared by each log-in of the owner in a new place. */
static void a_log_in_from_a_new_place_does_not_clear_the_failures_of_others(void **state)
{
    struct fixture *f = *state;
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX - 1);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(guess_from_everywhere(f, "anna@x.y", &f->anna, 69), 1);
}

/* No e-mail makes the key of another one's counter. */
static void emails_that_look_like_keys_count_for_themselves(void **state)
{
    struct fixture *f = *state;
    char hex[ID_HEX + 1], email[128];
    id_to_hex(&f->anna, hex);
    log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    static const char *const forms[] = { "%s.192.0.2.1", "account|%s.192.0.2.1",
                                         "network|192.0.2.1", "anna@x.y|192.0.2.1",
                                         "e-mail|anna@x.y" };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        const char *cut = strstr(forms[i], "%s");
        if (cut != NULL)
            snprintf(email, sizeof(email), "%.*s%s%s", (int)(cut - forms[i]), forms[i], hex,
                     cut + 2);
        else
            snprintf(email, sizeof(email), "%s", forms[i]);
        assert_int_equal(guess_from_everywhere(f, email, NULL, 20), MAX);
    }
    for (int i = 0; i < MAX; i++)
        assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
}

/* --- of a network ------------------------------------------------------------------------ */

static int guess_many_accounts(struct fixture *f, const char *network, int count)
{
    static unsigned next;
    char email[32];
    int verified = 0;
    for (int i = 0; i < count; i++, next++) {
        snprintf(email, sizeof(email), "%u@x.y", next);
        verified += guess(f->guards[next % 2], email, NULL, network) == STATUS_OK;
    }
    return verified;
}

static void guesses_at_many_accounts_are_bounded_by_network(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(guess_many_accounts(f, "192.0.2.1", PER_HOUR + 10), PER_HOUR);
    struct outcome refused = try_once(f->guards[0], "ben@x.y", NULL, "192.0.2.1", true);
    assert_int_equal(refused.status, STATUS_LIMITED);
    assert_in_range(refused.retry_after_ms, HOUR / PER_HOUR - MINUTE, HOUR / PER_HOUR);
    assert_int_equal(guess_many_accounts(f, "192.0.2.2", 5), 5);
    clock_advance_for_test(HOUR / PER_HOUR);
    assert_int_equal(guess_many_accounts(f, "192.0.2.1", 5), 1);
}

/* Pupils of a school behind one address. */
static void who_has_logged_in_there_is_not_delayed_by_a_neighbour(void **state)
{
    struct fixture *f = *state;
    log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    guess_many_accounts(f, "192.0.2.1", PER_HOUR + 10);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
}

static void right_passwords_of_many_users_are_no_failures(void **state)
{
    struct fixture *f = *state;
    char email[32];
    for (int i = 0; i < 10 * PER_HOUR; i++) {
        struct id user = id_new();
        snprintf(email, sizeof(email), "pupil%d@x.y", i);
        assert_int_equal(log_in(f->guards[i % 2], email, &user, "192.0.2.1"), STATUS_OK);
    }
}

static void the_networks_of_a_site_have_a_limit_together(void **state)
{
    struct fixture *f = *state;
    char network[32];
    int verified = 0;
    for (unsigned i = 0; i < LOGIN_GUARD_SITE_FACTOR + 2; i++) {
        snprintf(network, sizeof(network), "2001:db8:7:%x::/64", i + 1);
        verified += guess_many_accounts(f, network, PER_HOUR);
    }
    assert_int_equal(verified, LOGIN_GUARD_SITE_FACTOR * PER_HOUR);
    assert_int_equal(guess_many_accounts(f, "2001:db8:8:1::/64", 5), 5);
}

/* Of an older gateway. */
static void without_a_network_the_account_is_counted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, ""), STATUS_OK);
    assert_int_equal(guess_many_accounts(f, "", 2 * PER_HOUR), 2 * PER_HOUR);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, ""), STATUS_OK);
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, ""), STATUS_LIMITED);
}

/* --- at once ----------------------------------------------------------------------------- */

enum { AT_ONCE = 50 };

struct guesser {
    struct login_guard *guard;
    const struct id *account;
    int number;
    atomic_int *verified, *inside;
    atomic_bool *go;
};

/* The verification takes until others have had their chance. */
static void guess_at_once(void *arg)
{
    struct guesser *guesser = arg;
    struct login_attempt attempt;
    int64_t retry_after_ms;
    char network[32];
    snprintf(network, sizeof(network), "192.0.2.%d", guesser->number + 1);
    while (!*guesser->go)
        sched_yield();
    if (begin(guesser->guard, "anna@x.y", guesser->account, network, &attempt, &retry_after_ms) !=
        STATUS_OK)
        return;
    atomic_fetch_add(guesser->verified, 1);
    for (int i = 0; i < 200; i++)
        sched_yield();
    if (login_guard_fail(guesser->guard, &attempt) != STATUS_OK)
        atomic_fetch_add(guesser->verified, 1000);
}

static int guess_all_at_once(struct fixture *f, const struct id *account)
{
    struct guesser guessers[2 * AT_ONCE];
    pthread_t threads[2 * AT_ONCE];
    atomic_int verified = 0, inside = 0;
    atomic_bool go = false;
    for (int i = 0; i < 2 * AT_ONCE; i++) {
        guessers[i] = (struct guesser){ f->guards[i % 2], account, i, &verified, &inside, &go };
        threads[i] = thread_start("guesser", guess_at_once, &guessers[i]);
    }
    go = true;
    for (int i = 0; i < 2 * AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    return verified;
}

static void of_a_hundred_guesses_at_once_as_many_are_verified_as_of_a_hundred_in_a_row(void **state)
{
    struct fixture *f = *state;
    assert_in_range(guess_all_at_once(f, &f->anna), MAX, MAX + 1); /* of each instance one */
    int64_t wait_ms = 2000;
    for (int round = 0; round < 3; round++, wait_ms *= 2) {
        clock_advance_for_test(wait_ms);
        assert_int_equal(guess_all_at_once(f, &f->anna), 1);
    }
}

static void a_log_in_waits_for_another_of_the_same_email_but_not_for_ever(void **state)
{
    struct fixture *f = *state;
    struct login_attempt first, second;
    struct client_network network;
    int64_t retry_after_ms;
    assert_int_equal(
        begin(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1", &first, &retry_after_ms), STATUS_OK);
    assert_true(client_network_parse("192.0.2.2", &network));
    assert_int_equal(login_guard_begin(f->guards[0], "anna@x.y", &f->anna, &network,
                                       clock_mono_us() - 1, &second, &retry_after_ms),
                     STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(guess(f->guards[0], "ben@x.y", NULL, "192.0.2.2"), STATUS_OK);
    login_guard_pass(f->guards[0], &first);
    assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.2"), STATUS_OK);
}

/* --- the store --------------------------------------------------------------------------- */

static void a_good_log_in_writes_nothing_but_its_place_once_a_day(void **state)
{
    struct fixture *f = *state;
    log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    assert_int_equal(writes, 1);
    for (int i = 0; i < 20; i++)
        log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    assert_int_equal(writes, 1);
    clock_advance_for_test(DAY);
    for (int i = 0; i < 20; i++)
        log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    assert_int_equal(writes, 2);
}

static void a_refused_log_in_writes_nothing(void **state)
{
    struct fixture *f = *state;
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX);
    writes = 0;
    for (int i = 0; i < 20; i++)
        assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_LIMITED);
    assert_int_equal(writes, 0);
}

/* Or who fills the disk could guess. */
static void a_failure_that_cannot_be_counted_is_not_reported_as_one(void **state)
{
    struct fixture *f = *state;
    static const enum status ways[] = { STATUS_UNAVAILABLE, STATUS_BUSY };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        failing = ways[i];
        assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), ways[i]);
    }
    failing = STATUS_CONFLICT; /* for ever */
    assert_int_equal(guess(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_BUSY);
}

static void a_good_log_in_does_not_depend_on_what_it_writes(void **state)
{
    struct fixture *f = *state;
    failing = STATUS_UNAVAILABLE;
    struct capture capture = capture_begin();
    assert_int_equal(log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    char *logged = capture_end(&capture);
    assert_non_null(strstr(logged, "could not be recorded: UNAVAILABLE"));
    free(logged);
    failing = STATUS_OK;
}

static void restarted_services_know_the_failures(void **state)
{
    struct fixture *f = *state;
    struct login_guard_options options = { .per_account = MAX, .per_network_hour = PER_HOUR };
    log_in(f->guards[0], "anna@x.y", &f->anna, "192.0.2.1");
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX);
    for (int i = 0; i < 2; i++) {
        login_guard_destroy(&f->guards[i]);
        user_store_close(&f->stores[i]);
        assert_int_equal(user_store_open(f->url, &f->stores[i]), STATUS_OK);
        options.store = f->stores[i];
        f->guards[i] = login_guard_create(&options);
    }
    assert_int_equal(guess_from_everywhere(f, "anna@x.y", &f->anna, 20), 0);
    assert_int_equal(log_in(f->guards[1], "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
}

static void no_limit_with_zero(void **state)
{
    struct fixture *f = *state;
    struct login_guard_options options = { .store = f->stores[0] };
    struct login_guard *guard = login_guard_create(&options);
    for (int i = 0; i < 2 * PER_HOUR; i++)
        assert_int_equal(guess(guard, "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(log_in(guard, "anna@x.y", &f->anna, "192.0.2.1"), STATUS_OK);
    assert_int_equal(writes, 0);
    login_guard_destroy(&guard);
    options.per_account = MAX;
    guard = login_guard_create(&options);
    assert_int_equal(guess_many_accounts(f, "192.0.2.9", PER_HOUR), PER_HOUR);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(guess(guard, "ben@x.y", NULL, "192.0.2.9"), STATUS_OK);
    assert_int_equal(guess(guard, "ben@x.y", NULL, "192.0.2.9"), STATUS_LIMITED);
    login_guard_destroy(&guard);
    login_guard_destroy(&guard);
}

static void a_refusal_is_logged_with_the_network_and_without_the_email(void **state)
{
    struct fixture *f = *state;
    guess_from_everywhere(f, "anna@x.y", &f->anna, MAX);
    log_init("unit", LOG_LEVEL_INFO);
    struct capture capture = capture_begin();
    guess(f->guards[0], "anna@x.y", &f->anna, "2001:db8:0:9::/64");
    char *logged = capture_end(&capture);
    log_init("unit", LOG_LEVEL_WARN);
    assert_non_null(strstr(logged, "a log-in from 2001:db8:0:9::/64 is refused for 1 s"));
    assert_null(strstr(logged, "anna"));
    free(logged);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(guesses_from_many_addresses_are_counted_together),
        TEST(an_email_that_nobody_has_is_treated_alike),
        TEST(other_accounts_are_not_affected),
        TEST(the_wait_doubles_and_what_is_refused_does_not_extend_it),
        TEST(a_right_password_is_refused_during_the_wait),
        TEST(the_owner_is_not_delayed_where_she_has_logged_in_before),
        TEST(a_place_of_sign_up_is_known),
        TEST(guesses_where_the_owner_has_logged_in_are_counted_apart),
        TEST(a_log_in_from_a_new_place_does_not_clear_the_failures_of_others),
        TEST(emails_that_look_like_keys_count_for_themselves),
        TEST(guesses_at_many_accounts_are_bounded_by_network),
        TEST(who_has_logged_in_there_is_not_delayed_by_a_neighbour),
        TEST(right_passwords_of_many_users_are_no_failures),
        TEST(the_networks_of_a_site_have_a_limit_together),
        TEST(without_a_network_the_account_is_counted),
        TEST(of_a_hundred_guesses_at_once_as_many_are_verified_as_of_a_hundred_in_a_row),
        TEST(a_log_in_waits_for_another_of_the_same_email_but_not_for_ever),
        TEST(a_good_log_in_writes_nothing_but_its_place_once_a_day),
        TEST(a_refused_log_in_writes_nothing),
        TEST(a_failure_that_cannot_be_counted_is_not_reported_as_one),
        TEST(a_good_log_in_does_not_depend_on_what_it_writes),
        TEST(restarted_services_know_the_failures),
        TEST(no_limit_with_zero),
        TEST(a_refusal_is_logged_with_the_network_and_without_the_email),
    };
    char group[64];
    snprintf(group, sizeof(group), "login_guard %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    clock_stop_for_test();
    return store_urls_run(run_suite);
}
