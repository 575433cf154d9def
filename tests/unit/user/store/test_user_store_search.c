/* services/user/store/user_store: what every kind of user store finds. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const char *const population[] = { "@anna",
                                          "@Annabel",
                                          "@hanna",
                                          "@banana",
                                          "@an",
                                          "@n",
                                          "@bob",
                                          "@bobby",
                                          "@a_b",
                                          "@axb",
                                          "@a__b",
                                          "@x_",
                                          "@zz9",
                                          "@z9z9",
                                          "@nan",
                                          "@susanna",
                                          "@A1",
                                          "@a11",
                                          "@b_a_n",
                                          "@ANNA2",
                                          "@nanna",
                                          "@annann",
                                          "@q",
                                          "@long_name_with_all",
                                          "@the_longest_tag_that_may_be_give" };

static int by_text(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* The keys a search must give, in order. Returns how many. */
static size_t expect(const char *part, const char *except_key, size_t max,
                     char keys_out[][TAG_SIZE])
{
    char keys[COUNT_OF(population)][TAG_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(population); i++)
        assert_true(tag_to_key(population[i], keys[i]));
    qsort(keys, COUNT_OF(keys), TAG_SIZE, by_text);
    for (int prefix = 1; prefix >= 0; prefix--)
        for (size_t i = 0; i < COUNT_OF(keys) && count < max; i++) {
            const char *at = strstr(keys[i], part);
            if (at != NULL && (at == keys[i]) == prefix && strcmp(keys[i], except_key) != 0)
                memcpy(keys_out[count++], keys[i], TAG_SIZE);
        }
    return count;
}

static void assert_finds(struct fixture *f, const char *part, const char *except_key, size_t max)
{
    char expected[COUNT_OF(population)][TAG_SIZE], key[TAG_SIZE];
    size_t count = expect(part, except_key, max, expected);
    struct user_list list;
    assert_int_equal(user_store_find(f->store, part, except_key, max, &list), STATUS_OK);
    if (list.count != count)
        fail_msg("\"%s\" except \"%s\", at most %zu: %zu found, not %zu", part, except_key, max,
                 list.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(tag_to_key(list.items[i].tag, key));
        assert_string_equal(key, expected[i]);
    }
    free(list.items);
}

static void add_population(struct fixture *f)
{
    for (size_t i = 0; i < COUNT_OF(population); i++)
        add(f, population[i]);
}

static void prefix_matches_come_first_then_by_key(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = { "",
                                         "a",
                                         "n",
                                         "z",
                                         "q",
                                         "an",
                                         "na",
                                         "nn",
                                         "ann",
                                         "nan",
                                         "anna",
                                         "nanna",
                                         "bob",
                                         "bobb",
                                         "9",
                                         "z9",
                                         "1",
                                         "11",
                                         "susanna",
                                         "annabel",
                                         "hann",
                                         "xyz",
                                         "annabelx",
                                         "longest",
                                         "e",
                                         "the_longest_tag_that_may_be_give",
                                         "he_longest_tag_that_may_be_give" };
    add_population(f);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_finds(f, parts[i], "", 100);
}

static void an_underscore_is_a_letter_like_any_other(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = { "_",   "__",  "a_b", "a__b", "_b",        "x_",
                                         "b_a", "_a_", "___", "_n",   "name_with", "e_" };
    add_population(f);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_finds(f, parts[i], "", 100);
}

static void a_user_never_finds_itself(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = { "", "a", "an", "ann", "anna", "nn", "nna", "annabel" };
    add_population(f);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_finds(f, parts[i], "anna", 100);
        assert_finds(f, parts[i], "annabel", 100);
        assert_finds(f, parts[i], "hanna", 3);
        assert_finds(f, parts[i], "nobody", 100);
    }
}

static void no_more_are_found_than_requested(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = { "", "a", "an", "ann", "n", "_", "bob" };
    add_population(f);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        for (size_t max = 0; max < 12; max++)
            assert_finds(f, parts[i], "an", max);
}

static void a_part_longer_than_any_key_finds_no_user(void **state)
{
    struct fixture *f = *state;
    char part[100];
    struct user_list list;
    add_population(f);
    for (size_t length = 30; length < sizeof(part); length++) {
        memset(part, 'a', length);
        part[length] = '\0';
        assert_int_equal(user_store_find(f->store, part, "", 10, &list), STATUS_OK);
        assert_int_equal(list.count, 0);
        free(list.items);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(prefix_matches_come_first_then_by_key),
        TEST(an_underscore_is_a_letter_like_any_other),
        TEST(a_user_never_finds_itself),
        TEST(no_more_are_found_than_requested),
        TEST(a_part_longer_than_any_key_finds_no_user),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store search %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
