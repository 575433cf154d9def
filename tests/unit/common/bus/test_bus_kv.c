/* services/common/bus/bus_kv, bus_consumer: a watch of a bucket. The test plays the server. */
#define _GNU_SOURCE /* pthread_cond_clockwait, gettid, accept4, memmem */
#include "services/common/bus/bus_kv.h"
#include "tests/unit/unit.h"

#include <signal.h>

#include "services/common/base/log.h"
#include "tests/unit/common/bus/bus_fixture.h"

#define STREAM_INFO                                                                                \
    "{\"type\":\"io.nats.jetstream.api.v1.stream_info_response\",\"config\":{\"name\":\"KV_t\","   \
    "\"subjects\":[\"$KV.t.>\"],\"max_msgs_per_subject\":1,\"num_replicas\":1},\"state\":{}}"

/* The watch, and what the server knows of it. */
static struct {
    struct bus_kv *kv;
    struct bus_kv_watch *watch;
    unsigned replies_sid, sid;
    unsigned present; /* values that are in the bucket when it begins */
} it;

/* --- the server ------------------------------------------------------------------------------ */

static void answer(struct fixture *f, const struct nats_op *request, const char *json)
{
    nats_peer_put_message(&f->peer, it.replies_sid, request->reply_to, NULL, json);
    assert_true(nats_peer_send(&f->peer));
}

/* One operation; true once the consumer has been created. */
static bool serve(struct fixture *f, const struct nats_op *op)
{
    char created[256];

    if (strcmp(op->name, "SUB") == 0 && op->subject[strlen(op->subject) - 1] == '*')
        it.replies_sid = op->sid;
    else if (strcmp(op->name, "SUB") == 0)
        it.sid = op->sid;
    else if (strcmp(op->subject, "$JS.API.STREAM.INFO.KV_t") == 0)
        answer(f, op, STREAM_INFO);
    else if (strcmp(op->subject, "$JS.API.CONSUMER.CREATE.KV_t") == 0) {
        snprintf(created, sizeof(created),
                 "{\"type\":\"io.nats.jetstream.api.v1.consumer_create_response\","
                 "\"stream_name\":\"KV_t\",\"name\":\"c\",\"num_pending\":%u,\"config\":{}}",
                 it.present);
        answer(f, op, created);
        return true;
    } else {
        fail_msg("%s %s is not expected", op->name, op->subject);
    }
    return false;
}

/* `place`: the numbers of the stream and of the consumer, and how many follow, as
 * "<sequence>.<sequence>.<time>.<pending>". */
static void put_value(struct fixture *f, const char *key, const char *place, const char *value)
{
    char subject[64], reply_to[128];

    snprintf(subject, sizeof(subject), "$KV.t.%s", key);
    snprintf(reply_to, sizeof(reply_to), "$JS.ACK.KV_t.c.1.%s", place);
    nats_peer_put_message(&f->peer, it.sid, subject, reply_to, value);
}

/* With headers, and `reply_to` unless NULL. */
static void put_headed(struct fixture *f, const char *subject, const char *reply_to,
                       const char *headers)
{
    char text[512];

    snprintf(text, sizeof(text), "HMSG %s %u %s %zu %zu\r\n%s\r\n", subject, it.sid,
             reply_to != NULL ? reply_to : "", strlen(headers), strlen(headers), headers);
    nats_peer_put(&f->peer, text);
}

/* --- the program ----------------------------------------------------------------------------- */

static void *open_watch(void *arg)
{
    struct worker *worker = arg;

    worker->result = bus_kv_open(worker->fixture->bus, "t", 1, &it.kv) == STATUS_OK &&
                     bus_kv_watch(it.kv, &it.watch) == STATUS_OK;
    return NULL;
}

static void begin_watch(struct fixture *f, unsigned present)
{
    struct nats_op op;

    it.present = present;
    start(f, 0, 0, open_watch);
    do {
        assert_true(nats_peer_read(&f->peer, &op));
    } while (!serve(f, &op));
    assert_true(finish(f, 0));
}

static void expect_change(const char *key, uint64_t revision, const char *value)
{
    struct bus_kv_change change;

    assert_int_equal(bus_kv_watch_next(it.watch, NATS_PEER_MS, &change), STATUS_OK);
    assert_false(change.is_initial_end);
    assert_string_equal(change.key, key);
    assert_int_equal(change.revision, revision);
    assert_int_equal(change.is_deleted, value == NULL);
    assert_int_equal(change.length, value == NULL ? 0 : strlen(value));
    if (value != NULL)
        assert_memory_equal(change.value, value, change.length);
}

static void expect_initial_end(void)
{
    struct bus_kv_change change;

    assert_int_equal(bus_kv_watch_next(it.watch, NATS_PEER_MS, &change), STATUS_OK);
    assert_true(change.is_initial_end);
}

