/* gateway/frame_gate: what a frame's header may say, however its bytes arrive. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/frame_gate.h"
#include "services/common/buffer.h"

enum { FIN = 128, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { PAYLOAD_MOST = 65536 };

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
    int code;
    size_t good;
};

/* From a copy of the exact size, so that a sanitiser sees a read beyond. */
static int scan_piece(struct frame_scan *scan, const char *bytes, size_t length, size_t *good_out)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    *good_out = 12345;
    int code = frame_scan(scan, copy, length, good_out);
    free(copy);
    return code;
}

static struct verdict scan_split(const struct buffer *stream, size_t split)
{
    struct frame_scan scan = { .payload_most = PAYLOAD_MOST };
    struct verdict verdict;
    size_t good = 0;
    verdict.code = scan_piece(&scan, stream->data, split, &verdict.good);
    if (verdict.code == 0) {
        assert_int_equal(verdict.good, split);
        verdict.code = scan_piece(&scan, stream->data + split, stream->length - split, &good);
        verdict.good += good;
    }
    return verdict;
}

static struct verdict scan_bytewise(const struct buffer *stream)
{
    struct frame_scan scan = { .payload_most = PAYLOAD_MOST };
    struct verdict verdict = { 0, 0 };
    for (size_t i = 0; i < stream->length && verdict.code == 0; i++) {
        size_t good;
        verdict.code = scan_piece(&scan, stream->data + i, 1, &good);
        verdict.good += good;
    }
    return verdict;
}

/* A good frame, then the one in question, then another good one, split at every byte. */
static void assert_verdict(struct shape shape, int expected)
{
    struct buffer stream = { 0 };
    append_frame(&stream, (struct shape){ .first_byte = FIN | TEXT, .length = 5, .payload = 5 });
    size_t start = stream.length;
    append_frame(&stream, shape);
    append_frame(&stream, (struct shape){ .first_byte = FIN | PONG });
    struct verdict whole = scan_split(&stream, stream.length);
    assert_int_equal(whole.code, expected);
    assert_int_equal(whole.good, expected == 0 ? stream.length : start);
    for (size_t split = 0; split < stream.length; split++) {
        struct verdict verdict = scan_split(&stream, split);
        assert_int_equal(verdict.code, expected);
        /* Of the frame that breaks the rule, at most what arrived before it could be told. */
        assert_true(verdict.good == whole.good || (expected != 0 && verdict.good == split));
    }
    assert_int_equal(scan_bytewise(&stream).code, expected);
    buffer_finish(&stream);
}

/* The rules */

static void ordinary_frames_pass(void **state)
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
    append_frame(&stream, (struct shape){ .first_byte = FIN | TEXT,
                                          .length = PAYLOAD_MOST,
                                          .payload = PAYLOAD_MOST });
    append_frame(&stream, (struct shape){ .first_byte = FIN | PING });
    assert_int_equal(scan_split(&stream, stream.length).code, 0);
    assert_int_equal(scan_bytewise(&stream).code, 0);
    buffer_finish(&stream);
    assert_verdict((struct shape){ .first_byte = FIN | TEXT, .length = PAYLOAD_MOST + 1 },
                   WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = TEXT, .length = PAYLOAD_MOST + 1 },
                   WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = 0, .length = PAYLOAD_MOST + 1 }, WS_CLOSE_TOO_BIG);
}

static void a_claim_of_gigabytes_is_refused_before_its_payload(void **state)
{
    (void)state;
    for (unsigned shift = 17; shift < 64; shift++)
        assert_verdict(
            (struct shape){ .first_byte = FIN | TEXT, .form = 127, .length = UINT64_C(1) << shift },
            WS_CLOSE_TOO_BIG);
    assert_verdict((struct shape){ .first_byte = FIN | BINARY, .form = 127, .length = UINT64_MAX },
                   WS_CLOSE_TOO_BIG);
}

static void any_bytes_get_the_same_verdict_however_they_are_split(void **state)
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
        struct verdict whole = scan_split(&stream, stream.length);
        assert_int_equal(scan_bytewise(&stream).code, whole.code);
        for (size_t split = 0; split < stream.length; split += 3)
            assert_int_equal(scan_split(&stream, split).code, whole.code);
        buffer_finish(&stream);
    }
}

