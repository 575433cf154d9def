#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nats/nats.h>

#include "services/common/base/memory.h"
#include "tests/bench/cpu_watch.h"
#include "tests/bench/fail.h"
#include "tests/bench/loop.h"
#include "tests/bench/report.h"
#include "tests/bench/scenarios.h"

/*
 * Raw request-reply: what the bus alone takes for a question and its answer. The responder is a
 * plain subscription of another process, which sends back what came. The caller has so many
 * requests under way, in one of two manners: each in a thread of its own that waits for its answer
 * (`threads`), or all from one inbox, where each answer makes the next request (`pipelined`).
 */

static const char subject[] = "bench.floor";

enum { REQUEST_TIMEOUT_MS = 5000, SETTLE_S = 20, POLL_NS = 10000000, STACK_BYTES = 256 * 1024 };

static void check(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        fail("nats: %s: %s", what, natsStatus_GetText(status));
}

static natsConnection *connect_to(const char *url, bool asap)
{
    natsConnection *connection;
    natsOptions *options;

    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), url);
    check(natsOptions_SetSendAsap(options, asap), "options");
    check(natsOptions_SetMaxPendingMsgs(options, 1 << 20), "options");
    check(natsConnection_Connect(&connection, options), url);
    natsOptions_Destroy(options);
    return connection;
}

/* --- responder --------------------------------------------------------------------------- */

static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                   void *ctx)
{
    (void)subscription;
    (void)ctx;
    check(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                                 natsMsg_GetDataLength(message)),
          "answer");
    natsMsg_Destroy(message);
}

void scenario_responder(struct options *options)
{
    natsConnection *connection = connect_to(options_text(options, "nats", "nats://127.0.0.1:4222"),
                                            options_int(options, "asap", 0, 1) != 0);
    natsSubscription *subscription;

    options_finish(&options);
    check(natsConnection_Subscribe(&subscription, connection, subject, answer, NULL), subject);
    check(natsConnection_Flush(connection), "flush");
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
}

/* --- caller ------------------------------------------------------------------------------ */

static struct floor {
    natsConnection *connection;
    char inbox[64];
    char *payload;
    int payload_size;
    size_t callers;
    _Atomic int64_t from_ns, until_ns; /* what is measured */
    _Atomic size_t under_way;
    pthread_mutex_t lock; /* guards the figures, of threads */
    struct histogram times;
    uint64_t within;
    _Atomic uint64_t whole; /* begun and answered within what is measured */
    int64_t *began_ns;      /* of each request under way, of pipelined */
} run = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(int64_t began_ns, int64_t now_ns)
{
    int64_t from_ns = atomic_load(&run.from_ns), until_ns = atomic_load(&run.until_ns);

    if (began_ns >= from_ns && began_ns < until_ns) {
        histogram_add(&run.times, now_ns - began_ns);
        atomic_fetch_add(&run.whole, now_ns < until_ns);
    }
    run.within += now_ns >= from_ns && now_ns < until_ns;
}

static void *call(void *arg)
{
    (void)arg;
    for (int64_t began = loop_now_ns(); began < atomic_load(&run.until_ns); began = loop_now_ns()) {
        natsMsg *reply;
        check(natsConnection_Request(&reply, run.connection, subject, run.payload, run.payload_size,
                                     REQUEST_TIMEOUT_MS),
              "request");
        natsMsg_Destroy(reply);
        pthread_mutex_lock(&run.lock);
        note(began, loop_now_ns());
        pthread_mutex_unlock(&run.lock);
    }
    atomic_fetch_sub(&run.under_way, 1);
    return NULL;
}

static void ask(size_t number)
{
    char reply_to[sizeof(run.inbox) + 24];

    snprintf(reply_to, sizeof(reply_to), "%s.%zu", run.inbox, number);
    run.began_ns[number] = loop_now_ns();
    check(natsConnection_PublishRequest(run.connection, subject, reply_to, run.payload,
                                        run.payload_size),
          "request");
}

