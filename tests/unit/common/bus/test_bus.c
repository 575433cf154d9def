/* services/common/bus: what goes to a server and what comes from it. The test plays the server. */
#define _GNU_SOURCE /* pthread_cond_clockwait, gettid, accept4, memmem */
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_request.h"
#include "services/common/bus/bus_subscription.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>

#include "services/common/base/log.h"
#include "tests/unit/common/bus/bus_fixture.h"

/* The peer finds the payloads "1" to "<count>", all of them with one call, as one piece. */
static void expect_one_piece(struct fixture *f, unsigned pieces_before, size_t count)
{
    struct nats_op op;
    char number[16];
    assert_true(nats_peer_receive(&f->peer));
    for (size_t i = 1; i <= count; i++) {
        snprintf(number, sizeof(number), "%zu", i);
        assert_true(nats_peer_parse(&f->peer, &op));
        assert_string_equal(op.name, "PUB");
        assert_string_equal(op.payload, number);
    }
    assert_int_equal(nats_peer_pieces(&f->peer), pieces_before + 1);
}

/* --- subscriptions --------------------------------------------------------------------------- */

static void a_message_goes_to_the_subscription_that_its_subject_matches(void **state)
{
    struct fixture *f = *state;
    const struct listener *a = listen_to(f, 0, "one.two", record_message),
                          *b = listen_to(f, 1, "one", record_message);
    const struct listener *c = listen_to(f, 2, "two.*", record_message);
    nats_peer_deliver(&f->peer, a->sid, "one.two", "x");
    await_received(f, "ax ");
    nats_peer_deliver(&f->peer, c->sid, "two.one", "y");
    await_received(f, "ax cy ");
    nats_peer_deliver(&f->peer, b->sid, "one", "");
    await_received(f, "ax cy b ");
}

static void a_message_has_its_subject_reply_and_headers(void **state)
{
    struct fixture *f = *state;
    struct bus_message *reply;
    struct bus_request *request;
    struct nats_op op;
    const struct bus_header header = { "Name", "value" };
    assert_int_equal(bus_request_begin(f->bus, "ask", &header, 1, "x", 1, &request), STATUS_OK);
    nats_peer_expect(&f->peer, "HPUB", &op);
    assert_non_null(strstr(op.payload, "Name: value\r\n"));
    nats_peer_put_headed(&f->peer, f->inbox_sid, op.reply_to, "NATS/1.0\r\nHis: own\r\n\r\n", "y");
    assert_true(nats_peer_send(&f->peer));
    assert_int_equal(bus_request_end(&request, clock_mono_us() + NATS_PEER_MS * 1000, &reply),
                     STATUS_OK);
    assert_string_equal(bus_message_subject(reply), op.reply_to);
    assert_null(bus_message_reply_to(reply));
    assert_string_equal(bus_message_header(reply, "His"), "own");
    assert_int_equal(bus_message_length(reply), 1);
    assert_memory_equal(bus_message_data(reply), "y", 1);
    bus_message_destroy(&reply);
}

static void messages_are_delivered_in_the_order_of_arrival(void **state)
{
    struct fixture *f = *state;
    static const char *const subjects[] = { "x", "y.*", "z" }, *const came_to[] = { "x", "y.1",
                                                                                    "z" };
    char number[16], expected[RECEIVED_BYTES] = "";
    size_t length = 0;
    for (size_t i = 0; i < COUNT_OF(subjects); i++)
        listen_to(f, i, subjects[i], record_message);
    for (size_t i = 0; i < MANY; i++) {
        size_t to = i * i / 3 % COUNT_OF(subjects);
        snprintf(number, sizeof(number), "%zu", i);
        nats_peer_put_message(&f->peer, f->listeners[to].sid, came_to[to], NULL, number);
        length += (size_t)sprintf(expected + length, "%c%zu ", f->listeners[to].tag, i);
    }
    assert_true(nats_peer_send(&f->peer));
    await_received(f, expected);
}

