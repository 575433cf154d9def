/* gateway/socket/ws_frame_out: what a server's WebSocket frame looks like, and how long it lives.
 */
#include "gateway/socket/ws_protocol.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/ws_frame_out.h"

static void assert_text_frame(size_t length, const unsigned char *header, size_t header_length)
{
    char *payload = malloc(length + 1);
    assert_non_null(payload);
    memset(payload, 'p', length);
    struct ws_frame_out *frame = ws_frame_out_create(WS_OPCODE_TEXT, payload, length);
    memset(payload, '?', length); /* it was copied */
    assert_int_equal(frame->length, header_length + length);
    assert_memory_equal(frame->bytes, header, header_length);
    for (size_t i = 0; i < length; i++)
        if (frame->bytes[header_length + i] != 'p')
            fail_msg("byte %zu of %zu", i, length);
    ws_frame_out_unref(&frame);
    assert_null(frame);
    free(payload);
}

static void the_length_takes_as_few_bytes_as_it_needs(void **state)
{
    (void)state;
    assert_text_frame(0, (const unsigned char *)"\x81\x00", 2);
    assert_text_frame(1, (const unsigned char *)"\x81\x01", 2);
    assert_text_frame(125, (const unsigned char *)"\x81\x7D", 2);
    assert_text_frame(126, (const unsigned char *)"\x81\x7E\x00\x7E", 4);
    assert_text_frame(65535, (const unsigned char *)"\x81\x7E\xFF\xFF", 4);
    assert_text_frame(65536, (const unsigned char *)"\x81\x7F\0\0\0\0\0\x01\0\0", 10);
    assert_text_frame(1048576, (const unsigned char *)"\x81\x7F\0\0\0\0\0\x10\0\0", 10);
}

static void the_opcode_is_the_requested_one(void **state)
{
    (void)state;
    static const enum ws_opcode opcodes[] = { WS_OPCODE_TEXT, WS_OPCODE_CLOSE, WS_OPCODE_PING,
                                              WS_OPCODE_PONG };
    for (size_t i = 0; i < COUNT_OF(opcodes); i++) {
        struct ws_frame_out *frame = ws_frame_out_create(opcodes[i], "ab", 2);
        assert_int_equal(frame->length, 4);
        assert_int_equal(frame->bytes[0], 0x80 | opcodes[i]);
        assert_memory_equal(frame->bytes + 1,
                            "\x02"
                            "ab",
                            3);
        ws_frame_out_unref(&frame);
    }
    struct ws_frame_out *empty = ws_frame_out_create(WS_OPCODE_PING, NULL, 0);
    assert_int_equal(empty->length, 2);
    ws_frame_out_unref(&empty);
}

static void a_close_frame_carries_code_and_reason(void **state)
{
    (void)state;
    struct ws_frame_out *frame = ws_frame_out_create_close(1013, "later");
    assert_int_equal(frame->length, 9);
    assert_memory_equal(frame->bytes, "\x88\x07\x03\xF5later", 9);
    ws_frame_out_unref(&frame);
    frame = ws_frame_out_create_close(4999, "");
    assert_int_equal(frame->length, 4);
    assert_memory_equal(frame->bytes, "\x88\x02\x13\x87", 4);
    ws_frame_out_unref(&frame);
}

static void a_reason_has_at_most_123_bytes(void **state)
{
    (void)state;
    char reason[200];
    for (size_t length = 122; length <= 199; length += length < 125 ? 1 : 37) {
        size_t kept = length < 123 ? length : 123;
        memset(reason, 'r', length);
        reason[length] = '\0';
        struct ws_frame_out *frame = ws_frame_out_create_close(1000, reason);
        assert_int_equal(frame->length, 4 + kept);
        assert_int_equal(frame->bytes[1], 2 + kept);
        assert_memory_equal(frame->bytes + 4, reason, kept);
        ws_frame_out_unref(&frame);
    }
}

enum { HOLDERS = 4, HOLDS = 20000 };

static void *hold_often(void *arg)
{
    struct ws_frame_out *frame = arg;
    for (int i = 0; i < HOLDS; i++) {
        struct ws_frame_out *mine = ws_frame_out_ref(frame);
        ws_frame_out_unref(&mine);
    }
    ws_frame_out_unref(&frame);
    return NULL;
}

static void a_frame_lives_until_the_last_reference_is_gone(void **state)
{
    (void)state;
    pthread_t threads[HOLDERS];
    struct ws_frame_out *frame = ws_frame_out_create(WS_OPCODE_TEXT, "shared", 6);
    for (size_t i = 0; i < HOLDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_often, ws_frame_out_ref(frame)), 0);
    for (size_t i = 0; i < HOLDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(frame->references, 1);
    assert_memory_equal(frame->bytes, "\x81\x06shared", 8);
    ws_frame_out_unref(&frame);
    ws_frame_out_unref(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_takes_as_few_bytes_as_it_needs),
        cmocka_unit_test(the_opcode_is_the_requested_one),
        cmocka_unit_test(a_close_frame_carries_code_and_reason),
        cmocka_unit_test(a_reason_has_at_most_123_bytes),
        cmocka_unit_test(a_frame_lives_until_the_last_reference_is_gone),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
