#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "tests/bench/fail.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/steps.h"
#include "tests/bench/ws_client.h"

/*
 * Very many users with a socket each, who say nothing. The steps (steps.h): all open, then nothing
 * for as long as is wanted, then some lose their sockets and all come back at once.
 */

enum { LONGEST_S = 120, SAMPLE_MAX = 64, SECOND_NS = 1000000000, PAUSE_NS = 1000000000 };

static const char sync_call[] = "{\"jsonrpc\":\"2.0\",\"method\":\"sync\",\"id\":1}";

struct guest {
    struct ws_client client;
    bool coming_back; /* has lost its socket and is not there yet */
    bool asked;
    int64_t due_ns; /* when it tries again; 0 = it is trying */
};

static struct run {
    struct ws_server server;
    struct roster roster;
    struct guest *guests;
    size_t count, back, refused;
    struct histogram times_back;
    int64_t lost_ns;
    struct ws_client observer;
    size_t answers;
    bool all_online;
} run;

/* --- who is online ----------------------------------------------------------------------- */

/* Does the answer show this user online? */
static bool shows_online(const char *text, size_t length, const char *tag)
{
    static const char online[] = "\"isOnline\":";
    char wanted[64];
    int size = snprintf(wanted, sizeof(wanted), "\"tag\":\"%s\"", tag);

    const char *at = memmem(text, length, wanted, (size_t)size);
    if (at == NULL)
        fail("%s is not found: %.*s", tag, length < 400 ? (int)length : 400, text);
    at = memmem(at, length - (size_t)(at - text), online, sizeof(online) - 1);
    return at != NULL && strncmp(at + sizeof(online) - 1, "true", 4) == 0;
}

static size_t sample_count(void)
{
    return run.count < SAMPLE_MAX ? run.count : SAMPLE_MAX;
}

/* The last of all is among them. */
static const char *sample_tag(size_t i)
{
    return run.roster.tags[(i + 1) * run.count / sample_count() - 1];
}

static void fetch_online(void)
{
    struct buffer batch = { 0 };

    for (size_t i = 0; i < sample_count(); i++)
        buffer_printf(&batch,
                      "%c{\"jsonrpc\":\"2.0\",\"method\":\"findUsersByTag\",\"params\":[\"%s\"],"
                      "\"id\":%zu}",
                      i == 0 ? '[' : ',', sample_tag(i), i);
    buffer_append_char(&batch, ']');
    ws_client_send(&run.observer, batch.data, batch.length);
    ws_client_flush(&run.observer);
    buffer_finish(&batch);
}

/* Asks until everyone of a sample is shown online. */
static double wait_for_presence(int64_t begin_ns)
{
    int64_t until = begin_ns + LONGEST_S * (int64_t)SECOND_NS;

    run.all_online = false;
    while (!run.all_online) {
        size_t answers = run.answers;
        fetch_online();
        while (run.answers == answers) {
            if (loop_now_ns() > until)
                fail("not everyone is shown online after %d s", LONGEST_S);
            loop_turn(run.server.loop, until);
        }
    }
    return (double)(loop_now_ns() - begin_ns) / 1e9;
}

/* --- what comes -------------------------------------------------------------------------- */

static void handle_text(struct ws_client *client, const char *text, size_t length, int64_t now_ns)
{
    struct guest *guest = client->owner;

    if (client == &run.observer) {
        if (*text != '[')
            return;
        run.all_online = true;
        for (size_t i = 0; i < sample_count() && run.all_online; i++)
            run.all_online = shows_online(text, length, sample_tag(i));
        run.answers++;
        return;
    }
    if (!guest->coming_back || memmem(text, length, "\"jsonrpc\"", 9) == NULL)
        return;
    if (memmem(text, length, "\"result\"", 8) == NULL) {
        run.refused++;
        guest->asked = false; /* and asks again */
        return;
    }
    guest->coming_back = false;
    run.back++;
    histogram_add(&run.times_back, now_ns - run.lost_ns);
}

