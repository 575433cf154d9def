/* gateway/edge/chunked: the coding in pieces of any size. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/edge/chunked.h"

enum { MAX = 100 };

/* The result for bytes that arrive in pieces of `step`; `used` of them belong to the body. */
static enum chunked_result decode(const char *bytes, size_t step, size_t *used, struct buffer *body)
{
    struct chunked chunked = { 0 };
    size_t length = strlen(bytes), n;
    enum chunked_result result = CHUNKED_MORE;

    for (*used = 0; result == CHUNKED_MORE && *used < length; *used += n) {
        size_t piece = length - *used < step ? length - *used : step;
        result = chunked_decode(&chunked, bytes + *used, piece, &n, MAX, body);
        if (result == CHUNKED_BROKEN || result == CHUNKED_TOO_LARGE)
            break;
    }
    return result;
}

static void expect(const char *bytes, enum chunked_result result, const char *body,
                   const char *rest)
{
    for (size_t step = 1; step <= strlen(bytes) + 1; step++) {
        struct buffer got = { 0 };
        size_t used;
        if (decode(bytes, step, &used, &got) != result)
            fail_msg("in steps of %zu: %s", step, bytes);
        if (result == CHUNKED_DONE) {
            assert_string_equal(buffer_text(&got), body);
            assert_string_equal(bytes + used, rest);
        }
        buffer_finish(&got);
    }
}

static void a_body_is_decoded(void **state)
{
    (void)state;
    expect("0\r\n\r\n", CHUNKED_DONE, "", "");
    expect("5\r\nhello\r\n0\r\n\r\n", CHUNKED_DONE, "hello", "");
    expect("1\r\nh\r\n00004\r\nello\r\n000\r\n\r\nGET", CHUNKED_DONE, "hello", "GET");
    expect("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", CHUNKED_DONE, "01234567890123456789",
           "");
    expect("5\r\nhello\r\n", CHUNKED_MORE, "", "");
}

static void extensions_and_trailers_are_discarded(void **state)
{
    (void)state;
    expect("2;a\r\nhi\r\n0;b=c\r\n\r\n", CHUNKED_DONE, "hi", "");
    expect("2 ; a=\"x;\\\"y\"\t;b\r\nhi\r\n0\r\nA: b\r\nC:\r\n\r\n0", CHUNKED_DONE, "hi", "0");
}

static void what_is_malformed_is_broken(void **state)
{
    static const char *const bodies[] = {
        "\r\n",
        "g",
        "-1\r\n",
        "1 \r\n",
        "1\n",
        "1\r1",
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rb",
        "0\r\n\n",
        "0\r\nA\r\n",
        "0\r\n A: b",
        "0\r\nA: b\n",
        "0\r\n\rx",
        "1;\n",
        "1;\"\r\n",
        "fffffffffffffffff",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        expect(bodies[i], CHUNKED_BROKEN, "", "");
}

static void a_body_has_a_maximum(void **state)
{
    char bytes[MAX + 32] = "64\r\n";

    (void)state;
    expect("65\r\n0", CHUNKED_TOO_LARGE, "", "");
    expect("5\r\nhello\r\n60\r\n0", CHUNKED_TOO_LARGE, "", "");
    memset(bytes + 4, 'a', MAX);
    strcat(bytes, "\r\n0\r\n\r\n");
    struct buffer body = { 0 };
    size_t used;
    assert_int_equal(decode(bytes, sizeof(bytes), &used, &body), CHUNKED_DONE);
    assert_int_equal(body.length, MAX);
    buffer_finish(&body);
}

static void what_is_discarded_has_a_maximum(void **state)
{
    static char bytes[CHUNKED_EXTRA_MAX + 16];
    struct buffer body = { 0 };
    size_t used;

    (void)state;
    memset(bytes, 'a', sizeof(bytes) - 1);
    memcpy(bytes, "1;", 2);
    assert_int_equal(decode(bytes, 1000, &used, &body), CHUNKED_BROKEN);
    bytes[CHUNKED_EXTRA_MAX] = '\0';
    assert_int_equal(decode(bytes, 1000, &used, &body), CHUNKED_MORE);
    buffer_finish(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_decoded),
        cmocka_unit_test(extensions_and_trailers_are_discarded),
        cmocka_unit_test(what_is_malformed_is_broken),
        cmocka_unit_test(a_body_has_a_maximum),
        cmocka_unit_test(what_is_discarded_has_a_maximum),
    };
    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