/* One connection: recv and poll of this thread */

struct pair {
    int ours, theirs;
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
    frame_gate_reset();
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    close(pair->ours);
    close(pair->theirs);
    free(pair);
    frame_gate_reset();
    return 0;
}

static void tell(const struct pair *pair, const void *bytes, size_t length)
{
    assert_int_equal(send(pair->theirs, bytes, length, 0), length);
}

static void hear(const struct pair *pair, size_t expected)
{
    char bytes[4096];
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), expected);
}

static void the_socket_is_known_after_the_first_byte(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(frame_gate_socket(), -1);
    tell(pair, "G", 1);
    hear(pair, 1);
    assert_int_equal(frame_gate_socket(), pair->ours);
    frame_gate_reset();
    assert_int_equal(frame_gate_socket(), -1);
}

static void only_a_header_that_came_alone_may_become_a_websocket(void **state)
{
    struct pair *pair = *state;
    static const struct {
        const char *text;
        bool all;
    } requests[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true },
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.1\r\r\n\r\n", true },
        { "GET / HTTP/1.1\r\n", false },
        { "GET / HTTP/1.1\r\n\r", false },
        { "GET / HTTP/1.1\n\n", false },
        { "GET / HTTP/1.1\r\n\r\n\x81", false },
        { "GET / HTTP/1.1\r\n\r\n\r\n\r\n", false },
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        size_t length = strlen(requests[i].text);
        for (size_t split = 1; split <= length; split++) {
            frame_gate_reset();
            tell(pair, requests[i].text, split);
            hear(pair, split);
            if (split < length) {
                tell(pair, requests[i].text + split, length - split);
                hear(pair, length - split);
            }
            assert_int_equal(frame_gate_header_is_all(), requests[i].all);
        }
    }
}

/* Reads a header and arms, as the gateway does at an upgrade. */
static void arm(const struct pair *pair)
{
    frame_gate_reset();
    tell(pair, "G\r\n\r\n", 5);
    hear(pair, 5);
    assert_true(frame_gate_header_is_all());
    frame_gate_arm(PAYLOAD_MOST);
}

static void good_frames_reach_the_reader(void **state)
{
    struct pair *pair = *state;
    struct buffer stream = { 0 };
    arm(pair);
    append_frame(&stream,
                 (struct shape){ .first_byte = FIN | TEXT, .length = 200, .payload = 200 });
    append_frame(&stream, (struct shape){ .first_byte = FIN | PING });
    tell(pair, stream.data, stream.length);
    hear(pair, stream.length);
    assert_int_equal(frame_gate_disarm(), 0);
    buffer_finish(&stream);
}

static void a_frame_that_breaks_a_rule_ends_the_connection(void **state)
{
    struct pair *pair = *state;
    struct buffer stream = { 0 };
    char bytes[64];
    struct pollfd poller = { .fd = pair->ours, .events = POLLIN };
    arm(pair);
    append_frame(&stream, (struct shape){ .first_byte = FIN | TEXT, .length = 4, .payload = 4 });
    size_t good = stream.length;
    append_frame(&stream, (struct shape){ .first_byte = FIN | TEXT, .length = 1 << 30 });
    tell(pair, stream.data, stream.length);
    hear(pair, good); /* what came before is still heard */
    assert_int_equal(poll(&poller, 1, 0), 1);
    assert_int_equal(poller.revents, POLLIN);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), -1);
        assert_int_equal(errno, ECONNABORTED);
    }
    assert_int_equal(frame_gate_disarm(), WS_CLOSE_TOO_BIG);
    buffer_finish(&stream);
}

static void a_bad_first_frame_is_not_heard_at_all(void **state)
{
    struct pair *pair = *state;
    char bytes[64];
    arm(pair);
    tell(pair, "\x81\x01x", 3);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_int_equal(frame_gate_disarm(), WS_CLOSE_PROTOCOL_ERROR);
    arm(pair); /* and the next connection of this thread begins anew */
    tell(pair, "\x81\x81maskx", 7);
    hear(pair, 7);
    assert_int_equal(frame_gate_disarm(), 0);
}

