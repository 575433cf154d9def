/* services/common/bus/bus_units: the protocol of NATS, given out in whole units however it comes.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/buffer.h"
#include "services/common/bus/bus_units.h"

enum { OUT_BYTES = 32 * 1024 };

struct fixture {
    int ours, theirs;
    struct bus_units units;
    char out[OUT_BYTES + 1];
};

static int set_up(void **state)
{
    int fds[2];
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return -1;
    f->ours = fds[0];
    f->theirs = fds[1];
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bus_units_finish(&f->units);
    close(f->ours);
    if (f->theirs >= 0)
        close(f->theirs);
    free(f);
    return 0;
}

static ssize_t read_ours(void *ctx, void *buffer, size_t size)
{
    const struct fixture *f = ctx;

    return recv(f->ours, buffer, size, MSG_DONTWAIT);
}

static void tell(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->theirs, text, strlen(text)), strlen(text));
}

static void assert_given(struct fixture *f, const char *expected)
{
    ssize_t n = bus_units_receive(&f->units, read_ours, f, f->out, OUT_BYTES);
    assert_int_equal(n, strlen(expected));
    f->out[n] = '\0';
    assert_string_equal(f->out, expected);
}

static void assert_nothing(struct fixture *f, int error)
{
    errno = 0;
    assert_int_equal(bus_units_receive(&f->units, read_ours, f, f->out, OUT_BYTES), -1);
    assert_int_equal(errno, error);
}

static void lines_are_read_as_they_arrive(void **state)
{
    struct fixture *f = *state;
    assert_nothing(f, EAGAIN);
    tell(f, "PING\r\n+OK\r\n");
    assert_given(f, "PING\r\n+OK\r\n");
    assert_false(bus_units_remain(&f->units));
    assert_nothing(f, EAGAIN);
}

/* Whatever the pieces are, nothing is given out that ends within a unit. */
static void a_unit_in_pieces_waits_until_it_is_whole(void **state)
{
    static const char *const units[] = {
        "PONG\r\n",
        "INFO {\"server_id\":\"x\"}\r\n",
        "-ERR 'Stale Connection'\r\n",
        "MSG notify.x 12 11\r\nHello World\r\n",
        "msg a.b 1 answer.to 0\r\n\r\n",
        "HMSG a.b 1 answer.to 12 16\r\nNATS/1.0\r\n\r\n\r\n\r\n\r\n",
        "MSG looks.like 3 6\r\nMSG 9\n\r\n",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t length = strlen(units[i]);
        for (size_t at = 0; at + 1 < length; at++) {
            char byte[] = { units[i][at], '\0' };
            tell(f, byte);
            assert_nothing(f, EAGAIN);
        }
        tell(f, units[i] + length - 1);
        assert_given(f, units[i]);
    }
}

static void complete_units_do_not_wait_for_the_next(void **state)
{
    struct fixture *f = *state;
    tell(f, "PING\r\nMSG a 1 3\r\nabc\r\nMSG b 2 5\r\nde");
    assert_given(f, "PING\r\nMSG a 1 3\r\nabc\r\n");
    assert_nothing(f, EAGAIN);
    tell(f, "fgh\r\nPO");
    assert_given(f, "MSG b 2 5\r\ndefgh\r\n");
    tell(f, "NG\r\n");
    assert_given(f, "PONG\r\n");
}

static void another_connection_does_not_end_the_transaction_of_the_last(void **state)
{
    struct fixture *f = *state;
    tell(f, "PING\r\nMSG a 1 300\r\nabc");
    assert_given(f, "PING\r\n");
    assert_nothing(f, EAGAIN);
    bus_units_forget_rest(&f->units);
    tell(f, "MSG a 1 2\r\nxy\r\n");
    assert_given(f, "MSG a 1 2\r\nxy\r\n");
}

