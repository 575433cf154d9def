#define _GNU_SOURCE /* memmem */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/id.h"
#include "services/common/base/memory.h"
#include "tests/bench/cpu_watch.h"
#include "tests/bench/fail.h"
#include "tests/bench/mark.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/ws_client.h"

/*
 * Pairs of a sender and a receiver. Each message must be acknowledged and delivered once and in
 * order: that is so when what comes is always the next one of its pair, which is checked of each.
 */

enum {
    SETTLE_S = 20,
    UNDER_WAY_MAX = 200000,
    SECOND_NS = 1000000000,
    QUIET_NS = 100000000,
    GRID_NS = 1000000
};

struct pair {
    struct ws_client sender;
    const char *receiver_tag;
    uint64_t sent, acknowledged, delivered;
};

/* How the messages come: with a rate, at moments that do not wait for anything; without, each
 * sender has so many under way (`window`), or one that must also have arrived (`lockstep`). */
struct manner {
    double rate; /* messages a second of all together; 0 = none */
    uint64_t window;
    bool lockstep, client_ids;
    size_t size; /* bytes of text */
};

static struct run {
    struct ws_server server;
    struct pair *pairs;
    struct ws_client *receivers;
    size_t pair_count, receiver_count;
    struct manner manner;
    char id[9];
    bool sending;
    int64_t from_ns, until_ns; /* what is measured */
    uint64_t sent, acknowledged, delivered, acknowledged_within, delivered_within;
    struct histogram to_acknowledged, to_delivered;
} run;

static void send_next(struct pair *pair, int64_t at_ns)
{
    struct mark mark = { (uint64_t)(pair - run.pairs), pair->sent++, at_ns };
    static char text[UINT16_MAX], request[UINT16_MAX + 256];
    char client_id[64] = "";

    run.sent++;
    mark_write(&mark, run.manner.size, text);
    if (run.manner.client_ids)
        snprintf(client_id, sizeof(client_id), ",\"%s-%" PRIu64 "\"", run.id, mark.number);
    int length = snprintf(request, sizeof(request),
                          "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
                          ",\"method\":\"sendMessageToUser\",\"params\":[\"%s\",\"%s\"%s]}",
                          mark.number, pair->receiver_tag, text, client_id);
    ws_client_send(&pair->sender, request, (size_t)length);
}

/* After an acknowledgement or a delivery: is the next one due? */
static void go_on(struct pair *pair, int64_t now_ns)
{
    const struct manner *manner = &run.manner;

    if (!run.sending || manner->rate > 0)
        return;
    uint64_t done = pair->acknowledged;
    if (manner->lockstep && pair->delivered < done)
        done = pair->delivered;
    while (pair->sent - done < manner->window)
        send_next(pair, now_ns);
}

static void note(const struct mark *mark, uint64_t *count, const char *what, int64_t now_ns,
                 struct histogram *times, uint64_t *within)
{
    if (mark->number != *count)
        fail("pair %" PRIu64 ": message %" PRIu64 " was %s, but %" PRIu64 " was due", mark->pair,
             mark->number, what, *count);
    ++*count;
    if (mark->at_ns >= run.from_ns && mark->at_ns < run.until_ns)
        histogram_add(times, now_ns - mark->at_ns);
    *within += now_ns >= run.from_ns && now_ns < run.until_ns;
}

static void handle_text(struct ws_client *client, const char *text, size_t length, int64_t now_ns)
{
    static const char answer[] = "{\"jsonrpc\"", message[] = "\"code\":3001";
    bool is_answer = length >= sizeof(answer) && memcmp(text, answer, sizeof(answer) - 1) == 0;
    struct mark mark;

    if (!is_answer && memmem(text, length < 64 ? length : 64, message, sizeof(message) - 1) == NULL)
        return; /* of somebody's presence */
    if (!mark_find(text, length, &mark) || mark.pair >= run.pair_count ||
        (is_answer && memmem(text, length, "\"error\"", 7) != NULL))
        fail("socket %zu got: %.*s", client->number, length < 400 ? (int)length : 400, text);
    struct pair *pair = &run.pairs[mark.pair];
    if (is_answer) {
        if (client != &pair->sender)
            fail("socket %zu got an answer of pair %" PRIu64, client->number, mark.pair);
        note(&mark, &pair->acknowledged, "acknowledged", now_ns, &run.to_acknowledged,
             &run.acknowledged_within);
        run.acknowledged++;
    } else {
        if (client != &run.receivers[mark.pair % run.receiver_count])
            fail("socket %zu got a message of pair %" PRIu64, client->number, mark.pair);
        note(&mark, &pair->delivered, "delivered", now_ns, &run.to_delivered,
             &run.delivered_within);
        run.delivered++;
    }
    go_on(pair, now_ns);
    if (client != &pair->sender)
        ws_client_flush(&pair->sender);
}

/* When what is due next goes out at the latest, with all else that is due by then: once in a
 * millisecond, for waking takes more of the cores than sending. Times count from when it was due.
 */
static int64_t next_sending(int64_t begin_ns, int64_t due_ns)
{
    return begin_ns + ((due_ns - begin_ns) / GRID_NS + 1) * GRID_NS;
}

/* Sends what is due until `until_ns`. */
static void work(int64_t begin_ns, int64_t until_ns)
{
    for (int64_t now = loop_now_ns(); now < until_ns; now = loop_now_ns()) {
        int64_t due = until_ns;
        if (run.manner.rate > 0) {
            while ((due = begin_ns + (int64_t)((double)run.sent * 1e9 / run.manner.rate)) <= now) {
                struct pair *pair = &run.pairs[run.sent % run.pair_count];
                send_next(pair, due);
                ws_client_flush(&pair->sender);
            }
            if (run.sent - run.delivered > UNDER_WAY_MAX)
                fail("%d messages are under way: it does not keep up", UNDER_WAY_MAX);
            due = next_sending(begin_ns, due);
        }
        loop_turn(run.server.loop, due < until_ns ? due : until_ns);
    }
}