static void expect_end_of_watch(struct fixture *f)
{
    struct bus_kv_change change;

    assert_true(nats_peer_send(&f->peer));
    assert_int_equal(bus_kv_watch_next(it.watch, NATS_PEER_MS, &change), STATUS_UNAVAILABLE);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void present_values_are_reported_before_changes(void **state)
{
    struct fixture *f = *state;

    begin_watch(f, 2);
    put_value(f, "a", "3.1.0.1", "A");
    put_value(f, "b.c", "7.2.0.0", "");
    put_value(f, "a", "8.3.0.0", "AA");
    put_headed(f, "$KV.t.a", "$JS.ACK.KV_t.c.1.9.4.0.0", "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 3, "A");
    expect_change("b.c", 7, "");
    expect_initial_end();
    expect_change("a", 8, "AA");
    expect_change("a", 9, NULL);
}

static void an_empty_bucket_has_no_present_values(void **state)
{
    struct fixture *f = *state;
    struct bus_kv_change change;

    begin_watch(f, 0);
    expect_initial_end();
    assert_int_equal(bus_kv_watch_next(it.watch, 1, &change), STATUS_DEADLINE_EXCEEDED);
    put_value(f, "a", "1.1.0.0", "A");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 1, "A");
}

/* A value that was overwritten before it was sent counts once. */
static void the_present_values_end_when_none_is_pending(void **state)
{
    struct fixture *f = *state;

    begin_watch(f, 5);
    put_value(f, "a", "1.1.0.1", "A");
    put_value(f, "b", "2.2.0.0", "B");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 1, "A");
    expect_change("b", 2, "B");
    expect_initial_end();
}

static void expect_end_after(struct fixture *f, const char *place)
{
    begin_watch(f, 1);
    put_value(f, "a", "1.1.0.0", "A");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 1, "A");
    expect_initial_end();
    put_value(f, "b", place, "B");
    expect_end_of_watch(f);
}

static void a_missing_message_ends_the_watch(void **state)
{
    expect_end_after(*state, "5.3.0.0");
}

static void a_repeated_message_ends_the_watch(void **state)
{
    expect_end_after(*state, "1.1.0.0");
}

static void a_message_without_a_place_ends_the_watch(void **state)
{
    expect_end_after(*state, "none");
}

/* The library's own watch would replace its consumer meanwhile, on a thread of its own. */
static void a_watch_that_has_ended_makes_no_further_requests(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;

    begin_watch(f, 0);
    expect_initial_end();
    put_value(f, "b", "5.3.0.0", "B");
    assert_true(nats_peer_send(&f->peer));
    struct bus_request *request = ask(f, &op); /* nothing of the watch before it */
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "yes");
    assert_true(nats_peer_send(&f->peer));
    expect_end(request, NATS_PEER_MS, STATUS_OK, "yes");
    expect_end_of_watch(f);
    bus_kv_unwatch(&it.watch);
    nats_peer_expect(&f->peer, "UNSUB", &op);
    assert_int_equal(op.sid, it.sid);
    put_value(f, "c", "6.4.0.0", "it was on the way");
    assert_true(nats_peer_send(&f->peer));
    request = ask(f, &op);
    nats_peer_put_message(&f->peer, f->inbox_sid, op.reply_to, NULL, "yes");
    assert_true(nats_peer_send(&f->peer));
    expect_end(request, NATS_PEER_MS, STATUS_OK, "yes");
}

static void flow_control_is_answered(void **state)
{
    struct fixture *f = *state;
    struct nats_op op;

    begin_watch(f, 0);
    expect_initial_end();
    put_headed(f, "_INBOX.x", "$JS.FC.KV_t.c.1", "NATS/1.0 100 FlowControl Request\r\n\r\n");
    put_headed(f, "_INBOX.x", NULL,
               "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\n"
               "Nats-Consumer-Stalled: $JS.FC.KV_t.c.2\r\n\r\n");
    put_value(f, "a", "1.1.0.0", "A");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 1, "A");
    for (int i = 1; i <= 2; i++) {
        nats_peer_expect(&f->peer, "PUB", &op);
        assert_memory_equal(op.subject, "$JS.FC.KV_t.c.", 14);
        assert_int_equal(op.subject[14], '0' + i);
        assert_string_equal(op.payload, "");
    }
}

static void a_heartbeat_shows_what_is_missing(void **state)
{
    struct fixture *f = *state;

    begin_watch(f, 0);
    expect_initial_end();
    put_value(f, "a", "1.1.0.0", "A");
    put_headed(f, "_INBOX.x", NULL, "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\n\r\n");
    put_value(f, "a", "2.2.0.0", "B");
    assert_true(nats_peer_send(&f->peer));
    expect_change("a", 1, "A");
    expect_change("a", 2, "B");
    put_headed(f, "_INBOX.x", NULL, "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 3\r\n\r\n");
    expect_end_of_watch(f);
}

static int set_up_kv(void **state)
{
    memset(&it, 0, sizeof(it));
    return set_up(state);
}

static int tear_down_kv(void **state)
{
    bus_kv_unwatch(&it.watch);
    bus_kv_close(&it.kv);
    return tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_kv, tear_down_kv)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(present_values_are_reported_before_changes),
        TEST(an_empty_bucket_has_no_present_values),
        TEST(the_present_values_end_when_none_is_pending),
        TEST(a_missing_message_ends_the_watch),
        TEST(a_repeated_message_ends_the_watch),
        TEST(a_message_without_a_place_ends_the_watch),
        TEST(a_watch_that_has_ended_makes_no_further_requests),
        TEST(flow_control_is_answered),
        TEST(a_heartbeat_shows_what_is_missing),
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("bus_kv", tests, NULL, NULL);
}
