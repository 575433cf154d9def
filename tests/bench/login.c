#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "services/common/base/memory.h"
#include "tests/bench/cpu_watch.h"
#include "tests/bench/fail.h"
#include "tests/bench/report.h"
#include "tests/bench/roster.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/ws_client.h"

/*
 * Log-ins, so many at a time, each over a connection of its own as a browser's would be. The
 * e-mail addresses are those of people.h; all have one password.
 */

enum { ANSWER_MAX = 4096, SETTLE_S = 30, SECOND_NS = 1000000000 };

struct attempt {
    struct watch watch; /* its first field */
    bool sent;
    int64_t began_ns;
    char answer[ANSWER_MAX];
    size_t length;
};

static struct run {
    struct ws_server server; /* the address, and the loop */
    struct roster roster;
    const char *password;
    struct attempt *attempts;
    size_t count, next;
    uint64_t within;
    int64_t from_ns, until_ns; /* what is measured */
    struct histogram times;
} run;

static void send_request(struct attempt *attempt)
{
    char request[1024], body[512];

    int length = snprintf(body, sizeof(body),
                          "{\"user\":{\"email\":\"%s@example.com\",\"password\":\"%s\"}}",
                          run.roster.tags[run.next++ % run.roster.count] + 1, run.password);
    length = snprintf(request, sizeof(request),
                      "POST /login HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
                      "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                      length, body);
    if (send(attempt->watch.fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        fail("send: %s", strerror(errno));
    attempt->sent = true;
    loop_change(run.server.loop, &attempt->watch, EPOLLIN);
}

static void finish(struct attempt *attempt)
{
    static const char good[] = "HTTP/1.1 200 ";
    int64_t now = loop_now_ns();

    attempt->answer[attempt->length] = '\0';
    if (strncmp(attempt->answer, good, sizeof(good) - 1) != 0)
        fail("a log-in was answered: %s", attempt->answer);
    loop_remove(run.server.loop, &attempt->watch);
    if (attempt->began_ns >= run.from_ns && attempt->began_ns < run.until_ns)
        histogram_add(&run.times, now - attempt->began_ns);
    run.within += now >= run.from_ns && now < run.until_ns;
}

static void handle_ready(struct watch *watch, uint32_t events)
{
    struct attempt *attempt = (struct attempt *)watch;

    (void)events;
    if (!attempt->sent) {
        send_request(attempt);
        return;
    }
    ssize_t n =
        recv(watch->fd, attempt->answer + attempt->length, ANSWER_MAX - 1 - attempt->length, 0);
    if (n < 0 && errno != EAGAIN)
        fail("recv: %s", strerror(errno));
    if (n == 0)
        finish(attempt);
    else if (n > 0)
        attempt->length += (size_t)n;
}

static void begin(struct attempt *attempt)
{
    attempt->watch = (struct watch){ .fd = ws_server_connect(&run.server), .ready = handle_ready };
    attempt->sent = false;
    attempt->length = 0;
    attempt->began_ns = loop_now_ns();
    loop_add(run.server.loop, &attempt->watch, EPOLLOUT);
}

/* Keeps so many under way until then; afterwards waits for the last. */
static void work(int64_t until_ns, bool go_on)
{
    size_t under_way = 1;

    while (go_on ? loop_now_ns() < until_ns : under_way > 0) {
        under_way = 0;
        for (size_t i = 0; i < run.count; i++) {
            if (run.attempts[i].watch.fd < 0 && go_on)
                begin(&run.attempts[i]);
            under_way += run.attempts[i].watch.fd >= 0;
        }
        if (loop_now_ns() > run.until_ns + SETTLE_S * (int64_t)SECOND_NS)
            fail("%zu log-ins were not answered within %d s", under_way, SETTLE_S);
        loop_turn(run.server.loop, go_on ? until_ns : loop_now_ns() + SECOND_NS);
    }
}

void scenario_login(struct options *options)
{
    const char *address = options_text(options, "address", NULL);
    const char *roster_path = options_text(options, "roster", NULL);
    double warm_up = options_double(options, "warm-up", 0.5);
    double seconds = options_double(options, "seconds", 5);
    struct cpu_watch *watch = cpu_watch_create(options_text(options, "watch", ""));
    struct json_writer w;

    run.password = options_text(options, "password", NULL);
    run.count = (size_t)options_int(options, "at-once", 1, 16);
    options_finish(&options);
    roster_read(&run.roster, roster_path, 1);
    ws_server_init(&run.server, loop_create(), address, "");
    run.attempts = xcalloc(run.count, sizeof(*run.attempts));
    for (size_t i = 0; i < run.count; i++)
        run.attempts[i].watch.fd = -1;
    run.from_ns = loop_now_ns() + (int64_t)(warm_up * 1e9);
    run.until_ns = run.from_ns + (int64_t)(seconds * 1e9);
    work(run.from_ns, true);
    cpu_watch_begin(watch);
    work(run.until_ns, true);
    cpu_watch_end(watch);
    work(run.until_ns, false);
    report_begin(&w);
    report_double(&w, "seconds", seconds);
    report_double(&w, "per_s", (double)run.within / seconds);
    report_times(&w, "times", &run.times);
    cpu_watch_report(watch, &w);
    report_end(&w);
    roster_finish(&run.roster);
    cpu_watch_destroy(&watch);
}