/* The server sends what both match once for each. */
static void check_that_both_hear(struct fixture *f, const char *subject, const char *other)
{
    struct listener *a = listen_to(f, 0, subject, record_message),
                    *b = listen_to(f, 1, other, record_message);
    struct nats_op op;
    for (char payload[] = "1"; payload[0] <= '3'; payload[0]++) {
        nats_peer_put_message(&f->peer, a->sid, subject, NULL, payload);
        nats_peer_put_message(&f->peer, b->sid, subject, NULL, payload);
    }
    assert_true(nats_peer_send(&f->peer));
    await(f, &f->received_count, 6);
    for (char payload = '1'; payload <= '3'; payload++) {
        assert_int_equal(count_heard(f, 'a', payload), 1);
        assert_int_equal(count_heard(f, 'b', payload), 1);
    }
    bus_subscription_close(&a->subscription); /* the other goes on */
    nats_peer_expect(&f->peer, "UNSUB", &op);
    nats_peer_deliver(&f->peer, b->sid, subject, "4");
    await(f, &f->received_count, 7);
    assert_int_equal(count_heard(f, 'b', '4'), 1);
}

static void two_subscriptions_of_one_subject_both_receive_each_message(void **state)
{
    check_that_both_hear(*state, "one.two", "one.two");
}

static void a_subject_and_a_pattern_that_match_both_receive_each_message(void **state)
{
    check_that_both_hear(*state, "one.two", "one.*");
}

/* Whatever else hears a part of it. */
static void two_overlapping_subscriptions_keep_their_order(void **state)
{
    struct fixture *f = *state;
    char expected[MANY * 8] = "", number[16];
    const struct listener *a = listen_to(f, 0, "one.*", record_message),
                          *b = listen_to(f, 1, "one.two", record_message);
    (void)b;
    for (int i = 0; i < MANY / 4; i++) {
        snprintf(number, sizeof(number), "%d", i);
        nats_peer_put_message(&f->peer, a->sid, i % 2 == 0 ? "one.two" : "one.three", NULL, number);
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "a%d ", i);
    }
    assert_true(nats_peer_send(&f->peer));
    await_received(f, expected);
}

static void after_unsubscribe_nothing_more_is_delivered(void **state)
{
    struct fixture *f = *state;
    struct listener *lost = calloc(1, sizeof(*lost));
    struct bus_subscription *subscription;
    struct nats_op op;
    const struct listener *b = listen_to(f, 1, "other", record_message);
    assert_non_null(lost);
    *lost = (struct listener){ .fixture = f, .tag = 'a' };
    assert_int_equal(
        bus_subscription_open(f->bus, "one", NULL, record_message, lost, &subscription), STATUS_OK);
    nats_peer_expect(&f->peer, "SUB", &op);
    nats_peer_deliver(&f->peer, op.sid, "one", "1");
    await_received(f, "a1 ");
    unsigned sid = op.sid;
    bus_subscription_close(&subscription);
    assert_null(subscription);
    memset(lost, 0, sizeof(*lost)); /* to hear would crash */
    free(lost);
    nats_peer_expect(&f->peer, "UNSUB", &op);
    assert_int_equal(op.sid, sid);
    nats_peer_put_message(&f->peer, sid, "one", NULL, "2");
    nats_peer_deliver(&f->peer, b->sid, "other", "3");
    await_received(f, "a1 b3 ");
    pthread_t received_by = f->received_by;
    nats_peer_deliver(&f->peer, listen_to(f, 0, "one", record_message)->sid, "one", "4");
    await_received(f, "a1 b3 a4 ");
    assert_true(pthread_equal(f->received_by, received_by)); /* on the bus's thread, as at first */
}

static void hear_and_unsubscribe(void *ctx, struct bus_message *message_take)
{
    struct listener *listener = ctx;
    bus_subscription_close(&listener->subscription);
    record_message(ctx, message_take);
}

static void a_handler_may_unsubscribe_before_the_rest_of_the_read_is_handled(void **state)
{
    struct fixture *f = *state;
    const struct listener *a = listen_to(f, 0, "one", hear_and_unsubscribe);
    const struct listener *b = listen_to(f, 1, "other", record_message);
    for (int i = 0; i < 3; i++)
        nats_peer_put_message(&f->peer, a->sid, "one", NULL, "1");
    nats_peer_deliver(&f->peer, b->sid, "other", "2");
    await_received(f, "a1 b2 ");
}

static void *drain(void *arg)
{
    struct worker *worker = arg;
    atomic_store(&worker->tid, gettid());
    bus_subscription_drain(&worker->fixture->listeners[0].subscription);
    atomic_store(&worker->done, true);
    return NULL;
}

