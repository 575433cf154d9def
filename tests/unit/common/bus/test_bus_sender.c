/* services/common/bus/bus_sender: many threads that publish, and a server that takes no more. */
#define _GNU_SOURCE /* pthread_cond_clockwait, gettid, accept4, memmem */
#include "services/common/bus/bus_request.h"
#include "tests/unit/unit.h"

#include <signal.h>

#include "services/common/base/log.h"
#include "tests/unit/common/bus/bus_fixture.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

static void *publish_many(void *arg)
{
    struct worker *worker = arg;
    struct fixture *f = worker->fixture;
    char subject[8], payload[NATS_PEER_PAYLOAD];
    atomic_store(&worker->tid, gettid());
    worker->result = true;
    snprintf(subject, sizeof(subject), "%zu", worker->number);
    for (size_t i = 0; i < worker->count; i++) {
        int length = snprintf(payload, sizeof(payload), "%*zu", f->payload_bytes, i);
        worker->result &= bus_publish(f->bus, subject, payload, (size_t)length) == STATUS_OK;
        atomic_store(&worker->published, i + 1);
    }
    atomic_store(&worker->done, true);
    return NULL;
}

/* Each thread's messages are numbered from 0, under its own number as the subject. */
static void expect_all_in_order(struct fixture *f, size_t threads, size_t count_each)
{
    size_t next[WORKERS] = { 0 };
    struct nats_op op;
    for (size_t i = 0; i < threads * count_each; i++) {
        nats_peer_expect(&f->peer, "PUB", &op);
        size_t thread = strtoul(op.subject, NULL, 10);
        assert_true(thread < threads);
        assert_int_equal(strtoul(op.payload, NULL, 10), next[thread]);
        next[thread]++;
    }
    for (size_t i = 0; i < threads; i++)
        assert_true(finish(f, i));
    assert_false(nats_peer_has_input(&f->peer));
}

static void publications_of_each_thread_arrive_in_order(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 4; i++)
        start(f, i, 2000, publish_many);
    expect_all_in_order(f, 4, 2000);
}

/* The one that sends waits for the server, the other for the first. */
static void a_server_that_stops_reading_makes_publishers_wait(void **state)
{
    struct fixture *f = *state;
    f->payload_bytes = 1024;
    for (size_t i = 0; i < 2; i++)
        start(f, i, FLOOD, publish_many);
    for (size_t i = 0; i < 2; i++)
        assert_true(await_asleep(&f->workers[i]));
    assert_false(f->workers[0].done || f->workers[1].done);
    expect_all_in_order(f, 2, FLOOD);
}

/* More than what the sender, the library and the kernel's buffers hold, from the thread that reads:
 * it answers, so to speak, one message with very many. */
static void flood(void *ctx, struct bus_message *message_take)
{
    const struct listener *listener = ctx;
    struct fixture *f = listener->fixture;
    static const char payload[1024] = { 'x' };
    for (size_t i = 0; i < FLOOD; i++)
        bus_request_async(f->bus, "flood", NULL, 0, payload, sizeof(payload),
                          clock_mono_us() + MINUTE_US, on_reply, f);
    record_message(ctx, message_take);
}

static size_t count_replies(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    size_t count = f->replies;
    pthread_mutex_unlock(&f->lock);
    return count;
}

static void a_reader_never_waits_and_learns_what_cannot_be_sent(void **state)
{
    struct fixture *f = *state;
    const struct listener *listener = listen_to(f, 0, "begin", flood);
    struct nats_op op;
    nats_peer_deliver(&f->peer, listener->sid, "begin", "now");
    await_received(f, "anow ");
    assert_in_range(count_replies(f), 1, FLOOD - 1);
    /* All others are sent; nothing is refused any more when the last of them comes. */
    for (size_t sent = 0; sent + count_replies(f) < FLOOD; sent++)
        nats_peer_expect(&f->peer, "PUB", &op);
    assert_int_equal(f->reply_status, STATUS_UNAVAILABLE);
    bus_request_fail_all(f->bus);
    await(f, &f->replies, FLOOD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(publications_of_each_thread_arrive_in_order),
        TEST(a_server_that_stops_reading_makes_publishers_wait),
        TEST(a_reader_never_waits_and_learns_what_cannot_be_sent),
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("bus_sender", tests, NULL, NULL);
}
