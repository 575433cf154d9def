#include "services/messengerctl/admin/admin_link.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/process/bus_settings.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "services/messengerctl/admin_settings.h"
#include "services/messengerctl/console.h"

enum { SERVERS_SIZE = 256, CLOSE_MS = 1000 };

/* --- what ends the program ------------------------------------------------------------------ */

/* What handle_alarm prints. */
static char away[SERVERS_SIZE + 128];
static size_t away_length;

/* A signal, since the library's connect, which may block for longer, cannot be given a time. */
static void handle_alarm(int number)
{
    (void)number;
    if (write(STDERR_FILENO, away, away_length) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_FAILURE);
}

/* Hosts and ports without user and password, as "one:4222, two:4222". */
static void print_servers(const char *urls, char out[SERVERS_SIZE])
{
    char *list = xstrdup(urls), *rest = list;
    size_t n = 0;

    out[0] = '\0';
    for (char *url; n < SERVERS_SIZE && (url = strtok_r(rest, ", ", &rest)) != NULL;) {
        char *host = strstr(url, "://"), *login = strrchr(url, '@');
        host = login != NULL ? login + 1 : host != NULL ? host + 3 : url;
        n += (size_t)snprintf(out + n, SERVERS_SIZE - n, "%s%s", n > 0 ? ", " : "", host);
    }
    memory_wipe(list, strlen(urls));
    free(list);
    console_clean(out);
}

static void expect_answer(const char *urls)
{
    char servers[SERVERS_SIZE];

    print_servers(urls, servers);
    snprintf(away, sizeof(away),
             "messengerctl: NATS does not answer at %s; is it running, and is MESSENGER_NATS_URL "
             "right?\n",
             servers);
    away_length = strlen(away);
    signal(SIGALRM, handle_alarm);
    alarm(ADMIN_LINK_CONNECT_S);
}

static void print_refused(const struct admin_link *link)
{
    char servers[SERVERS_SIZE];

    print_servers(link->settings.nats_url, servers);
    if (*link->settings.nats_user == '\0')
        console_error("NATS at %s requires a log-in; set MESSENGER_NATS_PASSWORD_FILE to the file "
                      "nats_admin of its secrets, or --data to the directory of `make run`",
                      servers);
    else
        console_error("NATS at %s refuses the log-in as %s; give the password of that server in "
                      "MESSENGER_NATS_PASSWORD_FILE, or --data",
                      servers, link->settings.nats_user);
}

static void handle_refused(void *ctx)
{
    print_refused(ctx);
    _exit(EXIT_FAILURE);
}

static void handle_denied(void *ctx)
{
    const struct admin_link *link = ctx;

    console_error("NATS does not permit the user \"%s\" to administer; log in as the user admin of "
                  "deploy/nats.conf, or give this one its permissions",
                  link->settings.nats_user);
    _exit(EXIT_FAILURE);
}

static void handle_insecure(void *ctx, const char *reason)
{
    const struct admin_link *link = ctx;
    char servers[SERVERS_SIZE];

    print_servers(link->settings.nats_url, servers);
    console_error("TLS to NATS at %s fails: %s; nats.caFile is the authority of its certificate",
                  servers, reason);
    _exit(EXIT_FAILURE);
}

/* --- life ----------------------------------------------------------------------------------- */

static void handle_connect(void *ctx)
{
    struct admin_link *link = ctx;

    sem_post(&link->connected);
}

/* Of bus_connect, which connects in the background unless something is wrong. */
static bool print_connect_failure(const struct admin_link *link, enum status status)
{
    if (status == STATUS_UNAUTHENTICATED)
        print_refused(link);
    else if (status == STATUS_INVALID_ARGUMENT)
        console_error("nats.url is not valid; it is like nats://127.0.0.1:4222");
    else
        console_error(
            "the NATS library of this machine cannot be used; the log of each service has "
            "the reason");
    return false;
}

bool admin_link_open(struct admin_link *link, const struct command_line *line)
{
    *link = (struct admin_link){ 0 };
    sem_init(&link->connected, 0, 0);
    if (!admin_settings_load(line, &link->settings))
        return false;
    struct bus_options options = bus_settings_options(&link->settings, "messengerctl");
    options.on_connect = handle_connect;
    options.on_refused = handle_refused;
    options.on_denied = handle_denied;
    options.on_insecure = handle_insecure;
    options.ctx = link;
    expect_answer(link->settings.nats_url);
    enum status status = bus_connect(&options, &link->bus);
    if (status != STATUS_OK)
        return print_connect_failure(link, status);
    while (sem_wait(&link->connected) != 0 && errno == EINTR)
        continue;
    alarm(0);
    return true;
}

void admin_link_close(struct admin_link *link)
{
    alarm(0);
    if (link->bus != NULL)
        bus_end_by(link->bus, clock_mono_us() + CLOSE_MS * 1000);
    bus_destroy(&link->bus);
    settings_finish(&link->settings);
    sem_destroy(&link->connected);
}

/* --- calls ---------------------------------------------------------------------------------- */

static void print_failure(const struct admin_link *link, const struct admin_call *call,
                          enum status status, const char *reason)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        console_error("%s", call->missing);
        break;
    case STATUS_INVALID_ARGUMENT:
        console_error("%s is refused: %s", call->method, reason);
        break;
    case STATUS_BUSY:
    case STATUS_LIMITED:
        console_error("the user service is busy; try again");
        break;
    case STATUS_UNAVAILABLE:
        console_error("no user service answers, or its store is away; see its log, or /readyz of "
                      "a gateway");
        break;
    case STATUS_DEADLINE_EXCEEDED:
        console_error("the user service has not answered within %" PRId64
                      " ms (rpc.timeoutMs); what was asked for may have been done",
                      link->settings.rpc_timeout_ms);
        break;
    default:
        console_error("%s failed: %s%s%s; see the log of the user service", call->method,
                      status_name(status), *reason != '\0' ? ": " : "", reason);
    }
}

bool admin_link_call(struct admin_link *link, const struct admin_call *call, void *reply_out)
{
    char *method = xasprintf("admin.%s", call->method);
    struct rpc_context context;
    struct rpc_error error;

    rpc_context_start(&context, link->settings.rpc_timeout_ms);
    enum status status =
        rpc_call(link->bus, &context, method, call->request, call->reply_type, reply_out, &error);
    free(method);
    if (status != STATUS_OK)
        print_failure(link, call, status, error.reason);
    return status == STATUS_OK;
}

bool admin_link_do(struct admin_link *link, const struct admin_call *call)
{
    struct admin_call empty = *call;
    Messenger__Empty *reply;

    empty.reply_type = &messenger__empty__descriptor;
    bool done = admin_link_call(link, &empty, &reply);
    wire_free(reply);
    return done;
}

void admin_link_print_address(const struct admin_link *link, const char *part, const char *code)
{
    const char *url = link->settings.app_url;
    size_t length = strlen(url);

    while (length > 0 && url[length - 1] == '/')
        length--;
    if (length > 0)
        console_line("%.*s/#%s=%s", (int)length, url, part, code);
    else
        console_line("Open /#%s=%s on your messenger's address", part, code);
}
