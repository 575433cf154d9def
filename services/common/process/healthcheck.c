#include "services/common/process/healthcheck.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/json.h"
#include "services/common/base/text.h"
#include "services/common/bus/bus.h"
#include "services/common/bus/bus_request.h"
#include "services/common/process/bus_settings.h"
#include "services/common/rpc/rpc_monitor.h"

enum { WAIT_S = 3, ANSWER_BYTES = sizeof("HTTP/1.1 200") - 1 };

/* --- over the bus ------------------------------------------------------------------------ */

/* The answer to a ping of rpc_monitor.c. */
static bool judge_answer(const struct bus_message *answer, const char *host, struct buffer *why)
{
    struct json *root = json_parse(bus_message_data(answer), bus_message_length(answer));
    const struct json *metadata = root != NULL ? json_member(root, "metadata") : NULL;
    const char *ready = json_is_object(metadata) ? json_text(json_member(metadata, "ready")) : NULL;
    const char *problem =
        json_is_object(metadata) ? json_text(json_member(metadata, "problem")) : NULL;
    bool is_ready = ready != NULL && strcmp(ready, "true") == 0;

    buffer_printf(why, "%s %s", host, is_ready ? "is ready" : "answers, but is not ready");
    if (problem != NULL)
        buffer_printf(why, ": %s", problem);
    json_destroy(&root);
    return is_ready;
}

static bool ask_bus(struct bus *bus, const char *name, struct buffer *why)
{
    char host[RPC_MONITOR_HOST_SIZE], subject[RPC_MONITOR_HOST_SIZE + 64];
    struct bus_request *request;
    struct bus_message *answer = NULL;

    rpc_monitor_host(host);
    snprintf(subject, sizeof(subject), "$SRV.PING.%s.%s", name, host);
    enum status status = bus_request_begin(bus, subject, NULL, 0, NULL, 0, &request);
    if (status != STATUS_OK) {
        buffer_append_text(why, "NATS does not answer");
        return false;
    }
    status = bus_request_end(&request, clock_mono_us() + WAIT_S * 1000000, &answer);
    if (status != STATUS_OK) {
        buffer_printf(why, "no answer at %s: %s", host, status_name(status));
        return false;
    }
    bool ready = judge_answer(answer, host, why);
    bus_message_destroy(&answer);
    return ready;
}

bool healthcheck_ask_bus(const struct settings *settings, const char *name, struct buffer *why)
{
    struct bus_options options = bus_settings_options(settings, "healthcheck");
    struct bus *bus;

    enum status status = bus_connect(&options, &bus);
    if (status != STATUS_OK) {
        buffer_printf(why, "cannot use NATS: %s", status_name(status));
        return false;
    }
    bool healthy = ask_bus(bus, name, why);
    bus_destroy(&bus);
    return healthy;
}

/* --- over HTTP --------------------------------------------------------------------------- */

/* A host to listen on, as one to connect to: all addresses are reached by loopback. */
static void choose_host(const char *host, char out[256])
{
    size_t length = strlen(host);

    if (length > 1 && host[0] == '[' && host[length - 1] == ']')
        snprintf(out, 256, "%.*s", (int)length - 2, host + 1);
    else if (length == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        snprintf(out, 256, "127.0.0.1");
    else
        snprintf(out, 256, "%s", host);
}

/* A connected socket with timeouts, or -1 with errno. */
static int connect_address(const struct addrinfo *address)
{
    struct timeval wait = { .tv_sec = WAIT_S };
    int fd = socket(address->ai_family, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)); /* bounds connect, too */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int connect_to(const char *host, int port)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses;
    char name[256], service[16];
    int fd = -1;

    choose_host(host, name);
    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(name, service, &hints, &addresses) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next)
        fd = connect_address(at);
    freeaddrinfo(addresses);
    return fd;
}

/* The status of the answer; 0 when there is none that is HTTP. */
static int get_status(int fd, const char *path)
{
    static const char begin[] = "HTTP/1.1 ";
    char text[512];
    size_t got = 0;
    int64_t status;

    int length = snprintf(text, sizeof(text),
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (length >= (int)sizeof(text) || send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        return 0;
    while (got < ANSWER_BYTES) {
        ssize_t n = recv(fd, text + got, ANSWER_BYTES - got, 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    text[ANSWER_BYTES] = '\0';
    if (strncmp(text, begin, sizeof(begin) - 1) != 0 ||
        !text_to_int(text + sizeof(begin) - 1, 100, 599, &status))
        return 0;
    return (int)status;
}

bool healthcheck_ask_http(const char *host, int port, const char *path, struct buffer *why)
{
    int fd = connect_to(host, port);

    if (fd < 0) {
        buffer_printf(why, "port %d: %s", port, strerror(errno));
        return false;
    }
    int status = get_status(fd, path);
    close(fd);
    if (status == 0)
        buffer_printf(why, "%s at port %d is not answered", path, port);
    else
        buffer_printf(why, "%s is answered with %d", path, status);
    return status == 200;
}
