/*
 * services/user/store/user_store: a change of a profile stays unannounced until somebody has
 * announced that very state of it. What every kind of user store keeps to.
 */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/user/store/user_store.h"
#include "tests/unit/user/store/user_store_fixture.h"

enum {
    FIRST = USER_CHANGED_FIRST_NAME,
    LAST = USER_CHANGED_LAST_NAME,
    IMG = USER_CHANGED_IMG,
    MANY = 1000,
    THREADS = 4,
    UPDATES = 25,
};

static enum status try_update(struct fixture *f, const char *key, unsigned changed,
                              const char *origin)
{
    struct user_update update = { "New", "Name", "new.png", changed, origin, 0 };
    return user_store_update(f->store, key, &update);
}

static void update(struct fixture *f, const char *key, unsigned changed, const char *origin)
{
    assert_int_equal(try_update(f, key, changed, origin), STATUS_OK);
}

static void announced(struct fixture *f, const char *key, uint64_t revision, uint64_t noted)
{
    assert_int_equal(user_store_announced(f->store, key, revision, noted), STATUS_OK);
}

static uint64_t revision_of(struct fixture *f, const char *key)
{
    struct user_list list;
    assert_int_equal(user_store_by_keys(f->store, &key, 1, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    uint64_t revision = list.items[0].revision;
    free(list.items);
    return revision;
}

static void announce_all(struct fixture *f, const char *key)
{
    uint64_t revision = revision_of(f, key);
    announced(f, key, revision, revision);
}

/* Who has something unannounced: "@anna fl s1" is first and last name, from the session s1. */
static void assert_page(struct fixture *f, const char *after, size_t max, const char *expected)
{
    struct user_list list;
    char text[512] = "";
    assert_int_equal(user_store_unannounced(f->store, after, max, &list), STATUS_OK);
    for (size_t i = 0; i < list.count; i++) {
        const struct user *user = &list.items[i];
        size_t length = strlen(text);
        snprintf(
            text + length, sizeof(text) - length, "%s%s %s%s%s %s", i > 0 ? ", " : "", user->tag,
            (user->unannounced & FIRST) != 0 ? "f" : "", (user->unannounced & LAST) != 0 ? "l" : "",
            (user->unannounced & IMG) != 0 ? "i" : "", *user->origin != '\0' ? user->origin : "-");
    }
    assert_string_equal(text, expected);
    free(list.items);
}

static void assert_news(struct fixture *f, const char *expected)
{
    assert_page(f, "", MANY, expected);
}

/* --- changes ------------------------------------------------------------------------------- */

static void a_new_user_has_nothing_to_announce(void **state)
{
    struct fixture *f = *state;
    assert_news(f, "");
    add(f, "@anna");
    assert_news(f, "");
}

static void a_change_is_unannounced_until_it_is_announced(void **state)
{
    struct fixture *f = *state;
    add(f, "@Anna");
    add(f, "@bob");
    update(f, "anna", FIRST | IMG, "s1");
    assert_news(f, "@Anna fi s1");
    reopen(f);
    assert_news(f, "@Anna fi s1");
    announce_all(f, "anna");
    assert_news(f, "");
    reopen(f);
    assert_news(f, "");
    announce_all(f, "anna"); /* somebody else has, too */
    update(f, "anna", LAST, "s2");
    assert_news(f, "@Anna l s2");
}

static void the_news_has_the_current_profile(void **state)
{
    struct fixture *f = *state;
    struct user_list list;
    struct user anna = user_of("@Anna");
    assert_int_equal(user_store_add(f->store, &anna), STATUS_OK);
    update(f, "anna", FIRST, "");
    assert_int_equal(user_store_unannounced(f->store, "", 1, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_memory_equal(list.items[0].id.bytes, anna.id.bytes, ID_BYTES);
    assert_string_equal(list.items[0].first_name, "New");
    assert_string_equal(list.items[0].last_name, "Name");
    assert_string_equal(list.items[0].img, "new.png");
    assert_string_equal(list.items[0].email, anna.email);
    free(list.items);
}

static void changes_accumulate_until_they_are_announced(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    update(f, "anna", FIRST, "s1");
    update(f, "anna", IMG, "s1");
    assert_news(f, "@anna fi s1");
    announce_all(f, "anna");
    assert_news(f, "");
}

/* Each of them has to hear of the other's. */
static void changes_from_several_sessions_have_no_origin(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    update(f, "anna", FIRST, "s1");
    update(f, "anna", LAST, "s2");
    assert_news(f, "@anna fl -");
    update(f, "anna", LAST, "s2");
    assert_news(f, "@anna fl -");
    announce_all(f, "anna");
    update(f, "anna", LAST, "s2");
    assert_news(f, "@anna l s2");
}

static void an_older_revision_that_was_announced_leaves_the_newer(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    update(f, "anna", FIRST, "s1");
    uint64_t older = revision_of(f, "anna");
    update(f, "anna", LAST, "s1");
    uint64_t newest = revision_of(f, "anna");
    assert_true(newest > older);
    announced(f, "anna", older, older);
    assert_news(f, "@anna fl s1");
    announced(f, "anna", older, newest); /* another process has announced the newer */
    assert_int_equal(revision_of(f, "anna"), newest);
    announced(f, "anna", newest + 1, newest + 1); /* there is none yet */
    assert_news(f, "@anna fl s1");
    announced(f, "nobody", 1, 1);
}

/* As when this store was turned back, and the receivers have seen changes that it has lost. */
static void a_change_that_was_ignored_gets_a_revision_after_the_one_that_is_known(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    update(f, "anna", FIRST, "s1");
    uint64_t known = revision_of(f, "anna") + 100;
    announced(f, "anna", revision_of(f, "anna"), known);
    assert_news(f, "@anna f s1");
    assert_int_equal(revision_of(f, "anna"), known + 1);
    announced(f, "anna", known + 1, known + 1);
    assert_news(f, "");
    assert_int_equal(revision_of(f, "anna"), known + 1);
}

static void an_update_without_a_change_is_no_news(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    update(f, "anna", 0, "s1");
    assert_news(f, "");
    update(f, "anna", IMG, "s1");
    update(f, "anna", 0, "s2");
    assert_news(f, "@anna i s1");
}

static void a_missing_user_has_no_news(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    assert_int_equal(try_update(f, "bob", FIRST, "s1"), STATUS_NOT_FOUND);
    assert_news(f, "");
}

static void news_come_in_pages_by_key(void **state)
{
    struct fixture *f = *state;
    static const char *const tags[] = { "@cid", "@Anna", "@bob", "@dan" };
    for (size_t i = 0; i < COUNT_OF(tags); i++)
        add(f, tags[i]);
    update(f, "cid", FIRST, "");
    update(f, "dan", LAST, "");
    update(f, "anna", IMG, "");
    assert_page(f, "", 2, "@Anna i -, @cid f -");
    assert_page(f, "cid", 2, "@dan l -");
    assert_page(f, "anna", 1, "@cid f -");
    assert_page(f, "dan", 2, "");
}

/* --- many at once -------------------------------------------------------------------------- */

struct crowd {
    struct fixture *f;
    atomic_uint failures;
};

static void *update_often(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < UPDATES; i++)
        if (try_update(crowd->f, "anna", FIRST, "s") != STATUS_OK)
            atomic_fetch_add(&crowd->failures, 1);
    return NULL;
}

static void each_change_raises_the_revision(void **state)
{
    struct crowd crowd = { .f = *state };
    pthread_t threads[THREADS];
    add(crowd.f, "@anna");
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update_often, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    assert_true(revision_of(crowd.f, "anna") >= THREADS * UPDATES);
    assert_news(crowd.f, "@anna f s");
}

/* --- copies -------------------------------------------------------------------------------- */

static void a_copy_continues_the_revisions_of_the_store(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), bob = user_of("@bob");
    anna.revision = 7;
    anna.unannounced = FIRST;
    snprintf(anna.origin, sizeof(anna.origin), "s1");
    assert_int_equal(user_store_add(f->store, &anna), STATUS_OK);
    assert_int_equal(user_store_add(f->store, &bob), STATUS_OK);
    assert_news(f, "@anna f s1");
    bob.revision = 4;
    bob.unannounced = LAST;
    snprintf(bob.first_name, sizeof(bob.first_name), "Robert");
    assert_int_equal(user_store_import_profile(f->store, "bob", &bob), STATUS_OK);
    assert_news(f, "@anna f s1, @bob l -");
    bob.revision = 2;
    bob.unannounced = 0;
    assert_int_equal(user_store_import_profile(f->store, "bob", &bob), STATUS_OK);
    assert_news(f, "@anna f s1");
    struct user_list list;
    assert_int_equal(user_store_page(f->store, "anna", 1, &list), STATUS_OK);
    assert_int_equal(list.items[0].revision, 4); /* it never falls */
    assert_string_equal(list.items[0].first_name, "Robert");
    free(list.items);
    assert_int_equal(user_store_import_profile(f->store, "cid", &bob), STATUS_NOT_FOUND);
}

static void an_update_of_a_copied_user_adds_to_its_unannounced_changes(void **state)
{
    struct fixture *f = *state;
    struct user anna = user_of("@anna"), bob = user_of("@bob");
    anna.revision = 1;
    anna.unannounced = FIRST | LAST;
    assert_int_equal(user_store_add(f->store, &anna), STATUS_OK);
    assert_int_equal(user_store_add(f->store, &bob), STATUS_OK);
    bob.revision = 1;
    bob.unannounced = LAST;
    assert_int_equal(user_store_import_profile(f->store, "bob", &bob), STATUS_OK);
    update(f, "anna", IMG, "");
    update(f, "bob", FIRST, "");
    assert_news(f, "@anna fli -, @bob fl -");
    update(f, "bob", IMG, "");
    assert_int_equal(user_store_import_profile(f->store, "bob", &bob), STATUS_OK);
    assert_news(f, "@anna fli -, @bob l -"); /* those of the copy alone */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_user_has_nothing_to_announce),
        TEST(a_change_is_unannounced_until_it_is_announced),
        TEST(the_news_has_the_current_profile),
        TEST(changes_accumulate_until_they_are_announced),
        TEST(changes_from_several_sessions_have_no_origin),
        TEST(an_older_revision_that_was_announced_leaves_the_newer),
        TEST(a_change_that_was_ignored_gets_a_revision_after_the_one_that_is_known),
        TEST(an_update_without_a_change_is_no_news),
        TEST(a_missing_user_has_no_news),
        TEST(news_come_in_pages_by_key),
        TEST(each_change_raises_the_revision),
        TEST(a_copy_continues_the_revisions_of_the_store),
        TEST(an_update_of_a_copied_user_adds_to_its_unannounced_changes),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store news %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
