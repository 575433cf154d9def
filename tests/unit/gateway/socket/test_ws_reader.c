/* gateway/socket/ws_reader and ws_frame_in: what a client may send, however its bytes arrive. */
#include "gateway/socket/ws_protocol.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/ws_frame_in.h"
#include "gateway/socket/ws_reader.h"
#include "services/common/base/buffer.h"

enum { FIN = 128, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { PAYLOAD_MAX = 65536 };

/* Making frames */

struct shape {
    unsigned first_byte;
    bool unmasked;
    unsigned form;   /* of the length: 0 the shortest, else 126 or 127 */
    uint64_t length; /* as claimed */
    size_t payload;  /* bytes that follow */
};

static void append_frame(struct buffer *out, struct shape shape)
{
    unsigned form = shape.form != 0        ? shape.form
                    : shape.length < 126   ? (unsigned)shape.length
                    : shape.length < 65536 ? 126
                                           : 127;
    size_t bytes = form == 126 ? 2 : form == 127 ? 8 : 0;

    buffer_append_char(out, (char)shape.first_byte);
    buffer_append_char(out, (char)(form | (shape.unmasked ? 0 : 128)));
    for (size_t i = bytes; i > 0; i--)
        buffer_append_char(out, (char)(shape.length >> (8 * (i - 1))));
    if (!shape.unmasked)
        buffer_append(out, "mask", 4);
    memset(buffer_reserve(out, shape.payload), 0xFF, shape.payload);
    out->length += shape.payload;
}

struct verdict {
    int code;      /* 0: nothing was broken */
    size_t frames; /* whole ones that came before */
};

/* From a copy of the exact size, so that a sanitiser sees a read beyond. Reading stops after each
 * piece, so that what is left is kept. */
static void read_piece(struct ws_reader *reader, const char *bytes, size_t length,
                       struct verdict *verdict)
{
    char *copy = malloc(length > 0 ? length : 1);
    struct ws_frame_in frame;
    enum ws_frame_in_result result;
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    ws_reader_take(reader, copy, length);
    while ((result = ws_frame_in_read(reader->at, reader->left, PAYLOAD_MAX, &frame,
                                      &verdict->code)) == WS_FRAME_IN_WHOLE) {
        reader->at += frame.size;
        reader->left -= frame.size;
        verdict->frames++;
    }
    if (result == WS_FRAME_IN_PART)
        verdict->code = 0;
    ws_reader_keep(reader);
    free(copy);
}

static struct verdict read_split(const struct buffer *stream, size_t split)
{
    struct ws_reader reader = { .left = 0 };
    struct verdict verdict = { 0, 0 };
    read_piece(&reader, stream->data, split, &verdict);
    if (verdict.code == 0)
        read_piece(&reader, stream->data + split, stream->length - split, &verdict);
    ws_reader_finish(&reader);
    return verdict;
}

static struct verdict read_bytewise(const struct buffer *stream)
{
    struct ws_reader reader = { .left = 0 };
    struct verdict verdict = { 0, 0 };
    for (size_t i = 0; i < stream->length && verdict.code == 0; i++)
        read_piece(&reader, stream->data + i, 1, &verdict);
    ws_reader_finish(&reader);
    return verdict;
}

/* A good frame, then the one in question, then another good one, split at every byte. */
static void assert_verdict(struct shape shape, int expected)
{
    struct buffer stream = { 0 };
    append_frame(&stream, (struct shape){ .first_byte = FIN | TEXT, .length = 5, .payload = 5 });
    append_frame(&stream, shape);
    append_frame(&stream, (struct shape){ .first_byte = FIN | PONG });
    for (size_t split = 0; split <= stream.length; split++) {
        struct verdict verdict = read_split(&stream, split);
        assert_int_equal(verdict.code, expected);
        assert_int_equal(verdict.frames, expected == 0 ? 3 : 1);
    }
    assert_int_equal(read_bytewise(&stream).code, expected);
    buffer_finish(&stream);
}

/* The rules */

static void valid_frames_pass(void **state)
{
    (void)state;
    static const unsigned first_bytes[] = { FIN | TEXT,  TEXT,         0,
                                            FIN,         FIN | BINARY, BINARY,
                                            FIN | CLOSE, FIN | PING,   FIN | PONG };
    for (size_t i = 0; i < COUNT_OF(first_bytes); i++) {
        assert_verdict((struct shape){ .first_byte = first_bytes[i] }, 0);
        assert_verdict((struct shape){ .first_byte = first_bytes[i], .length = 7, .payload = 7 },
                       0);
        assert_verdict(
            (struct shape){ .first_byte = first_bytes[i], .length = 125, .payload = 125 }, 0);
    }
}

static void every_form_of_length_passes(void **state)
{
    (void)state;
    static const size_t lengths[] = { 126, 127, 128, 255, 256, 1000 };
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_verdict(
            (struct shape){ .first_byte = FIN | TEXT, .length = lengths[i], .payload = lengths[i] },
            0);
    assert_verdict(
        (struct shape){ .first_byte = FIN | TEXT, .form = 127, .length = 300, .payload = 300 }, 0);
}

static void frames_without_a_mask_are_refused(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 16; opcode++)
        assert_verdict(
            (struct shape){
                .first_byte = FIN | opcode, .unmasked = true, .length = 3, .payload = 3 },
            WS_CLOSE_PROTOCOL_ERROR);
    assert_verdict(
        (struct shape){ .first_byte = FIN | TEXT, .unmasked = true, .length = 200, .payload = 200 },
        WS_CLOSE_PROTOCOL_ERROR);
    assert_verdict(
        (struct shape){ .first_byte = FIN | TEXT, .unmasked = true, .length = UINT64_C(1) << 40 },
        WS_CLOSE_PROTOCOL_ERROR);
}