static void handle_lost(struct ws_client *client, const char *why)
{
    struct guest *guest = client->owner;

    if (guest == NULL || !guest->coming_back)
        fail("socket %zu: %s", client->number, why);
    if (run.refused++ == 0)
        fprintf(stderr, "bench: the first refusal: %s\n", why);
    /* As people's devices do, not all at the same moment. */
    guest->asked = false;
    guest->due_ns = loop_now_ns() + (int64_t)(people_mix(client->number + run.refused) % PAUSE_NS);
}

/* --- steps ------------------------------------------------------------------------------- */

static void open_all(size_t at_once)
{
    struct ws_client **clients = xcalloc(run.count, sizeof(struct ws_client *));
    struct ws_client *observers[] = { &run.observer };
    struct json_writer w;

    ws_open_all(&run.server, observers, &run.roster.tokens[run.count], 1, 1);
    run.server.upgrade_times = (struct histogram){ 0 };
    run.guests = xcalloc(run.count, sizeof(*run.guests));
    for (size_t i = 0; i < run.count; i++) {
        clients[i] = &run.guests[i].client;
        clients[i]->owner = &run.guests[i];
        clients[i]->number = i;
    }
    int64_t begin = loop_now_ns();
    double seconds = ws_open_all(&run.server, clients, run.roster.tokens, run.count, at_once);
    double online_seconds = wait_for_presence(begin);
    report_begin(&w);
    report_double(&w, "seconds", seconds);
    report_double(&w, "until_online_seconds", online_seconds);
    report_times(&w, "times", &run.server.upgrade_times);
    report_end(&w);
    free(clients);
}

static void try_again(size_t number)
{
    struct guest *guest = &run.guests[number];

    if (!guest->coming_back)
        return;
    if (guest->client.state == WS_CLOSED && loop_now_ns() >= guest->due_ns)
        ws_client_open(&guest->client, &run.server, run.roster.tokens[number]);
    if (guest->client.state == WS_OPEN && !guest->asked) {
        guest->asked = true;
        ws_client_send(&guest->client, sync_call, sizeof(sync_call) - 1);
        ws_client_flush(&guest->client);
    }
}

static void lose_and_come_back(size_t count)
{
    struct json_writer w;

    run.lost_ns = loop_now_ns();
    for (size_t i = 0; i < count; i++) {
        ws_client_close(&run.guests[i].client);
        run.guests[i].coming_back = true;
        run.guests[i].asked = false;
        run.guests[i].due_ns = 0;
    }
    while (run.back < count) {
        for (size_t i = 0; i < count; i++)
            try_again(i);
        if (loop_now_ns() - run.lost_ns > LONGEST_S * (int64_t)SECOND_NS)
            fail("after %d s %zu of %zu are back", LONGEST_S, run.back, count);
        loop_turn(run.server.loop, loop_now_ns() + SECOND_NS / 100);
    }
    report_begin(&w);
    report_double(&w, "seconds", (double)(loop_now_ns() - run.lost_ns) / 1e9);
    json_put_int(&w, "refused", (int64_t)run.refused);
    report_times(&w, "times", &run.times_back);
    report_end(&w);
}

void scenario_sockets(struct options *options)
{
    const char *address = options_text(options, "address", NULL);
    const char *path = options_text(options, "path", "/api");
    const char *roster_path = options_text(options, "roster", NULL);
    size_t at_once = (size_t)options_int(options, "opening-at-once", 1, 256);
    size_t lost;

    run.count = (size_t)options_int(options, "sockets", 1, 1);
    lost = (size_t)options_int(options, "coming-back", 1, 1);
    options_finish(&options);
    if (lost > run.count)
        fail("--coming-back is more than --sockets");
    roster_read(&run.roster, roster_path, run.count + 1);
    ws_server_init(&run.server, loop_create(), address, path);
    run.server.on_text = handle_text;
    run.server.on_lost = handle_lost;
    open_all(at_once);
    if (!steps_wait(run.server.loop))
        return;
    lose_and_come_back(lost);
    steps_wait(run.server.loop);
}
