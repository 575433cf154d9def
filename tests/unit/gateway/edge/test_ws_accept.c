/* gateway/edge/ws_accept: the example of RFC 6455 section 1.3. */
#include "tests/unit/unit.h"

#include "gateway/edge/ws_accept.h"

static void the_example_of_the_standard_holds(void **state)
{
    char accept[WS_ACCEPT_SIZE];

    (void)state;
    ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void a_key_is_16_bytes(void **state)
{
    (void)state;
    assert_true(ws_accept_is_key("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_true(ws_accept_is_key("++++/////////////////A=="));
    assert_false(ws_accept_is_key(""));
    assert_false(ws_accept_is_key("dGhlIHNhbXBsZSBub25jZQ="));
    assert_false(ws_accept_is_key("dGhlIHNhbXBsZSBub25jZQA="));
    assert_false(ws_accept_is_key("dGhlIHNhbXBs_SBub25jZQ=="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_standard_holds),
        cmocka_unit_test(a_key_is_16_bytes),
    };
    return cmocka_run_group_tests_name("ws_accept", tests, NULL, NULL);
}