static void other_sockets_are_left_alone(void **state)
{
    struct pair *pair = *state;
    char bytes[64];
    arm(pair);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(send(fds[1], "\xFF\xFF no frame", 11, 0), 11);
    assert_int_equal(recv(fds[0], bytes, sizeof(bytes), 0), 11);
    struct pollfd poller = { .fd = fds[0], .events = POLLIN };
    assert_int_equal(poll(&poller, 1, 0), 0); /* its time-outs hold */
    assert_int_equal(frame_gate_socket(), pair->ours);
    assert_int_equal(frame_gate_disarm(), 0);
    close(fds[0]);
    close(fds[1]);
}

static void the_end_of_the_stream_is_told_as_it_is(void **state)
{
    struct pair *pair = *state;
    char bytes[8];
    arm(pair);
    assert_int_equal(shutdown(pair->theirs, SHUT_WR), 0);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), 0);
    assert_int_equal(frame_gate_disarm(), 0);
}

enum { POLLS = 300 };

/* A thread whose connection is armed polls with no time to wait at all, and yet waits. */
static void *poll_armed(void *arg)
{
    struct pair *pair = arg;
    char bytes[8];
    frame_gate_reset();
    if (recv(pair->ours, bytes, sizeof(bytes), 0) != 5)
        return NULL;
    frame_gate_arm(PAYLOAD_MOST);
    for (int i = 0; i < POLLS; i++) {
        struct pollfd poller = { .fd = pair->ours, .events = POLLIN };
        if (send(pair->ours, "!", 1, 0) != 1) /* only now the test speaks */
            return NULL;
        if (poll(&poller, 1, 0) != 1 || recv(pair->ours, bytes, sizeof(bytes), 0) != 6)
            return NULL;
    }
    return pair;
}

static void an_armed_reader_is_woken_by_bytes_and_not_by_time(void **state)
{
    struct pair *pair = *state;
    pthread_t thread;
    void *result;
    char byte;
    tell(pair, "G\r\n\r\n", 5);
    assert_int_equal(pthread_create(&thread, NULL, poll_armed, pair), 0);
    for (int i = 0; i < POLLS && read(pair->theirs, &byte, 1) == 1; i++)
        tell(pair, "\x81\x80mask", 6);
    pthread_join(thread, &result);
    assert_ptr_equal(result, pair);
}

static void a_thread_that_serves_nobody_has_the_systems_functions(void **state)
{
    struct pair *pair = *state;
    char bytes[8];
    struct pollfd poller = { .fd = pair->ours, .events = POLLIN };
    assert_int_equal(poll(&poller, 1, 0), 0);
    tell(pair, "abc", 3);
    assert_int_equal(poll(&poller, 1, -1), 1);
    assert_int_equal(recv(pair->ours, bytes, 2, MSG_PEEK), 2);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), 3);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
    assert_int_equal(recv(-1, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_frames_pass),
        cmocka_unit_test(every_form_of_length_passes),
        cmocka_unit_test(frames_without_a_mask_are_refused),
        cmocka_unit_test(reserved_bits_are_refused),
        cmocka_unit_test(unknown_opcodes_are_refused),
        cmocka_unit_test(control_frames_are_whole_and_short),
        cmocka_unit_test(a_payload_has_its_limit_and_not_a_byte_more),
        cmocka_unit_test(a_claim_of_gigabytes_is_refused_before_its_payload),
        cmocka_unit_test(any_bytes_get_the_same_verdict_however_they_are_split),
        TEST(the_socket_is_known_after_the_first_byte),
        TEST(only_a_header_that_came_alone_may_become_a_websocket),
        TEST(good_frames_reach_the_reader),
        TEST(a_frame_that_breaks_a_rule_ends_the_connection),
        TEST(a_bad_first_frame_is_not_heard_at_all),
        TEST(other_sockets_are_left_alone),
        TEST(the_end_of_the_stream_is_told_as_it_is),
        TEST(an_armed_reader_is_woken_by_bytes_and_not_by_time),
        TEST(a_thread_that_serves_nobody_has_the_systems_functions),
    };
    return cmocka_run_group_tests_name("frame_gate", tests, NULL, NULL);
}
