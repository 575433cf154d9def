/* gateway/socket/ws_assemble: frames of a client become whole texts. */
#include "gateway/socket/ws_protocol.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/ws_assemble.h"
#include "gateway/socket/ws_frame_in.h"

enum { FIN = 128, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct ws_assembly));
    return *state == NULL;
}

static int tear_down(void **state)
{
    ws_assemble_finish(*state);
    free(*state);
    return 0;
}

/* From a copy of the exact size, so that a sanitiser sees a read beyond. Valid like the copy. */
static struct ws_input feed(struct ws_assembly *a, unsigned first_byte, const char *text)
{
    static char *copy;
    size_t length = strlen(text);
    free(copy);
    copy = length > 0 ? malloc(length) : NULL;
    if (length > 0)
        memcpy(copy, text, length);
    return ws_assemble(a, first_byte, copy, length);
}

static void assert_text(struct ws_input input, const char *expected)
{
    assert_int_equal(input.event, WS_TEXT);
    assert_int_equal(input.length, strlen(expected));
    if (input.length > 0)
        assert_memory_equal(input.data, expected, input.length);
}

static void assert_refused(struct ws_input input, int code)
{
    assert_int_equal(input.event, WS_REFUSE);
    assert_int_equal(input.code, code);
    assert_non_null(input.reason);
    assert_true(strlen(input.reason) > 0 && strlen(input.reason) <= 123);
}

/* Fragments */