static void reserved_bits_are_refused(void **state)
{
    (void)state;
    for (unsigned bit = 16; bit <= 64; bit *= 2) {
        assert_verdict((struct shape){ .first_byte = FIN | bit | TEXT, .length = 3, .payload = 3 },
                       WS_CLOSE_PROTOCOL_ERROR);
        assert_verdict((struct shape){ .first_byte = FIN | bit | PING }, WS_CLOSE_PROTOCOL_ERROR);
        assert_verdict((struct shape){ .first_byte = bit }, WS_CLOSE_PROTOCOL_ERROR);
    }
}

static void unknown_opcodes_are_refused(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        bool known = opcode <= BINARY || (opcode >= CLOSE && opcode <= PONG);
        assert_verdict((struct shape){ .first_byte = FIN | opcode, .length = 3, .payload = 3 },
                       known ? 0 : WS_CLOSE_PROTOCOL_ERROR);
    }
}

static void control_frames_are_whole_and_short(void **state)
{
    (void)state;
    for (unsigned opcode = CLOSE; opcode <= PONG; opcode++) {
        assert_verdict((struct shape){ .first_byte = opcode, .length = 3, .payload = 3 },
                       WS_CLOSE_PROTOCOL_ERROR);
        assert_verdict((struct shape){ .first_byte = FIN | opcode, .length = 126, .payload = 126 },
                       WS_CLOSE_PROTOCOL_ERROR);
        assert_verdict(
            (struct shape){
                .first_byte = FIN | opcode, .form = 127, .length = 126, .payload = 126 },
            WS_CLOSE_PROTOCOL_ERROR);
        assert_verdict((struct shape){ .first_byte = FIN | opcode, .length = 1 << 20 },
                       WS_CLOSE_PROTOCOL_ERROR);
    }
}

static void a_payload_has_its_limit_and_not_a_byte_more(void **state)
{
    (void)state;
    struct buffer stream = { 0 };
    append_frame(
        &stream,
        (struct shape){ .first_byte = FIN | TEXT, .length = PAYLOAD_MAX, .payload = PAYLOAD_MAX });
    append_frame(&stream, (struct shape){ .first_byte = FIN | PING });
    assert_int_equal(read_split(&stream, stream.length).code, 0);
    assert_int_equal(read_bytewise(&stream).code, 0);
    buffer_finish(&stream);
    assert_verdict((struct shape){ .first_byte = FIN | TEXT, .length = PAYLOAD_MAX + 1 },
                   WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = TEXT, .length = PAYLOAD_MAX + 1 },
                   WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = 0, .length = PAYLOAD_MAX + 1 }, WS_CLOSE_TOO_BIG);
}

static void a_claimed_length_of_gigabytes_is_rejected_before_its_payload(void **state)
{
    (void)state;
    for (unsigned shift = 17; shift < 64; shift++)
        assert_verdict(
            (struct shape){ .first_byte = FIN | TEXT, .form = 127, .length = UINT64_C(1) << shift },
            WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = FIN | BINARY, .form = 127, .length = UINT64_MAX },
                   WS_CLOSE_TOO_BIG);
}

