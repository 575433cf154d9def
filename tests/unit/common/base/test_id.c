/* services/common/base/id: ObjectIds, derived ids, hex. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/id.h"

enum { THREADS = 4, IDS_EACH = 20000 };

static uint32_t seconds_of(const struct id *id)
{
    return (uint32_t)id->bytes[0] << 24 | (uint32_t)id->bytes[1] << 16 |
           (uint32_t)id->bytes[2] << 8 | id->bytes[3];
}

static void a_fresh_id_begins_with_the_time(void **state)
{
    (void)state;
    uint32_t before = (uint32_t)(clock_wall_ms() / 1000);
    struct id id = id_new();
    assert_in_range(seconds_of(&id), before, clock_wall_ms() / 1000);
    clock_advance_for_test(1000 * 1000);
    struct id later = id_new();
    assert_in_range(seconds_of(&later), before + 1000, clock_wall_ms() / 1000);
    assert_memory_equal(id.bytes + 4, later.bytes + 4, 5);
}

static int compare(const void *one, const void *other)
{
    return memcmp(one, other, sizeof(struct id));
}

static void *make_ids(void *arg)
{
    struct id *ids = arg;
    for (size_t i = 0; i < IDS_EACH; i++)
        ids[i] = id_new();
    return NULL;
}

static void fresh_ids_of_many_threads_are_all_different(void **state)
{
    (void)state;
    static struct id ids[THREADS * IDS_EACH];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * IDS_EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, COUNT_OF(ids), sizeof(ids[0]), compare);
    for (size_t i = 1; i < COUNT_OF(ids); i++)
        assert_true(compare(&ids[i - 1], &ids[i]) < 0);
}

static void derived_ids_are_the_sha256_of_the_parts(void **state)
{
    (void)state;
    unsigned char digest[EVP_MAX_MD_SIZE];
    assert_int_equal(EVP_Digest("alice|bob", 9, digest, NULL, EVP_sha256(), NULL), 1);
    struct id id = id_from_parts("alice", "bob");
    assert_memory_equal(id.bytes, digest, ID_BYTES);
    struct id again = id_from_parts("alice", "bob"), swapped = id_from_parts("bob", "alice");
    assert_memory_equal(id.bytes, again.bytes, ID_BYTES);
    assert_memory_not_equal(id.bytes, swapped.bytes, ID_BYTES);
    struct id empty = id_from_parts("", "");
    assert_int_equal(EVP_Digest("|", 1, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(empty.bytes, digest, ID_BYTES);
}

static void hex_is_encoded_and_decoded(void **state)
{
    (void)state;
    struct id id, back;
    char hex[ID_HEX + 1];
    for (unsigned i = 0; i < ID_BYTES; i++)
        id.bytes[i] = (unsigned char)(i * 23 + 9);
    id_to_hex(&id, hex);
    assert_string_equal(hex, "0920374e657c93aac1d8ef06");
    assert_true(id_from_hex(hex, &back));
    assert_memory_equal(id.bytes, back.bytes, ID_BYTES);
    assert_true(id_from_hex("0920374E657C93AAC1D8EF06", &back));
    assert_memory_equal(id.bytes, back.bytes, ID_BYTES);
}

static void only_24_hex_digits_are_an_id(void **state)
{
    (void)state;
    static const char good[] = "5f7b106bbed28f24c084c440";
    static const char strange[] = "gG/:@`\x7f\xFF -+x";
    char text[ID_HEX + 2];
    struct id id;
    assert_true(id_from_hex(good, &id));
    assert_false(id_from_hex("", &id));
    assert_false(id_from_hex("5f7b106bbed28f24c084c44", &id));
    assert_false(id_from_hex("5f7b106bbed28f24c084c4400", &id));
    for (size_t at = 0; at < ID_HEX; at++) {
        for (size_t i = 0; i < sizeof(strange) - 1; i++) {
            memcpy(text, good, sizeof(good));
            text[at] = strange[i];
            assert_false(id_from_hex(text, &id));
        }
    }
}

static void random_hex_has_two_digits_a_byte(void **state)
{
    (void)state;
    char one[64], other[64];
    memset(one, '!', sizeof(one));
    id_random_hex(one, 16);
    id_random_hex(other, 16);
    assert_int_equal(strlen(one), 32);
    assert_int_equal(one[33], '!');
    assert_int_equal(strspn(one, "0123456789abcdef"), 32);
    assert_string_not_equal(one, other);
    id_random_hex(one, 0);
    assert_string_equal(one, "");
}

static void random_bytes_fill_exactly_what_was_asked_for(void **state)
{
    (void)state;
    unsigned char bytes[1024] = { 0 };
    size_t zeros = 0;
    id_random_bytes(bytes, 1000);
    for (size_t i = 0; i < 1000; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 50);
    for (size_t i = 1000; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_id_begins_with_the_time),
        cmocka_unit_test(fresh_ids_of_many_threads_are_all_different),
        cmocka_unit_test(derived_ids_are_the_sha256_of_the_parts),
        cmocka_unit_test(hex_is_encoded_and_decoded),
        cmocka_unit_test(only_24_hex_digits_are_an_id),
        cmocka_unit_test(random_hex_has_two_digits_a_byte),
        cmocka_unit_test(random_bytes_fill_exactly_what_was_asked_for),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