static void a_final_frame_is_a_whole_text(void **state)
{
    assert_text(feed(*state, FIN | TEXT, "hello"), "hello");
    assert_text(feed(*state, FIN | TEXT, ""), "");
    assert_text(feed(*state, FIN | TEXT, "\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
}

static void fragments_are_joined(void **state)
{
    for (int again = 0; again < 3; again++) {
        assert_int_equal(feed(*state, TEXT, "one ").event, WS_NOTHING);
        assert_int_equal(feed(*state, CONTINUATION, "").event, WS_NOTHING);
        assert_int_equal(feed(*state, CONTINUATION, "two ").event, WS_NOTHING);
        assert_text(feed(*state, FIN | CONTINUATION, "three"), "one two three");
        assert_text(feed(*state, FIN | TEXT, "between"), "between");
    }
    assert_int_equal(feed(*state, TEXT, "").event, WS_NOTHING);
    assert_text(feed(*state, FIN | CONTINUATION, ""), "");
}

static void control_frames_may_come_between_fragments(void **state)
{
    assert_int_equal(feed(*state, TEXT, "a").event, WS_NOTHING);
    struct ws_input ping = feed(*state, FIN | PING, "payload");
    assert_int_equal(ping.event, WS_PING);
    assert_int_equal(ping.length, 7);
    assert_memory_equal(ping.data, "payload", 7);
    assert_int_equal(feed(*state, CONTINUATION, "b").event, WS_NOTHING);
    assert_int_equal(feed(*state, FIN | PONG, "").event, WS_PONG);
    assert_text(feed(*state, FIN | CONTINUATION, "c"), "abc");
    assert_int_equal(feed(*state, TEXT, "d").event, WS_NOTHING);
    assert_int_equal(feed(*state, FIN | CLOSE, "").event, WS_CLOSE);
}

static void fragments_out_of_order_are_a_protocol_error(void **state)
{
    assert_refused(feed(*state, CONTINUATION, "x"), WS_CLOSE_PROTOCOL_ERROR);
    assert_refused(feed(*state, FIN | CONTINUATION, "x"), WS_CLOSE_PROTOCOL_ERROR);
    assert_int_equal(feed(*state, TEXT, "a").event, WS_NOTHING);
    assert_refused(feed(*state, FIN | TEXT, "b"), WS_CLOSE_PROTOCOL_ERROR);
    assert_refused(feed(*state, TEXT, "b"), WS_CLOSE_PROTOCOL_ERROR);
}

static void a_continuation_after_the_end_is_a_protocol_error(void **state)
{
    assert_int_equal(feed(*state, TEXT, "a").event, WS_NOTHING);
    assert_text(feed(*state, FIN | CONTINUATION, "b"), "ab");
    assert_refused(feed(*state, FIN | CONTINUATION, "c"), WS_CLOSE_PROTOCOL_ERROR);
}

static void binary_frames_are_refused(void **state)
{
    assert_refused(feed(*state, FIN | BINARY, "x"), WS_CLOSE_UNSUPPORTED_DATA);
    assert_refused(feed(*state, BINARY, ""), WS_CLOSE_UNSUPPORTED_DATA);
}

static void unknown_opcodes_are_a_protocol_error(void **state)
{
    for (unsigned opcode = 3; opcode < 16; opcode++)
        if (opcode < CLOSE || opcode > PONG)
            assert_refused(feed(*state, FIN | opcode, "x"), WS_CLOSE_PROTOCOL_ERROR);
}

/* UTF-8 */

static void text_that_is_not_utf8_is_refused(void **state)
{
    assert_refused(feed(*state, FIN | TEXT, "a\xFF"), WS_CLOSE_INVALID_DATA);
    assert_refused(feed(*state, FIN | TEXT, "\xC3"), WS_CLOSE_INVALID_DATA);
    assert_refused(feed(*state, FIN | TEXT, "\xED\xA0\x80"), WS_CLOSE_INVALID_DATA);
}

static void a_character_may_be_split_over_frames(void **state)
{
    static const char text[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";
    for (size_t one = 0; one <= sizeof(text) - 1; one++) {
        for (size_t two = one; two <= sizeof(text) - 1; two++) {
            char parts[3][sizeof(text)] = { "", "", "" };
            memcpy(parts[0], text, one);
            memcpy(parts[1], text + one, two - one);
            memcpy(parts[2], text + two, sizeof(text) - 1 - two);
            assert_int_equal(feed(*state, TEXT, parts[0]).event, WS_NOTHING);
            assert_int_equal(feed(*state, CONTINUATION, parts[1]).event, WS_NOTHING);
            assert_text(feed(*state, FIN | CONTINUATION, parts[2]), text);
        }
    }
}

static void a_message_that_ends_within_a_character_is_refused(void **state)
{
    assert_int_equal(feed(*state, TEXT, "a\xE2").event, WS_NOTHING);
    assert_refused(feed(*state, FIN | CONTINUATION, "\x82"), WS_CLOSE_INVALID_DATA);
}

/* Size */

static char *fill(size_t length)
{
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'x', length);
    return text;
}

static void one_frame_holds_64_kib_and_not_a_byte_more(void **state)
{
    char *text = fill(WS_MESSAGE_MAX + 1);
    struct ws_input input = ws_assemble(*state, FIN | TEXT, text, WS_MESSAGE_MAX);
    assert_int_equal(input.event, WS_TEXT);
    assert_int_equal(input.length, WS_MESSAGE_MAX);
    assert_refused(ws_assemble(*state, FIN | TEXT, text, WS_MESSAGE_MAX + 1), WS_CLOSE_TOO_BIG);
    free(text);
}

static void the_size_counts_over_all_fragments(void **state)
{
    char *text = fill(WS_MESSAGE_MAX);
    for (size_t first = 0; first <= WS_MESSAGE_MAX; first += 16384) {
        size_t rest = WS_MESSAGE_MAX - first;
        assert_int_equal(ws_assemble(*state, TEXT, text, first).event, WS_NOTHING);
        struct ws_input input = ws_assemble(*state, FIN | CONTINUATION, text, rest);
        assert_int_equal(input.event, WS_TEXT);
        assert_int_equal(input.length, WS_MESSAGE_MAX);
    }
    assert_int_equal(ws_assemble(*state, TEXT, text, 1).event, WS_NOTHING);
    assert_refused(ws_assemble(*state, FIN | CONTINUATION, text, WS_MESSAGE_MAX), WS_CLOSE_TOO_BIG);
    free(text);
}

static void too_much_is_refused_before_the_message_ends(void **state)
{
    char *text = fill(WS_MESSAGE_MAX);
    assert_int_equal(ws_assemble(*state, TEXT, text, WS_MESSAGE_MAX).event, WS_NOTHING);
    assert_int_equal(ws_assemble(*state, CONTINUATION, text, 0).event, WS_NOTHING);
    assert_refused(ws_assemble(*state, CONTINUATION, text, 1), WS_CLOSE_TOO_BIG);
    free(text);
}

/* Closing */

static struct ws_input feed_close(struct ws_assembly *a, int code, const char *reason)
{
    char payload[200] = { (char)(code >> 8), (char)code };
    memcpy(payload + 2, reason, strlen(reason));
    return ws_assemble(a, FIN | CLOSE, payload, 2 + strlen(reason));
}

static void a_close_frame_is_answered_with_its_own_code(void **state)
{
    static const int good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct ws_input input = feed_close(*state, good[i], "bye \xC3\xA4");
        assert_int_equal(input.event, WS_CLOSE);
        assert_int_equal(input.code, good[i]);
    }
    struct ws_input empty = ws_assemble(*state, FIN | CLOSE, NULL, 0);
    assert_int_equal(empty.event, WS_CLOSE);
    assert_int_equal(empty.code, WS_CLOSE_NORMAL);
}

static void codes_that_may_not_be_sent_are_a_protocol_error(void **state)
{
    static const int bad[] = { 0,    1,    999,  1004, 1005, 1006, 1015,
                               1016, 1999, 2000, 2999, 5000, 65535 };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_refused(feed_close(*state, bad[i], ""), WS_CLOSE_PROTOCOL_ERROR);
    assert_refused(ws_assemble(*state, FIN | CLOSE, "\x03", 1), WS_CLOSE_PROTOCOL_ERROR);
}

static void a_reason_that_is_not_utf8_is_refused(void **state)
{
    assert_refused(feed_close(*state, 1000, "\xFF"), WS_CLOSE_INVALID_DATA);
    assert_refused(feed_close(*state, 1000, "ok \xC3"), WS_CLOSE_INVALID_DATA);
}

static void after_finishing_a_new_start_is_possible(void **state)
{
    assert_int_equal(feed(*state, TEXT, "left over").event, WS_NOTHING);
    ws_assemble_finish(*state);
    assert_refused(feed(*state, FIN | CONTINUATION, "x"), WS_CLOSE_PROTOCOL_ERROR);
    assert_text(feed(*state, FIN | TEXT, "anew"), "anew");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_final_frame_is_a_whole_text),
        TEST(fragments_are_joined),
        TEST(control_frames_may_come_between_fragments),
        TEST(fragments_out_of_order_are_a_protocol_error),
        TEST(a_continuation_after_the_end_is_a_protocol_error),
        TEST(binary_frames_are_refused),
        TEST(unknown_opcodes_are_a_protocol_error),
        TEST(text_that_is_not_utf8_is_refused),
        TEST(a_character_may_be_split_over_frames),
        TEST(a_message_that_ends_within_a_character_is_refused),
        TEST(one_frame_holds_64_kib_and_not_a_byte_more),
        TEST(the_size_counts_over_all_fragments),
        TEST(too_much_is_refused_before_the_message_ends),
        TEST(a_close_frame_is_answered_with_its_own_code),
        TEST(codes_that_may_not_be_sent_are_a_protocol_error),
        TEST(a_reason_that_is_not_utf8_is_refused),
        TEST(after_finishing_a_new_start_is_possible),
    };
    return cmocka_run_group_tests_name("ws_assemble", tests, NULL, NULL);
}