static void hear_while_the_other_thread_waits(void *ctx, struct bus_message *message_take)
{
    struct fixture *f = ((struct listener *)ctx)->fixture;
    if (f->received_count == 0) /* the rest of the read waits, too: long enough to be forgotten */
        await_asleep(&f->workers[0]);
    record_message(ctx, message_take);
}

static void drain_delivers_what_arrived_before_the_server_confirmed(void **state)
{
    struct fixture *f = *state;
    const struct listener *a = listen_to(f, 0, "one", hear_while_the_other_thread_waits);
    const struct listener *b = listen_to(f, 1, "other", record_message);
    struct nats_op unsub, ping;
    start(f, 0, 0, drain);
    nats_peer_expect(&f->peer, "UNSUB", &unsub);
    assert_int_equal(unsub.sid, a->sid);
    nats_peer_expect(&f->peer, "PING", &ping);
    for (int i = 0; i < MANY; i++)
        nats_peer_put_message(&f->peer, a->sid, "one", NULL, "1");
    nats_peer_pong(&f->peer);
    finish(f, 0);
    pthread_mutex_lock(&f->lock);
    size_t received = f->received_count;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(received, MANY);
    assert_null(f->listeners[0].subscription);
    nats_peer_put_message(&f->peer, a->sid, "one", NULL, "2");
    nats_peer_deliver(&f->peer, b->sid, "other", "3");
    await(f, &f->received_count, MANY + 1);
    assert_int_equal(count_heard(f, 'a', '2'), 0);
    assert_int_equal(count_heard(f, 'b', '3'), 1);
}

/* --- publishing ------------------------------------------------------------------------------ */

static void publish_numbers(struct fixture *f, size_t count)
{
    char number[16];
    for (size_t i = 1; i <= count; i++) {
        snprintf(number, sizeof(number), "%zu", i);
        publish(f, number);
    }
}

/* Borrowed, lest the bus's own thread be at it, too. */
static void publications_are_sent_at_once_or_corked_in_one_piece(void **state)
{
    struct fixture *f = *state;
    f->descriptor = bus_borrow(f->bus);
    unsigned pieces = nats_peer_pieces(&f->peer);
    publish_numbers(f, 1);
    assert_true(nats_peer_has_input(&f->peer));
    expect_one_piece(f, pieces, 1);
    bus_hold(f->bus);
    publish_numbers(f, 20);
    bool is_held = !nats_peer_has_input(&f->peer);
    bus_release(f->bus);
    assert_true(is_held);
    expect_one_piece(f, pieces + 1, 20);
}

/* The server has none of the others yet. */
static void answer(void *ctx, struct bus_message *message_take)
{
    struct fixture *f = ((struct listener *)ctx)->fixture;
    bool is_held = bus_publish(f->bus, "out", bus_message_data(message_take),
                               bus_message_length(message_take)) == STATUS_OK &&
                   !nats_peer_has_input(&f->peer);
    bus_message_destroy(&message_take);
    if (is_held)
        count_up(f, &f->received_count);
}

static void answers_to_one_read_are_sent_in_one_piece(void **state)
{
    struct fixture *f = *state;
    const struct listener *a = listen_to(f, 0, "one", answer);
    char number[16];
    unsigned pieces = nats_peer_pieces(&f->peer);
    for (int i = 1; i <= 10; i++) {
        snprintf(number, sizeof(number), "%d", i);
        nats_peer_put_message(&f->peer, a->sid, "one", NULL, number);
    }
    assert_true(nats_peer_send(&f->peer));
    expect_one_piece(f, pieces, 10);
    await(f, &f->received_count, 10);
}

/* On a thread of its own, which holds it. */
static bool publish_held(struct worker *worker)
{
    bus_hold(worker->fixture->bus);
    return bus_publish(worker->fixture->bus, "out", "x", 1) == STATUS_OK;
}

static void *flush(void *arg)
{
    struct worker *worker = arg;
    worker->result = publish_held(worker) && bus_flush(worker->fixture->bus, NATS_PEER_MS);
    atomic_store(&worker->done, true);
    return NULL;
}

static void *destroy(void *arg)
{
    struct worker *worker = arg;
    worker->result = publish_held(worker);
    bus_destroy(&worker->fixture->bus);
    return NULL;
}

