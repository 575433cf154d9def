/* services/user/login/password: hashes that only the password fits. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "services/user/login/password.h"
#include "services/user/store/user_store.h"

static const struct password_cost cheap = { .memory_kib = 64, .passes = 1 };

static void only_the_password_itself_fits(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "correct hors", "correct horse ", "Correct horse", "correct horsf", " correct horse"
    };
    char encoded[USER_HASH_SIZE];
    assert_true(password_hash(&cheap, "correct horse", encoded, sizeof(encoded)));
    assert_true(password_verify(encoded, "correct horse"));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(password_verify(encoded, wrong[i]));
}

static void passwords_of_every_length_are_distinguished_to_the_last_byte(void **state)
{
    (void)state;
    char password[1025], encoded[USER_HASH_SIZE];
    static const size_t lengths[] = { 1, 8, 72, 73, 128, 1024 };
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        memset(password, '\xF0', lengths[i]);
        password[lengths[i]] = '\0';
        assert_true(password_hash(&cheap, password, encoded, sizeof(encoded)));
        assert_true(password_verify(encoded, password));
        password[lengths[i] - 1] = 'x';
        assert_false(password_verify(encoded, password));
    }
}

static void the_hash_contains_its_kind_and_cost(void **state)
{
    (void)state;
    struct password_cost cost = { .memory_kib = 128, .passes = 3 };
    char encoded[USER_HASH_SIZE];
    static const char expected[] = "$argon2id$v=19$m=128,t=3,p=1$";
    assert_true(password_hash(&cost, "secret", encoded, sizeof(encoded)));
    assert_memory_equal(encoded, expected, sizeof(expected) - 1);
    assert_null(strstr(encoded, "secret"));
    assert_true(password_verify(encoded, "secret")); /* with the cost that it names */
}

static void every_hash_has_a_salt_of_its_own(void **state)
{
    (void)state;
    char one[USER_HASH_SIZE], other[USER_HASH_SIZE];
    assert_true(password_hash(&cheap, "same", one, sizeof(one)));
    assert_true(password_hash(&cheap, "same", other, sizeof(other)));
    assert_string_not_equal(one, other);
    assert_true(password_verify(one, "same"));
    assert_true(password_verify(other, "same"));
}

static void an_invalid_hash_matches_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "same",
                                       "$argon2id$",
                                       "$argon2id$v=19$m=64,t=1,p=1$",
                                       "$2b$10$abcdefghijklmnopqrstuv",
                                       "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaA",
                                       "$argon2id$v=19$m=0,t=0,p=0$AAAA$AAAA" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(password_verify(bad[i], "same"));
        assert_false(password_verify(bad[i], ""));
        assert_false(password_verify(bad[i], bad[i]));
    }
}

static void a_hash_that_does_not_fit_its_room_is_refused(void **state)
{
    (void)state;
    char small[32];
    assert_false(password_hash(&cheap, "same", small, sizeof(small)));
}

static void a_hash_is_weaker_than_a_cost_that_has_risen(void **state)
{
    (void)state;
    static const struct {
        uint32_t memory_kib, passes;
        bool is_weaker;
    } costs[] = { { 64, 2, false }, { 65, 2, true },  { 64, 3, true },  { 128, 3, true },
                  { 63, 2, false }, { 64, 1, false }, { 63, 9, false }, { 9999, 1, false } };
    char encoded[256];
    struct password_cost cost = { .memory_kib = 64, .passes = 2 };
    assert_true(password_hash(&cost, "same", encoded, sizeof(encoded)));
    for (size_t i = 0; i < COUNT_OF(costs); i++) {
        cost = (struct password_cost){ costs[i].memory_kib, costs[i].passes };
        assert_int_equal(password_is_weaker(encoded, &cost), costs[i].is_weaker);
        assert_false(password_is_weaker("", &cost));
        assert_false(password_is_weaker("$2b$10$abcdefghijklmnopqrstuv", &cost));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_password_itself_fits),
        cmocka_unit_test(passwords_of_every_length_are_distinguished_to_the_last_byte),
        cmocka_unit_test(the_hash_contains_its_kind_and_cost),
        cmocka_unit_test(every_hash_has_a_salt_of_its_own),
        cmocka_unit_test(an_invalid_hash_matches_nothing),
        cmocka_unit_test(a_hash_that_does_not_fit_its_room_is_refused),
        cmocka_unit_test(a_hash_is_weaker_than_a_cost_that_has_risen),
    };
    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
