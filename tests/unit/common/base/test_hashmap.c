/* services/common/base/hashmap: strings to pointers. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"

enum { MANY = 20000, CHURN_KEYS = 200, CHURN_ROUNDS = 200000 };

static void name_key(char out[32], unsigned n)
{
    snprintf(out, 32, "key-%u", n);
}

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_create();
    const char *key;
    void *value;
    size_t cursor = 0;
    assert_int_equal(hashmap_count(map), 0);
    assert_null(hashmap_get(map, "a"));
    assert_null(hashmap_get(map, ""));
    assert_null(hashmap_remove(map, "a"));
    assert_false(hashmap_next(map, &cursor, &key, &value));
    hashmap_destroy(&map);
    assert_null(map);
    hashmap_destroy(&map);
}

static void put_get_replace_remove(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_create();
    int one, two;
    assert_null(hashmap_put(map, "a", &one));
    assert_ptr_equal(hashmap_get(map, "a"), &one);
    assert_ptr_equal(hashmap_put(map, "a", &two), &one);
    assert_ptr_equal(hashmap_get(map, "a"), &two);
    assert_int_equal(hashmap_count(map), 1);
    assert_null(hashmap_put(map, "", &one));
    assert_ptr_equal(hashmap_get(map, ""), &one);
    assert_int_equal(hashmap_count(map), 2);
    assert_ptr_equal(hashmap_remove(map, "a"), &two);
    assert_null(hashmap_get(map, "a"));
    assert_null(hashmap_remove(map, "a"));
    assert_int_equal(hashmap_count(map), 1);
    hashmap_destroy(&map);
}

static void keys_are_copied(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_create();
    char key[] = "before";
    int value;
    hashmap_put(map, key, &value);
    memcpy(key, "after!", 6);
    assert_ptr_equal(hashmap_get(map, "before"), &value);
    assert_null(hashmap_get(map, "after!"));
    hashmap_destroy(&map);
}

/* Lengths around the eight bytes that the hash takes at a time, and keys that differ at the end. */
static void keys_of_every_length_are_distinguished(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_create();
    static char values[65][2];
    char key[66];
    for (size_t length = 0; length <= 64; length++) {
        memset(key, 'k', length);
        key[length] = '\0';
        assert_null(hashmap_put(map, key, &values[length][0]));
        key[length > 0 ? length - 1 : 0] = 'z';
        if (length > 0)
            assert_null(hashmap_put(map, key, &values[length][1]));
    }
    for (size_t length = 1; length <= 64; length++) {
        memset(key, 'k', length);
        key[length] = '\0';
        assert_ptr_equal(hashmap_get(map, key), &values[length][0]);
        key[length - 1] = 'z';
        assert_ptr_equal(hashmap_get(map, key), &values[length][1]);
    }
    hashmap_destroy(&map);
}

static void many_keys_are_all_found_again(void **state)
{
    (void)state;
    static char values[MANY];
    struct hashmap *map = hashmap_create();
    char key[32];
    for (unsigned n = 0; n < MANY; n++) {
        name_key(key, n);
        assert_null(hashmap_put(map, key, &values[n]));
    }
    assert_int_equal(hashmap_count(map), MANY);
    for (unsigned n = 0; n < MANY; n += 2) {
        name_key(key, n);
        assert_ptr_equal(hashmap_remove(map, key), &values[n]);
    }
    for (unsigned n = 0; n < MANY; n++) {
        name_key(key, n);
        assert_ptr_equal(hashmap_get(map, key), n % 2 == 0 ? NULL : &values[n]);
    }
    assert_int_equal(hashmap_count(map), MANY / 2);
    hashmap_destroy(&map);
}

static void many_random_changes_agree_with_a_plain_array(void **state)
{
    (void)state;
    static char values[CHURN_KEYS];
    bool there[CHURN_KEYS] = { false };
    struct hashmap *map = hashmap_create();
    unsigned random = 5;
    size_t count = 0;
    for (int round = 0; round < CHURN_ROUNDS; round++) {
        char key[32];
        random = random * 1664525u + 1013904223u;
        unsigned n = (random >> 8) % CHURN_KEYS;
        name_key(key, n);
        void *before =
            (random >> 28) % 2 == 0 ? hashmap_put(map, key, &values[n]) : hashmap_remove(map, key);
        assert_ptr_equal(before, there[n] ? &values[n] : NULL);
        bool now = (random >> 28) % 2 == 0;
        count = count + (now && !there[n]) - (!now && there[n]);
        there[n] = now;
        assert_int_equal(hashmap_count(map), count);
    }
    hashmap_destroy(&map);
}

/* Removed entries leave traces; if they filled the table, a search would never end. */
static void keys_may_be_added_and_removed_without_end(void **state)
{
    (void)state;
    static char values[CHURN_ROUNDS];
    struct hashmap *map = hashmap_create();
    char key[32];
    for (unsigned n = 0; n < CHURN_ROUNDS; n++) {
        name_key(key, n);
        assert_null(hashmap_put(map, key, &values[n]));
        if (n >= 5) {
            name_key(key, n - 5);
            assert_ptr_equal(hashmap_remove(map, key), &values[n - 5]);
        }
        assert_null(hashmap_get(map, "absent"));
    }
    assert_int_equal(hashmap_count(map), 5);
    hashmap_destroy(&map);
}

static void a_walk_sees_every_entry_once(void **state)
{
    (void)state;
    static unsigned seen[1000];
    struct hashmap *map = hashmap_create();
    const char *key;
    void *value;
    char name[32];
    for (unsigned n = 0; n < COUNT_OF(seen); n++) {
        name_key(name, n);
        hashmap_put(map, name, &seen[n]);
    }
    for (size_t cursor = 0; hashmap_next(map, &cursor, &key, &value);) {
        name_key(name, (unsigned)((unsigned *)value - seen));
        assert_string_equal(key, name);
        ++*(unsigned *)value;
    }
    for (size_t n = 0; n < COUNT_OF(seen); n++)
        assert_int_equal(seen[n], 1);
    hashmap_destroy(&map);
}

static void the_entry_just_seen_may_be_removed(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_create();
    static char values[500];
    const char *key;
    void *value;
    size_t seen = 0;
    for (unsigned n = 0; n < COUNT_OF(values); n++) {
        char name[32];
        name_key(name, n);
        hashmap_put(map, name, &values[n]);
    }
    for (size_t cursor = 0; hashmap_next(map, &cursor, &key, &value); seen++)
        assert_ptr_equal(hashmap_remove(map, key), value);
    assert_int_equal(seen, COUNT_OF(values));
    assert_int_equal(hashmap_count(map), 0);
    hashmap_destroy(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(put_get_replace_remove),
        cmocka_unit_test(keys_are_copied),
        cmocka_unit_test(keys_of_every_length_are_distinguished),
        cmocka_unit_test(many_keys_are_all_found_again),
        cmocka_unit_test(many_random_changes_agree_with_a_plain_array),
        cmocka_unit_test(keys_may_be_added_and_removed_without_end),
        cmocka_unit_test(a_walk_sees_every_entry_once),
        cmocka_unit_test(the_entry_just_seen_may_be_removed),
    };
    return cmocka_run_group_tests_name("hashmap", tests, NULL, NULL);
}