static void any_bytes_give_the_same_result_however_they_are_split(void **state)
{
    (void)state;
    unsigned random = 11;
    for (int round = 0; round < 3000; round++) {
        struct buffer stream = { 0 };
        for (int frame = 0; frame < 3; frame++) {
            random = random * 1664525u + 1013904223u;
            unsigned length = random >> 27;
            append_frame(&stream, (struct shape){ .first_byte = (random >> 16) & 255u,
                                                  .unmasked = (random >> 25) % 4 == 0,
                                                  .length = length,
                                                  .payload = length });
        }
        struct verdict whole = read_split(&stream, stream.length);
        assert_int_equal(read_bytewise(&stream).code, whole.code);
        for (size_t split = 0; split < stream.length; split += 3)
            assert_int_equal(read_split(&stream, split).code, whole.code);
        buffer_finish(&stream);
    }
}

/* Reading from a socket */

struct pair {
    int ours, theirs;
    struct ws_reader reader;
    char scratch[256];
};

static int set_up(void **state)
{
    int fds[2];
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return -1;
    pair->ours = fds[0];
    pair->theirs = fds[1];
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    ws_reader_finish(&pair->reader);
    close(pair->ours);
    if (pair->theirs >= 0)
        close(pair->theirs);
    free(pair);
    return 0;
}

static void tell(const struct pair *pair, const void *bytes, size_t length)
{
    assert_int_equal(send(pair->theirs, bytes, length, 0), length);
}

static void tell_text(const struct pair *pair, unsigned first_byte, char fill, size_t length)
{
    struct buffer stream = { 0 };
    append_frame(&stream,
                 (struct shape){ .first_byte = first_byte, .length = length, .payload = 0 });
    for (size_t i = 0; i < length; i++)
        buffer_append_char(&stream, (char)(fill ^ "mask"[i % 4]));
    tell(pair, stream.data, stream.length);
    buffer_finish(&stream);
}

static bool fill(struct pair *pair)
{
    return ws_reader_fill(&pair->reader, pair->ours, pair->scratch, sizeof(pair->scratch));
}

static void assert_next_is_text(struct pair *pair, char fill_char, size_t length)
{
    struct ws_input input = ws_reader_next(&pair->reader);
    while (input.event == WS_NOTHING) {
        assert_true(fill(pair));
        input = ws_reader_next(&pair->reader);
    }
    assert_int_equal(input.event, WS_TEXT);
    assert_int_equal(input.length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(input.data[i], fill_char);
}

static void texts_are_returned_as_they_were_sent(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'a', 0);
    tell_text(pair, FIN | TEXT, 'b', 7);
    tell_text(pair, FIN | TEXT, 'c', 125);
    tell_text(pair, FIN | TEXT, 'd', 126);
    tell_text(pair, FIN | TEXT, 'e', 60000); /* in many pieces */
    tell_text(pair, TEXT, 'f', 300);
    tell_text(pair, FIN, 'f', 300); /* in two frames */
    tell_text(pair, FIN | TEXT, 'g', 1);
    assert_next_is_text(pair, 'a', 0);
    assert_next_is_text(pair, 'b', 7);
    assert_next_is_text(pair, 'c', 125);
    assert_next_is_text(pair, 'd', 126);
    assert_next_is_text(pair, 'e', 60000);
    assert_next_is_text(pair, 'f', 600);
    assert_next_is_text(pair, 'g', 1);
    assert_int_equal(ws_reader_next(&pair->reader).event, WS_NOTHING);
    assert_true(fill(pair)); /* nothing is there, and that is no harm */
    assert_int_equal(ws_reader_next(&pair->reader).event, WS_NOTHING);
}

/* The memory of kept bytes grows before the socket is read, and that read may find nothing. */
static void kept_bytes_stay_when_a_read_finds_nothing(void **state)
{
    static const char begin[] = { (char)(FIN | TEXT), (char)(128 + 3), 'm', 'a', 's' };
    static const char end[] = { 'k', 'x' ^ 'm', 'x' ^ 'a', 'x' ^ 's' };
    struct pair *pair = *state;

    tell(pair, begin, sizeof(begin));
    assert_true(fill(pair));
    assert_int_equal(ws_reader_next(&pair->reader).event, WS_NOTHING);
    ws_reader_keep(&pair->reader);
    for (int i = 0; i < 3; i++) {
        assert_true(fill(pair));
        assert_ptr_equal(pair->reader.at, pair->reader.kept.data);
        assert_int_equal(ws_reader_next(&pair->reader).event, WS_NOTHING);
    }
    tell(pair, end, sizeof(end));
    assert_next_is_text(pair, 'x', 3);
}