static void handle_reply(natsConnection *connection, natsSubscription *subscription,
                         natsMsg *message, void *ctx)
{
    const char *dot = strrchr(natsMsg_GetSubject(message), '.');
    size_t number = dot != NULL ? strtoull(dot + 1, NULL, 10) : SIZE_MAX;
    int64_t now = loop_now_ns();

    (void)connection;
    (void)subscription;
    (void)ctx;
    if (number >= run.callers || natsMsg_IsNoResponders(message))
        fail("an answer to %s", natsMsg_GetSubject(message));
    natsMsg_Destroy(message);
    note(run.began_ns[number], now);
    if (now < atomic_load(&run.until_ns))
        ask(number);
    else
        atomic_fetch_sub(&run.under_way, 1);
}

static void begin_pipelined(void)
{
    natsSubscription *subscription;
    char wildcard[sizeof(run.inbox) + 2];
    natsInbox *inbox;

    check(natsInbox_Create(&inbox), "inbox");
    snprintf(run.inbox, sizeof(run.inbox), "%s", inbox);
    natsInbox_Destroy(inbox);
    snprintf(wildcard, sizeof(wildcard), "%s.*", run.inbox);
    run.began_ns = xcalloc(run.callers, sizeof(*run.began_ns));
    check(natsConnection_Subscribe(&subscription, run.connection, wildcard, handle_reply, NULL),
          wildcard);
    check(natsConnection_Flush(run.connection), "flush");
    for (size_t i = 0; i < run.callers; i++)
        ask(i);
}

static void begin_threads(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (size_t i = 0; i < run.callers; i++)
        if (pthread_create(&thread, &attr, call, NULL) != 0)
            fail("cannot start a thread");
    pthread_attr_destroy(&attr);
}

static void wait_until(int64_t until_ns)
{
    int64_t left = until_ns - loop_now_ns();
    struct timespec wait = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };

    if (left > 0)
        nanosleep(&wait, NULL);
}

/* So many seconds, or until there is something to report; then nobody asks any more. */
static void measure(double seconds)
{
    int64_t until_ns = atomic_load(&run.from_ns) + (int64_t)(seconds * 1e9);

    wait_until(until_ns);
    for (int i = 0; i < SETTLE_S * 100 && atomic_load(&run.whole) == 0; i++)
        wait_until(loop_now_ns() + POLL_NS);
    atomic_store(&run.until_ns, loop_now_ns());
    if (atomic_load(&run.whole) == 0)
        fail("no request was answered within %d s", SETTLE_S);
}

static void report(const struct cpu_watch *watch)
{
    double seconds = (double)(atomic_load(&run.until_ns) - atomic_load(&run.from_ns)) / 1e9;
    struct json_writer w;

    report_begin(&w);
    report_double(&w, "seconds", seconds);
    report_double(&w, "per_s", (double)run.within / seconds);
    report_times(&w, "times", &run.times);
    cpu_watch_report(watch, &w);
    report_end(&w);
}

void scenario_floor(struct options *options)
{
    const char *url = options_text(options, "nats", "nats://127.0.0.1:4222");
    const char *manner = options_text(options, "manner", "pipelined");
    bool asap = options_int(options, "asap", 0, 1) != 0;
    double warm_up = options_double(options, "warm-up", 1);
    double seconds = options_double(options, "seconds", 5);
    struct cpu_watch *watch = cpu_watch_create(options_text(options, "watch", ""));

    run.callers = (size_t)options_int(options, "callers", 1, 1);
    run.payload_size = (int)options_int(options, "payload", 1, 200);
    options_finish(&options);
    run.payload = xmalloc((size_t)run.payload_size);
    memset(run.payload, 'x', (size_t)run.payload_size);
    run.connection = connect_to(url, asap);
    atomic_store(&run.from_ns, loop_now_ns() + (int64_t)(warm_up * 1e9));
    atomic_store(&run.until_ns, INT64_MAX);
    atomic_store(&run.under_way, run.callers);
    if (strcmp(manner, "threads") == 0)
        begin_threads();
    else
        begin_pipelined();
    wait_until(run.from_ns);
    cpu_watch_begin(watch);
    measure(seconds);
    cpu_watch_end(watch);
    for (int i = 0; i < SETTLE_S * 100 && atomic_load(&run.under_way) > 0; i++)
        wait_until(loop_now_ns() + POLL_NS);
    if (atomic_load(&run.under_way) > 0)
        fail("%zu requests were never answered", atomic_load(&run.under_way));
    report(watch);
    natsConnection_Destroy(run.connection);
    cpu_watch_destroy(&watch);
}
