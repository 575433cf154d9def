/* services/common/bus/bus_request: requests and their replies. The test plays the server. */
#define _GNU_SOURCE /* pthread_cond_clockwait, gettid, accept4, memmem */
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_request.h"
#include "tests/unit/unit.h"

#include <signal.h>

#include "services/common/base/log.h"
#include "tests/unit/common/bus/bus_fixture.h"

static void each_request_gets_its_own_reply(void **state)
{
    struct fixture *f = *state;
    struct nats_op first, second;
    struct bus_request *one = ask(f, &first), *two = ask(f, &second);
    nats_peer_put_message(&f->peer, f->inbox_sid, second.reply_to, NULL, "2");
    nats_peer_put_message(&f->peer, f->inbox_sid, first.reply_to, NULL, "1");
    assert_true(nats_peer_send(&f->peer));
    expect_end(one, NATS_PEER_MS, STATUS_OK, "1");
    expect_end(two, NATS_PEER_MS, STATUS_OK, "2");
}

static void a_request_without_a_server_fails_at_once(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    struct bus_request *request = ask(f, &op);
    nats_peer_put_headed(&f->peer, f->inbox_sid, op.reply_to, "NATS/1.0 503\r\n\r\n", "");
    assert_true(nats_peer_send(&f->peer));
    expect_end(request, NATS_PEER_MS, STATUS_UNAVAILABLE, NULL);
}

static void a_request_without_a_reply_ends_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct nats_op late, op;
    expect_end(ask(f, &late), 20, STATUS_DEADLINE_EXCEEDED, NULL);
    struct bus_request *request = ask(f, &op);
    nats_peer_put_message(&f->peer, f->inbox_sid, late.reply_to, NULL, "late");
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "in time");
    assert_true(nats_peer_send(&f->peer));
    expect_end(request, NATS_PEER_MS, STATUS_OK, "in time");
}

static void an_asynchronous_request_is_completed_once(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    ask_async(f, NATS_PEER_MS, &op);
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "yes");
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "no");
    assert_true(nats_peer_send(&f->peer));
    expect_reply(f, 1, STATUS_OK, "yes");
    ask_async(f, NATS_PEER_MS, &op); /* once this ends, the "no" has been dealt with */
    nats_peer_put_headed(&f->peer, f->inbox_sid, op.reply_to, "NATS/1.0 503\r\n\r\n", "");
    assert_true(nats_peer_send(&f->peer));
    expect_reply(f, 2, STATUS_UNAVAILABLE, "");
    ask_async(f, 1, &op);
    expect_reply(f, 3, STATUS_DEADLINE_EXCEEDED, "");
    ask_async(f, NATS_PEER_MS, &op);
    bus_request_fail_all(f->bus);
    expect_reply(f, 4, STATUS_UNAVAILABLE, "");
}

enum { END_MS = 50, VERY_LONG_MS = 3600 * 1000 };

static void nothing_waits_beyond_the_end_of_the_bus(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    int64_t begin_ms = clock_mono_ms();

    struct listener *listener = listen_to(f, 0, "a.b", record_message);
    struct bus_request *request = ask(f, &op);
    ask_async(f, VERY_LONG_MS, &op); /* the server answers nothing of all this */
    bus_end_by(f->bus, clock_mono_us() + END_MS * 1000);
    expect_reply(f, 1, STATUS_DEADLINE_EXCEEDED, "");
    expect_end(request, VERY_LONG_MS, STATUS_DEADLINE_EXCEEDED, NULL);
    assert_int_equal(bus_clip_ms(f->bus, VERY_LONG_MS), 1);
    assert_false(bus_flush(f->bus, VERY_LONG_MS));
    bus_subscription_drain(&listener->subscription);
    assert_true(clock_mono_ms() - begin_ms < VERY_LONG_MS / 2);
}

static void the_end_of_the_bus_can_be_put_off(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;

    bus_end_by(f->bus, clock_mono_us());
    bus_end_by(f->bus, clock_mono_us() + INT64_C(1000) * VERY_LONG_MS);
    assert_int_equal(bus_clip_ms(f->bus, 1000), 1000);
    struct bus_request *request = ask(f, &op);
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "yes");
    assert_true(nats_peer_send(&f->peer));
    expect_end(request, NATS_PEER_MS, STATUS_OK, "yes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_request_gets_its_own_reply),
        TEST(a_request_without_a_server_fails_at_once),
        TEST(a_request_without_a_reply_ends_at_its_deadline),
        TEST(an_asynchronous_request_is_completed_once),
        TEST(nothing_waits_beyond_the_end_of_the_bus),
        TEST(the_end_of_the_bus_can_be_put_off),
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("unit", LOG_LEVEL_ERROR);
    int failed = cmocka_run_group_tests_name("bus_request", tests, NULL, NULL);
    bus_library_use_undeclared(false);
    return failed +
           cmocka_run_group_tests_name("bus_request, declared functions only", tests, NULL, NULL);
}