static void flush_returns_when_the_server_has_received_everything(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    start(f, 0, 0, flush);
    nats_peer_expect(&f->peer, "PUB", &op);
    assert_true(nats_peer_read(&f->peer, &op));
    assert_string_equal(op.name, "PING");
    assert_false(f->workers[0].done);
    nats_peer_pong(&f->peer);
    assert_true(finish(f, 0));
    assert_false(bus_flush(f->bus, 20)); /* nobody answers */
}

static void publications_are_sent_before_the_bus_is_closed(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    start(f, 0, 0, destroy);
    assert_true(nats_peer_read(&f->peer, &op));
    assert_string_equal(op.name, "PUB");      /* before any ping */
    nats_peer_expect(&f->peer, "UNSUB", &op); /* after a ping, which is answered */
    assert_int_equal(op.sid, f->inbox_sid);
    while (nats_peer_read(&f->peer, &op)) /* to the end of the stream */
        nats_peer_pong(&f->peer);
    assert_true(finish(f, 0));
    assert_null(f->bus);
}

/* --- a borrowed bus -------------------------------------------------------------------------- */

/* Until so many have been received. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    struct fixture *f = worker->fixture;
    while (f->received_count < worker->count && nats_peer_await_readable(f->descriptor))
        bus_work(f->bus);
    return NULL;
}

static void a_borrowed_bus_delivers_only_in_bus_work(void **state)
{
    struct fixture *f = *state;
    const struct listener *a = listen_to(f, 0, "one", record_message);
    f->descriptor = bus_borrow(f->bus);
    for (size_t round = 1; round <= 3; round++) {
        nats_peer_deliver(&f->peer, a->sid, "one", "1");
        assert_true(nats_peer_await_readable(f->descriptor));
        assert_int_equal(f->received_count, round - 1);
        start(f, 0, round, work);
        finish(f, 0);
        assert_int_equal(f->received_count, round);
        assert_true(pthread_equal(f->received_by, f->workers[0].thread));
    }
    nats_peer_deliver(&f->peer, a->sid, "one", "2");
    assert_true(nats_peer_await_readable(f->descriptor));
    f->descriptor = 0;
    bus_give_back(f->bus);
    await_received(f, "a1 a1 a1 a2 ");
    nats_peer_deliver(&f->peer, a->sid, "one", "3");
    await_received(f, "a1 a1 a1 a2 a3 ");
}

/* --- servers that go and come ---------------------------------------------------------------- */

static void a_restarted_server_is_found_and_subscribed_to_again(void **state)
{
    struct fixture *f = *state;
    struct listener *a = listen_to(f, 0, "one", record_message);
    struct nats_op op;
    struct bus_request *request = ask(f, &op);
    assert_int_equal(f->connects, 1);
    ask_async(f, NATS_PEER_MS, &op);
    await_lost(f);
    expect_end(request, NATS_PEER_MS, STATUS_UNAVAILABLE, NULL);
    expect_reply(f, 1, STATUS_UNAVAILABLE, "");
    assert_int_equal(bus_request_begin(f->bus, "ask", NULL, 0, "?", 1, &request),
                     STATUS_UNAVAILABLE);
    publish(f, "kept");
    f->peer.refusal = ""; /* the first time it goes away again */
    assert_true(nats_peer_greet(&f->peer));
    f->peer.refusal = NULL;
    assert_true(nats_peer_greet(&f->peer));
    expect_inbox(f);
    nats_peer_expect(&f->peer, "SUB", &op);
    assert_string_equal(op.subject, "one");
    assert_int_equal(op.sid, a->sid);
    nats_peer_expect(&f->peer, "PUB", &op);
    assert_string_equal(op.payload, "kept");
    await(f, &f->connects, 2);
    nats_peer_deliver(&f->peer, a->sid, "one", "1");
    await_received(f, "a1 ");
    request = ask(f, &op);
    nats_peer_deliver(&f->peer, f->inbox_sid, op.reply_to, "yes");
    expect_end(request, NATS_PEER_MS, STATUS_OK, "yes");
}

