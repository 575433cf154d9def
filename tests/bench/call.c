#define _GNU_SOURCE /* memmem */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/memory.h"
#include "tests/bench/cpu_watch.h"
#include "tests/bench/fail.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/ws_client.h"

/*
 * Sockets that call in turn, so many at a time. The calls come from a file; a line is
 *     <key> <minimum> <maximum> "method":"getDialogsList","params":[0,1000]
 * and says how often the answer must hold "key": - for speed is worth nothing if it is not right.
 * Either any user makes the next call, or each user has a call of its `own`.
 */

enum { CALL_S = 30, KEY_MAX = 32, SECOND_NS = 1000000000 };

struct call {
    char key[KEY_MAX]; /* with quotes and colon */
    unsigned long min, max;
    const char *request; /* method and parameters */
};

struct caller {
    struct ws_client client;
    const struct call *call; /* under way; NULL = none */
    uint64_t number;
    int64_t began_ns;
};

static struct run {
    struct ws_server server;
    struct caller *callers;
    size_t caller_count, next_caller;
    struct call *calls;
    size_t call_count;
    bool own;
    uint64_t next, under_way, within, bytes;
    int64_t from_ns, until_ns; /* what is measured */
    struct histogram times;
} run;

static void read_calls(char *text)
{
    size_t capacity = 0;
    char *line;

    for (char *rest = text; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        char name[KEY_MAX - 4];
        int used = 0;
        run.calls = array_reserve(run.calls, run.call_count, &capacity, sizeof(*run.calls));
        struct call *call = &run.calls[run.call_count++];
        /* NOLINTNEXTLINE(cert-err34-c): numbers of run.py, not of a stranger */
        if (sscanf(line, "%27s %lu %lu %n", name, &call->min, &call->max, &used) != 3)
            fail("\"%s\" is not a call", line);
        snprintf(call->key, sizeof(call->key), "\"%s\":", name);
        call->request = line + used;
    }
    if (run.call_count == 0)
        fail("there are no calls");
}

/* There are at least as many as calls under way, so that one has none. */
static struct caller *next_idle(void)
{
    struct caller *caller;

    do
        caller = &run.callers[run.next_caller++ % run.caller_count];
    while (caller->call != NULL);
    return caller;
}

static void begin_call(void)
{
    struct caller *caller = next_idle();
    static char text[UINT16_MAX];

    caller->number = run.next++;
    caller->call = &run.calls[(run.own ? caller->client.number : caller->number) % run.call_count];
    caller->began_ns = loop_now_ns();
    int length = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",%s}",
                          caller->number, caller->call->request);
    if (length >= (int)sizeof(text))
        fail("a call of %d bytes", length);
    run.under_way++;
    ws_client_send(&caller->client, text, (size_t)length);
    ws_client_flush(&caller->client);
}

static void check_answer(const struct caller *caller, const char *text, size_t length)
{
    const char *key = caller->call->key, *end = text + length;
    size_t size = strlen(key);
    unsigned long count = 0;
    char id[32];

    int id_size = snprintf(id, sizeof(id), "\"id\":%" PRIu64, caller->number);
    bool whole = memmem(text, length, id, (size_t)id_size) != NULL &&
                 memmem(text, length, "\"result\":", 9) != NULL;
    for (const char *at = text; (at = memmem(at, (size_t)(end - at), key, size)) != NULL;
         at += size)
        count++;
    if (!whole || count < caller->call->min || count > caller->call->max)
        fail("%s: the answer holds %s %lu times: %.*s", caller->call->request, key, count,
             length < 400 ? (int)length : 400, text);
}

static void handle_text(struct ws_client *client, const char *text, size_t length, int64_t now_ns)
{
    struct caller *caller = client->owner;

    if (memmem(text, length < 64 ? length : 64, "\"jsonrpc\"", 9) == NULL)
        return; /* a notification */
    if (caller->call == NULL)
        fail("an answer to nothing: %.*s", length < 400 ? (int)length : 400, text);
    check_answer(caller, text, length);
    if (caller->began_ns >= run.from_ns && caller->began_ns < run.until_ns) {
        histogram_add(&run.times, now_ns - caller->began_ns);
        run.bytes += length;
    }
    run.within += now_ns >= run.from_ns && now_ns < run.until_ns;
    run.under_way--;
    caller->call = NULL;
    if (now_ns < run.until_ns)
        begin_call();
}

static void open_sockets(const struct roster *roster)
{
    struct ws_client **all = xcalloc(run.caller_count, sizeof(struct ws_client *));
    const char **tokens = xcalloc(run.caller_count, sizeof(char *));

    run.callers = xcalloc(run.caller_count, sizeof(*run.callers));
    for (size_t i = 0; i < run.caller_count; i++) {
        all[i] = &run.callers[i].client;
        all[i]->owner = &run.callers[i];
        all[i]->number = i;
        tokens[i] = roster->tokens[i % roster->count];
    }
    ws_open_all(&run.server, all, tokens, run.caller_count, 64);
    free(all);
    free(tokens);
}

static void work(int64_t until_ns)
{
    while (loop_now_ns() < until_ns)
        loop_turn(run.server.loop, until_ns);
}

static void measure(size_t at_once, double warm_up_s, double seconds, struct cpu_watch *watch)
{
    int64_t begin = loop_now_ns();

    run.from_ns = begin + (int64_t)(warm_up_s * 1e9);
    run.until_ns = run.from_ns + (int64_t)(seconds * 1e9);
    for (size_t i = 0; i < at_once; i++)
        begin_call();
    work(run.from_ns);
    cpu_watch_begin(watch);
    work(run.until_ns);
    cpu_watch_end(watch);
    while (run.under_way > 0) {
        if (loop_now_ns() > run.until_ns + CALL_S * (int64_t)SECOND_NS)
            fail("%" PRIu64 " calls were not answered within %d s", run.under_way, CALL_S);
        loop_turn(run.server.loop, loop_now_ns() + SECOND_NS);
    }
}

void scenario_call(struct options *options)
{
    const char *address = options_text(options, "address", NULL);
    const char *path = options_text(options, "path", "/api");
    const char *roster_path = options_text(options, "roster", NULL);
    const char *calls_path = options_text(options, "calls", NULL);
    double warm_up = options_double(options, "warm-up", 0.5);
    double seconds = options_double(options, "seconds", 3);
    struct cpu_watch *watch = cpu_watch_create(options_text(options, "watch", ""));
    size_t at_once = (size_t)options_int(options, "at-once", 1, 1);
    struct roster roster;
    struct json_writer w;

    run.caller_count = (size_t)options_int(options, "callers", 1, (int64_t)at_once);
    run.own = options_int(options, "own", 0, 0) != 0;
    options_finish(&options);
    if (at_once > run.caller_count)
        fail("--at-once is more than --callers");
    char *calls = roster_read_file(calls_path);
    read_calls(calls);
    roster_read(&roster, roster_path, 1);
    ws_server_init(&run.server, loop_create(), address, path);
    run.server.on_text = handle_text;
    open_sockets(&roster);
    measure(at_once, warm_up, seconds, watch);
    report_begin(&w);
    report_double(&w, "seconds", seconds);
    report_double(&w, "per_s", (double)run.within / seconds);
    report_double(&w, "bytes_each",
                  (double)run.bytes / (double)(run.times.count + !run.times.count));
    report_times(&w, "times", &run.times);
    cpu_watch_report(watch, &w);
    report_end(&w);
    free(run.calls);
    free(calls);
    roster_finish(&roster);
    cpu_watch_destroy(&watch);
}
