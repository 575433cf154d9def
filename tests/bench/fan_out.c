#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/id.h"
#include "services/common/base/memory.h"
#include "tests/bench/fail.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/ws_client.h"

/*
 * A user with very many contacts, all of them online, comes, changes the name and goes, again and
 * again: how long until the last of them knows? The roster's last is the user, the others are the
 * contacts. Each must be notified once.
 */

enum { LONGEST_S = 30, SECOND_NS = 1000000000, QUIET_NS = 100000000 };

enum news { CAME, CHANGED, WENT, NEWS };

static const struct {
    const char *name, *code;
} kinds[NEWS] = {
    [CAME] = { "came", "\"code\":3101" },
    [CHANGED] = { "changed", "\"code\":3200" },
    [WENT] = { "went", "\"code\":3100" },
};

static struct run {
    struct ws_server server;
    struct roster roster;
    struct ws_client hub, *contacts;
    size_t count;
    enum news wanted;
    bool *notified; /* of each contact */
    size_t notified_count;
    int64_t began_ns;
    struct histogram each[NEWS], all[NEWS];
} run;

static void handle_text(struct ws_client *client, const char *text, size_t length, int64_t now_ns)
{
    size_t head = length < 80 ? length : 80;
    const char *tag = run.roster.tags[run.count];
    size_t who = client->number;

    if (client == &run.hub) {
        if (memmem(text, length, "\"error\"", 7) != NULL)
            fail("the user got: %.*s", length < 400 ? (int)length : 400, text);
        return;
    }
    if (memmem(text, length, tag, strlen(tag)) == NULL)
        return; /* of another contact */
    if (memmem(text, head, kinds[run.wanted].code, strlen(kinds[run.wanted].code)) == NULL ||
        run.notified[who])
        fail("contact %zu is notified, but the change is \"%s\"%s: %.*s", who,
             kinds[run.wanted].name, run.notified[who] ? ", and it was notified before" : "",
             length < 400 ? (int)length : 400, text);
    run.notified[who] = true;
    run.notified_count++;
    histogram_add(&run.each[run.wanted], now_ns - run.began_ns);
    if (run.notified_count == run.count)
        histogram_add(&run.all[run.wanted], now_ns - run.began_ns);
}

static void begin(enum news news)
{
    run.wanted = news;
    run.notified_count = 0;
    memset(run.notified, 0, run.count * sizeof(*run.notified));
    run.began_ns = loop_now_ns();
}

/* Until all are notified, and a moment longer to see duplicates. */
static void wait_until_notified(void)
{
    while (run.notified_count < run.count) {
        if (loop_now_ns() - run.began_ns > LONGEST_S * (int64_t)SECOND_NS)
            fail("of \"%s\" only %zu of %zu contacts are notified after %d s",
                 kinds[run.wanted].name, run.notified_count, run.count, LONGEST_S);
        loop_turn(run.server.loop, loop_now_ns() + SECOND_NS);
    }
    for (int64_t until = loop_now_ns() + QUIET_NS; loop_now_ns() < until;)
        loop_turn(run.server.loop, until);
}

/* Never the user's current name, which would change nothing. */
static void random_name(char *name, size_t size)
{
    id_random_hex(name, size / 2);
    for (char *c = name; *c != '\0'; c++)
        if (*c <= '9') /* names are of letters */
            *c = (char)(*c - '0' + 'g');
}

static void come_change_and_go(void)
{
    struct ws_client *hubs[] = { &run.hub };
    char call[128], name[9];

    begin(CAME);
    ws_open_all(&run.server, hubs, &run.roster.tokens[run.count], 1, 1);
    wait_until_notified();
    random_name(name, sizeof(name));
    int length = snprintf(call, sizeof(call),
                          "{\"jsonrpc\":\"2.0\",\"method\":\"setSelfInfo\",\"params\":[\"%s\"],"
                          "\"id\":1}",
                          name);
    begin(CHANGED);
    ws_client_send(&run.hub, call, (size_t)length);
    ws_client_flush(&run.hub);
    wait_until_notified();
    begin(WENT);
    ws_client_close(&run.hub);
    wait_until_notified();
}

static void open_contacts(void)
{
    struct ws_client **all = xcalloc(run.count, sizeof(struct ws_client *));

    run.contacts = xcalloc(run.count, sizeof(*run.contacts));
    run.notified = xcalloc(run.count, sizeof(*run.notified));
    for (size_t i = 0; i < run.count; i++) {
        all[i] = &run.contacts[i];
        all[i]->number = i;
    }
    ws_open_all(&run.server, all, run.roster.tokens, run.count, 64);
    ws_greet_all(&run.server, all, run.count);
    for (int64_t until = loop_now_ns() + SECOND_NS; loop_now_ns() < until;)
        loop_turn(run.server.loop, until); /* for their notifications about each other */
    free(all);
}

void scenario_fan_out(struct options *options)
{
    const char *address = options_text(options, "address", NULL);
    const char *path = options_text(options, "path", "/api");
    const char *roster_path = options_text(options, "roster", NULL);
    unsigned rounds = (unsigned)options_int(options, "rounds", 1, 5);
    struct json_writer w;

    options_finish(&options);
    roster_read(&run.roster, roster_path, 2);
    run.count = run.roster.count - 1;
    run.hub.number = run.count;
    ws_server_init(&run.server, loop_create(), address, path);
    run.server.on_text = handle_text;
    open_contacts();
    for (unsigned i = 0; i < rounds; i++)
        come_change_and_go();
    report_begin(&w);
    for (int i = 0; i < NEWS; i++) {
        json_key(&w, kinds[i].name);
        json_begin_object(&w);
        report_times(&w, "each", &run.each[i]);
        report_times(&w, "all", &run.all[i]);
        json_end_object(&w);
    }
    report_end(&w);
    roster_finish(&run.roster);
}