/* The library would take what comes first for the rest of the message. */
static void a_message_that_was_cut_off_does_not_swallow_the_next_bytes(void **state)
{
    struct fixture *f = *state;
    struct listener *a = listen_to(f, 0, "one", record_message);
    char begin[64];
    snprintf(begin, sizeof(begin), "MSG one %u 2\r\n12\r\nMSG one %u 1000\r\nlost", a->sid, a->sid);
    nats_peer_put(&f->peer, begin);
    assert_true(nats_peer_send(&f->peer));
    await_received(f, "a12 ");
    await_lost(f);
    assert_true(nats_peer_greet(&f->peer));
    expect_inbox(f);
    nats_peer_deliver(&f->peer, a->sid, "one", "3");
    await_received(f, "a12 a3 ");
}

static size_t open_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* The bus does not announce a reconnect before the socket of the lost connection is closed. */
static void a_lost_connection_leaves_no_descriptor_open(void **state)
{
    struct fixture *f = *state;
    size_t before = open_descriptors();

    for (int i = 0; i < 5; i++) {
        await_lost(f);
        assert_true(nats_peer_greet(&f->peer));
        expect_inbox(f);
        await(f, &f->connects, (size_t)i + 2);
        assert_int_equal(open_descriptors(), before);
    }
}

static void a_server_that_starts_later_is_found(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;
    assert_int_equal(connect_bus(f, f->peer.url), STATUS_OK);
    assert_false(bus_is_connected(f->bus));
    publish(f, "early");
    nats_peer_listen(&f->peer);
    assert_true(nats_peer_greet(&f->peer));
    expect_inbox(f);
    nats_peer_expect(&f->peer, "PUB", &op);
    assert_string_equal(op.payload, "early");
    await(f, &f->connects, 1);
}

static void a_refused_log_in_is_reported(void **state)
{
    struct fixture *f = *state;
    nats_peer_listen(&f->peer);
    f->peer.refusal = "-ERR 'Authorization Violation'\r\n";
    start(f, 0, 0, greet);
    assert_int_equal(connect_bus(f, f->peer.url), STATUS_UNAUTHENTICATED);
    assert_true(finish(f, 0));
    assert_null(f->bus);
    assert_int_equal(connect_bus(f, ""), STATUS_INVALID_ARGUMENT);
}

static void a_log_in_that_is_refused_later_is_reported(void **state)
{
    struct fixture *f = *state;
    f->peer.refusal = "-ERR 'Authorization Violation'\r\n";
    await_lost(f);
    for (int i = 0; i < 2; i++) /* the first time the library takes for an accident */
        assert_true(nats_peer_greet(&f->peer));
    await(f, &f->refusals, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, set_up_alone, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_goes_to_the_subscription_that_its_subject_matches),
        TEST(a_message_has_its_subject_reply_and_headers),
        TEST(messages_are_delivered_in_the_order_of_arrival),
        TEST(two_subscriptions_of_one_subject_both_receive_each_message),
        TEST(a_subject_and_a_pattern_that_match_both_receive_each_message),
        TEST(two_overlapping_subscriptions_keep_their_order),
        TEST(after_unsubscribe_nothing_more_is_delivered),
        TEST(a_handler_may_unsubscribe_before_the_rest_of_the_read_is_handled),
        TEST(drain_delivers_what_arrived_before_the_server_confirmed),
        TEST(publications_are_sent_at_once_or_corked_in_one_piece),
        TEST(flush_returns_when_the_server_has_received_everything),
        TEST(publications_are_sent_before_the_bus_is_closed),
        TEST(a_restarted_server_is_found_and_subscribed_to_again),
        TEST(a_message_that_was_cut_off_does_not_swallow_the_next_bytes),
        TEST(a_lost_connection_leaves_no_descriptor_open),
        TEST_ALONE(a_server_that_starts_later_is_found),
        TEST_ALONE(a_refused_log_in_is_reported),
        TEST(a_log_in_that_is_refused_later_is_reported),
    };
    /* What the undeclared functions of the library are used for. */
    const struct CMUnitTest quick[] = {
        TEST(answers_to_one_read_are_sent_in_one_piece),
        TEST(a_borrowed_bus_delivers_only_in_bus_work),
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("unit", LOG_LEVEL_ERROR);
    int failed = cmocka_run_group_tests_name("bus", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("bus, quick", quick, NULL, NULL);
    bus_library_use_undeclared(false);
    return failed + cmocka_run_group_tests_name("bus, declared functions only", tests, NULL, NULL);
}