/* A short run on a busy machine: goes on until there is something to report. */
static void measure_something(int64_t begin_ns)
{
    int64_t until = loop_now_ns() + SETTLE_S * (int64_t)SECOND_NS;

    if (run.delivered_within > 0 && run.to_delivered.count > 0)
        return;
    run.until_ns = until;
    while (run.delivered_within == 0 || run.to_delivered.count == 0) {
        if (loop_now_ns() > until)
            fail("nothing was delivered within %d s", SETTLE_S);
        work(begin_ns, loop_now_ns() + GRID_NS);
    }
    run.until_ns = loop_now_ns();
}

/* Waits for what is under way, and a moment longer for what should not come. */
static void settle(void)
{
    int64_t until = loop_now_ns() + SETTLE_S * (int64_t)SECOND_NS;

    run.sending = false;
    while (run.acknowledged < run.sent || run.delivered < run.sent) {
        if (loop_now_ns() > until)
            fail("of %" PRIu64 " messages %" PRIu64 " were acknowledged and %" PRIu64
                 " delivered within %d s after the last",
                 run.sent, run.acknowledged, run.delivered, SETTLE_S);
        loop_turn(run.server.loop, until);
    }
    for (until = loop_now_ns() + QUIET_NS; loop_now_ns() < until;)
        loop_turn(run.server.loop, until);
}

static void open_sockets(const struct roster *roster, size_t at_once)
{
    size_t count = run.pair_count + run.receiver_count;
    struct ws_client **all = xcalloc(count, sizeof(struct ws_client *));

    run.pairs = xcalloc(run.pair_count, sizeof(*run.pairs));
    run.receivers = xcalloc(run.receiver_count, sizeof(*run.receivers));
    for (size_t i = 0; i < count; i++) {
        all[i] = i < run.pair_count ? &run.pairs[i].sender : &run.receivers[i - run.pair_count];
        all[i]->number = i;
    }
    for (size_t i = 0; i < run.pair_count; i++)
        run.pairs[i].receiver_tag = roster->tags[run.pair_count + i % run.receiver_count];
    ws_open_all(&run.server, all, roster->tokens, count, at_once);
    ws_greet_all(&run.server, all, count);
    free(all);
}

static void report(const struct cpu_watch *watch)
{
    double seconds = (double)(run.until_ns - run.from_ns) / 1e9;
    struct json_writer w;

    report_begin(&w);
    report_double(&w, "seconds", seconds);
    json_put_int(&w, "sent", (int64_t)run.sent);
    report_double(&w, "acknowledged_per_s", (double)run.acknowledged_within / seconds);
    report_double(&w, "delivered_per_s", (double)run.delivered_within / seconds);
    json_put_int(&w, "delivered_within", (int64_t)run.delivered_within);
    report_times(&w, "to_acknowledged", &run.to_acknowledged);
    report_times(&w, "to_delivered", &run.to_delivered);
    cpu_watch_report(watch, &w);
    report_end(&w);
}

static void measure(double warm_up_s, double seconds, struct cpu_watch *watch)
{
    int64_t begin = loop_now_ns();

    run.from_ns = begin + (int64_t)(warm_up_s * 1e9);
    run.until_ns = run.from_ns + (int64_t)(seconds * 1e9);
    run.sending = true;
    for (size_t i = 0; i < run.pair_count; i++) {
        go_on(&run.pairs[i], begin);
        ws_client_flush(&run.pairs[i].sender);
    }
    work(begin, run.from_ns);
    cpu_watch_begin(watch);
    work(begin, run.until_ns);
    measure_something(begin);
    cpu_watch_end(watch);
    settle();
}

void scenario_send(struct options *options)
{
    const char *address = options_text(options, "address", NULL);
    const char *path = options_text(options, "path", "/api");
    const char *roster_path = options_text(options, "roster", NULL);
    size_t at_once = (size_t)options_int(options, "opening-at-once", 1, 64);
    double warm_up = options_double(options, "warm-up", 1);
    double seconds = options_double(options, "seconds", 5);
    struct cpu_watch *watch = cpu_watch_create(options_text(options, "watch", ""));
    struct roster roster;

    run.pair_count = (size_t)options_int(options, "pairs", 1, 1);
    run.receiver_count = (size_t)options_int(options, "receivers", 1, (int64_t)run.pair_count);
    run.manner = (struct manner){
        .rate = options_double(options, "rate", 0),
        .window = (uint64_t)options_int(options, "window", 1, 1),
        .lockstep = options_int(options, "lockstep", 0, 0) != 0,
        .client_ids = options_int(options, "client-ids", 0, 1) != 0,
        .size = (size_t)options_int(options, "size", 1, 100),
    };
    options_finish(&options);
    if (run.manner.size > 16384 || run.receiver_count > run.pair_count)
        fail("--size is at most 16384, --receivers at most --pairs");
    id_random_hex(run.id, 4);
    roster_read(&roster, roster_path, run.pair_count + run.receiver_count);
    ws_server_init(&run.server, loop_create(), address, path);
    run.server.on_text = handle_text;
    open_sockets(&roster, at_once);
    measure(warm_up, seconds, watch);
    report(watch);
    loop_destroy(&run.server.loop);
    roster_finish(&roster);
    cpu_watch_destroy(&watch);
}