static void read_bytes_are_kept_until_they_are_consumed(void **state)
{
    struct pair *pair = *state;
    for (char c = 'a'; c <= 'e'; c++)
        tell_text(pair, FIN | TEXT, c, 40);
    for (char c = 'a'; c <= 'e'; c++) {
        assert_next_is_text(pair, c, 40);
        ws_reader_keep(&pair->reader);
        memset(pair->scratch, '!', sizeof(pair->scratch));
    }
    assert_false(ws_reader_has_more(&pair->reader));
}

static void an_idle_reader_uses_no_memory(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'x', 5);
    char frame[11];
    assert_int_equal(recvfrom(pair->ours, frame, sizeof(frame), 0, NULL, NULL), sizeof(frame));
    tell(pair, frame, 4);
    assert_true(fill(pair));
    assert_int_equal(ws_reader_next(&pair->reader).event, WS_NOTHING);
    ws_reader_keep(&pair->reader);
    assert_int_equal(pair->reader.kept.length, 4);
    tell(pair, frame + 4, sizeof(frame) - 4);
    assert_next_is_text(pair, 'x', 5);
    ws_reader_keep(&pair->reader);
    assert_null(pair->reader.kept.data);
}

static void a_short_read_means_that_nothing_is_left(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'x', 1000);
    pair->reader.socket_has_more = true;
    assert_true(fill(pair));
    assert_true(pair->reader.socket_has_more); /* all of the scratch was needed */
    assert_next_is_text(pair, 'x', 1000);
    assert_false(pair->reader.socket_has_more);
}

static void a_bad_frame_is_refused_after_those_before_it(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'x', 3);
    tell(pair, "\x81\xFF\0\0\0\0\x40\0\0\0mask", 14);
    assert_next_is_text(pair, 'x', 3);
    struct ws_input input = ws_reader_next(&pair->reader);
    assert_int_equal(input.event, WS_REFUSE);
    assert_int_equal(input.code, WS_CLOSE_TOO_BIG);
    assert_string_equal(input.reason, "message too big");
}

static void a_frame_without_a_mask_is_a_protocol_error(void **state)
{
    struct pair *pair = *state;
    tell(pair, "\x81\x01x", 3);
    assert_true(fill(pair));
    struct ws_input input = ws_reader_next(&pair->reader);
    assert_int_equal(input.event, WS_REFUSE);
    assert_int_equal(input.code, WS_CLOSE_PROTOCOL_ERROR);
    assert_string_equal(input.reason, "protocol error");
}

static void the_end_of_the_stream_is_reported(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'x', 3);
    close(pair->theirs);
    pair->theirs = -1;
    assert_next_is_text(pair, 'x', 3);
    assert_false(fill(pair));
}

static void an_end_reported_with_the_bytes_is_not_reported_again(void **state)
{
    struct pair *pair = *state;
    tell_text(pair, FIN | TEXT, 'x', 3);
    pair->reader.socket_has_more = pair->reader.socket_ended = true;
    assert_next_is_text(pair, 'x', 3);
    assert_true(pair->reader.socket_has_more); /* the end is still to be read */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_frames_pass),
        cmocka_unit_test(every_form_of_length_passes),
        cmocka_unit_test(frames_without_a_mask_are_refused),
        cmocka_unit_test(reserved_bits_are_refused),
        cmocka_unit_test(unknown_opcodes_are_refused),
        cmocka_unit_test(control_frames_are_whole_and_short),
        cmocka_unit_test(a_payload_has_its_limit_and_not_a_byte_more),
        cmocka_unit_test(a_claimed_length_of_gigabytes_is_rejected_before_its_payload),
        cmocka_unit_test(any_bytes_give_the_same_result_however_they_are_split),
        TEST(texts_are_returned_as_they_were_sent),
        TEST(kept_bytes_stay_when_a_read_finds_nothing),
        TEST(read_bytes_are_kept_until_they_are_consumed),
        TEST(an_idle_reader_uses_no_memory),
        TEST(a_short_read_means_that_nothing_is_left),
        TEST(a_bad_frame_is_refused_after_those_before_it),
        TEST(a_frame_without_a_mask_is_a_protocol_error),
        TEST(the_end_of_the_stream_is_reported),
        TEST(an_end_reported_with_the_bytes_is_not_reported_again),
    };
    return cmocka_run_group_tests_name("ws_reader", tests, NULL, NULL);
}
