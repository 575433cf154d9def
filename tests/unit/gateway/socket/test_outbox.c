/* gateway/socket/outbox: frames in order through a socket that takes them in pieces. */
#include "gateway/socket/ws_protocol.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/outbox.h"
#include "services/common/base/buffer.h"

enum { SMALL_BUFFER = 4096, MANY = 500 };

struct fixture {
    int ours, theirs;
    struct outbox outbox;
    struct buffer sent, received; /* what went in, what came out */
    unsigned random;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int pair[2], size = SMALL_BUFFER;
    if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    f->ours = pair[0];
    f->theirs = pair[1];
    setsockopt(f->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    fcntl(f->theirs, F_SETFL, O_NONBLOCK);
    f->random = 3;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    outbox_finish(&f->outbox);
    buffer_finish(&f->sent);
    buffer_finish(&f->received);
    close(f->ours);
    if (f->theirs >= 0)
        close(f->theirs);
    free(f);
    return 0;
}

static void push(struct fixture *f, size_t length)
{
    char *payload = malloc(length + 1);
    assert_non_null(payload);
    for (size_t i = 0; i < length; i++) {
        f->random = f->random * 1664525u + 1013904223u;
        payload[i] = (char)(f->random >> 24);
    }
    struct ws_frame_out *frame = ws_frame_out_create(WS_OPCODE_TEXT, payload, length);
    outbox_push(&f->outbox, frame);
    buffer_append(&f->sent, frame->bytes, frame->length);
    ws_frame_out_unref(&frame);
    free(payload);
}

/* What is there now, at most `most` bytes. */
static size_t receive(struct fixture *f, size_t max)
{
    char bytes[8192];
    size_t total = 0;
    while (total < max) {
        size_t capacity = max - total < sizeof(bytes) ? max - total : sizeof(bytes);
        ssize_t n = read(f->theirs, bytes, capacity);
        if (n <= 0)
            break;
        buffer_append(&f->received, bytes, (size_t)n);
        total += (size_t)n;
    }
    return total;
}

static void assert_all_arrived(struct fixture *f)
{
    assert_int_equal(f->received.length, f->sent.length);
    assert_memory_equal(f->received.data, f->sent.data, f->sent.length);
}

static void assert_is_empty(const struct outbox *outbox)
{
    static const struct outbox empty = { 0 };
    assert_memory_equal(outbox, &empty, sizeof(empty));
}

static void an_empty_send_is_complete(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_EMPTY);
    assert_int_equal(receive(f, 10), 0);
    outbox_drop_unsent(&f->outbox);
    outbox_finish(&f->outbox);
    assert_is_empty(&f->outbox);
}

static void frames_go_out_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    size_t bytes = 0;
    for (size_t length = 0; length < 30; length++) {
        push(f, length);
        bytes += length + 2;
        assert_int_equal(f->outbox.count, length + 1);
        assert_int_equal(f->outbox.bytes, bytes);
    }
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_EMPTY);
    assert_is_empty(&f->outbox); /* and keeps no memory */
    receive(f, SIZE_MAX);
    assert_all_arrived(f);
}

static void a_slow_reader_receives_every_byte_once(void **state)
{
    struct fixture *f = *state;
    size_t waits = 0;
    for (int i = 0; i < MANY; i++) {
        push(f, (size_t)(i * 37 % 3000));
        enum outbox_result result = outbox_flush(&f->outbox, f->ours);
        assert_int_not_equal(result, OUTBOX_BROKEN);
        waits += result == OUTBOX_WAITS;
        receive(f, (size_t)(i % 7) * 211);
        assert_true(f->outbox.bytes <= f->sent.length - f->received.length);
    }
    assert_true(waits > MANY / 10);
    while (outbox_flush(&f->outbox, f->ours) == OUTBOX_WAITS)
        assert_true(receive(f, 1000) > 0);
    receive(f, SIZE_MAX);
    assert_all_arrived(f);
    assert_is_empty(&f->outbox);
}

static void a_full_socket_waits_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    push(f, 200000);
    push(f, 5);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_WAITS);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_WAITS);
    assert_true(f->outbox.sent > 0);
    assert_int_equal(f->outbox.count, 2);
    assert_int_equal(f->outbox.bytes, f->sent.length - f->outbox.sent);
    while (outbox_flush(&f->outbox, f->ours) == OUTBOX_WAITS)
        assert_true(receive(f, 777) > 0);
    receive(f, SIZE_MAX);
    assert_all_arrived(f);
}

static void dropping_keeps_the_frame_that_is_half_sent(void **state)
{
    struct fixture *f = *state;
    push(f, 100000);
    size_t first = f->sent.length;
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_WAITS);
    for (int i = 0; i < 20; i++)
        push(f, 1000);
    outbox_drop_unsent(&f->outbox);
    assert_int_equal(f->outbox.count, 1);
    assert_int_equal(f->outbox.bytes, first - f->outbox.sent);
    f->sent.length = first;
    push(f, 3); /* a good-bye, say */
    while (outbox_flush(&f->outbox, f->ours) == OUTBOX_WAITS)
        assert_true(receive(f, 5000) > 0);
    receive(f, SIZE_MAX);
    assert_all_arrived(f);
}

static void dropping_leaves_nothing_when_no_frame_is_half_sent(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 9; i++)
        push(f, 1000);
    outbox_drop_unsent(&f->outbox);
    assert_int_equal(f->outbox.count, 0);
    assert_int_equal(f->outbox.bytes, 0);
    f->sent.length = 0;
    push(f, 10);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_EMPTY);
    receive(f, SIZE_MAX);
    assert_all_arrived(f);
}

static void a_socket_without_a_peer_is_broken_and_raises_no_signal(void **state)
{
    struct fixture *f = *state;
    close(f->theirs);
    f->theirs = -1;
    push(f, 10);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_BROKEN);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_BROKEN);
    assert_int_equal(f->outbox.count, 1);
    assert_int_equal(outbox_flush(&f->outbox, -1), OUTBOX_BROKEN);
}

static void it_holds_a_reference_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct ws_frame_out *frame = ws_frame_out_create(WS_OPCODE_TEXT, "x", 1);
    outbox_push(&f->outbox, frame);
    outbox_push(&f->outbox, frame);
    assert_int_equal(frame->references, 3);
    assert_int_equal(outbox_flush(&f->outbox, f->ours), OUTBOX_EMPTY);
    assert_int_equal(frame->references, 1);
    outbox_push(&f->outbox, frame);
    outbox_drop_unsent(&f->outbox);
    assert_int_equal(frame->references, 1);
    outbox_push(&f->outbox, frame);
    outbox_finish(&f->outbox);
    assert_int_equal(frame->references, 1);
    assert_is_empty(&f->outbox);
    ws_frame_out_unref(&frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_send_is_complete),
        TEST(frames_go_out_whole_and_in_order),
        TEST(a_slow_reader_receives_every_byte_once),
        TEST(a_full_socket_waits_and_loses_nothing),
        TEST(dropping_keeps_the_frame_that_is_half_sent),
        TEST(dropping_leaves_nothing_when_no_frame_is_half_sent),
        TEST(a_socket_without_a_peer_is_broken_and_raises_no_signal),
        TEST(it_holds_a_reference_of_its_own),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