/* A unit that the reader has seen the begin of is given out to its end, whatever comes between. */
static void complete_units_survive_the_connection(void **state)
{
    struct fixture *f = *state;
    tell(f, "MSG a 1 10\r\n0123456789\r\nMSG b 1 9\r\nab");
    assert_int_equal(bus_units_receive(&f->units, read_ours, f, f->out, 16), 16);
    assert_memory_equal(f->out, "MSG a 1 10\r\n0123", 16);
    assert_true(bus_units_remain(&f->units));
    bus_units_forget_rest(&f->units);
    assert_true(bus_units_remain(&f->units));
    assert_given(f, "456789\r\n");
    tell(f, "PONG\r\n");
    assert_given(f, "PONG\r\n");
}

/* Larger than what is read at a time, and than what is given out at a time. */
static void a_large_message_comes_whole(void **state)
{
    enum { PAYLOAD = 300 * 1000 };
    struct fixture *f = *state;
    struct buffer sent = { 0 }, got = { 0 };
    buffer_append_text(&sent, "MSG a 1 300000\r\n");
    memset(buffer_reserve(&sent, PAYLOAD), '\n', PAYLOAD);
    sent.length += PAYLOAD;
    buffer_append_text(&sent, "\r\nPING\r\n");
    assert_int_equal(fcntl(f->theirs, F_SETFL, O_NONBLOCK), 0);
    for (size_t at = 0; got.length < sent.length;) {
        ssize_t n = at < sent.length ? write(f->theirs, sent.data + at, sent.length - at) : 0;
        at += n > 0 ? (size_t)n : 0;
        n = bus_units_receive(&f->units, read_ours, f, f->out, OUT_BYTES);
        if (n < 0)
            assert_int_equal(errno, EAGAIN);
        else
            buffer_append(&got, f->out, (size_t)n);
        if (got.length > 0)
            assert_true(at >= sent.length - strlen("PING\r\n"));
    }
    assert_memory_equal(got.data, sent.data, sent.length);
    buffer_finish(&sent);
    buffer_finish(&got);
}

static void the_end_of_the_stream_is_reported_after_the_last_bytes(void **state)
{
    struct fixture *f = *state;
    tell(f, "PING\r\nMSG a 1 4\r\nab");
    close(f->theirs);
    f->theirs = -1;
    assert_given(f, "PING\r\n");
    assert_int_equal(bus_units_receive(&f->units, read_ours, f, f->out, OUT_BYTES), 0);
}

static void a_stream_that_is_not_nats_is_rejected(void **state)
{
    static const char *const lines[] = { "MSG a 1 x\r\n", "MSG\r\n", "MSG a 1 99999999999\r\n",
                                         "HMSG a 1 12 67108865\r\n" };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        tell(f, lines[i]);
        assert_nothing(f, EBADMSG);
        bus_units_forget_rest(&f->units);
    }
    tell(f, "PING\r\n");
    assert_given(f, "PING\r\n");
}

static void a_line_without_an_end_is_refused(void **state)
{
    struct fixture *f = *state;
    char piece[8192];
    size_t notified = 0;
    ssize_t n = -1;
    memset(piece, 'a', sizeof(piece));
    for (errno = EAGAIN; errno == EAGAIN; notified += sizeof(piece)) {
        assert_true(notified < 2 * (size_t)UNITS_LINE_BYTES_MAX);
        assert_int_equal(write(f->theirs, piece, sizeof(piece)), sizeof(piece));
        n = bus_units_receive(&f->units, read_ours, f, f->out, OUT_BYTES);
    }
    assert_int_equal(n, -1);
    assert_int_equal(errno, EBADMSG);
    assert_true(notified > UNITS_LINE_BYTES_MAX - 2 * sizeof(piece));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(lines_are_read_as_they_arrive),
        T(a_unit_in_pieces_waits_until_it_is_whole),
        T(complete_units_do_not_wait_for_the_next),
        T(another_connection_does_not_end_the_transaction_of_the_last),
        T(complete_units_survive_the_connection),
        T(a_large_message_comes_whole),
        T(the_end_of_the_stream_is_reported_after_the_last_bytes),
        T(a_stream_that_is_not_nats_is_rejected),
        T(a_line_without_an_end_is_refused),
    };
    return cmocka_run_group_tests_name("bus_units", tests, NULL, NULL);
}
