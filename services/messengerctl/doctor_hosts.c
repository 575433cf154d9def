#define _GNU_SOURCE /* getaddrinfo_a: the only one that can be given a time */
#include "services/messengerctl/doctor_hosts.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"

/* --- lists ---------------------------------------------------------------------------------- */

static const char *find_text(const char *text, size_t length, const char *part)
{
    return memmem(text, length, part, strlen(part));
}

/* Of "[::1]:4222" or "host:4222". An address of IPv6 without brackets has no port. */
static void read_name(const char *text, size_t length, char out[DOCTOR_HOST_SIZE])
{
    const char *end = text + length;
    const char *colon = memchr(text, ':', length);

    if (length > 0 && *text == '[') {
        const char *bracket = memchr(text, ']', length);
        text++;
        end = bracket != NULL ? bracket : end;
    } else if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL) {
        end = colon;
    }
    snprintf(out, DOCTOR_HOST_SIZE, "%.*s", (int)(end - text), text);
}

/* The part behind the scheme, without path; what precedes the last '@' is the log-in (RFC 3986,
 * section 3.2). */
static void read_entry(const char *text, size_t length, struct doctor_host *host_out)
{
    const char *end = text + length;
    const char *scheme = find_text(text, length, "://");

    host_out->is_tls = strncmp(text, "tls://", strlen("tls://")) == 0;
    text = scheme != NULL ? scheme + strlen("://") : text;
    size_t authority = strcspn(text, "/?#");
    end = text + authority < end ? text + authority : end;
    const char *login = memrchr(text, '@', (size_t)(end - text));
    host_out->has_login = login != NULL && login > text;
    text = login != NULL ? login + 1 : text;
    read_name(text, (size_t)(end - text), host_out->name);
}

bool doctor_hosts_next(const char **list, struct doctor_host *host_out)
{
    static const char separators[] = ", ";

    *list += strspn(*list, separators);
    size_t length = strcspn(*list, separators);
    if (length == 0)
        return false;
    read_entry(*list, length, host_out);
    *list += length;
    return true;
}

/* --- addresses ------------------------------------------------------------------------------ */

static bool is_in(const char *networks, const char *address)
{
    char bad[NETWORKS_ENTRY_SIZE];
    struct networks *parsed = networks_parse(networks, bad);
    bool in = parsed != NULL && networks_contain(parsed, address);

    networks_destroy(&parsed);
    return in;
}

enum doctor_reach doctor_hosts_reach_of_address(const char *address)
{
    static const char loopback[] = "127.0.0.0/8, ::1";
    static const char private[] = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, "
                                  "fc00::/7, fe80::/10";
    char bare[DOCTOR_HOST_SIZE];

    snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(address, "%"), address); /* fe80::1%eth0 */
    if (!networks_is_address(bare))
        return DOCTOR_REACH_UNKNOWN;
    if (is_in(loopback, bare))
        return DOCTOR_REACH_LOOPBACK;
    return is_in(private, bare) ? DOCTOR_REACH_PRIVATE : DOCTOR_REACH_PUBLIC;
}

/* --- names ---------------------------------------------------------------------------------- */

/* RFC 6761, section 6.3: needs no resolver. */
static bool is_localhost(const char *name)
{
    static const char localhost[] = "localhost", below[] = ".localhost";
    size_t length = strlen(name);

    length -= length > 0 && name[length - 1] == '.';
    if (length == strlen(localhost) && strncasecmp(name, localhost, length) == 0)
        return true;
    return length > strlen(below) &&
           strncasecmp(name + length - strlen(below), below, strlen(below)) == 0;
}

static enum doctor_reach worst_of(const struct addrinfo *addresses)
{
    enum doctor_reach worst = DOCTOR_REACH_UNKNOWN;

    for (; addresses != NULL; addresses = addresses->ai_next) {
        char text[DOCTOR_HOST_SIZE];
        if (getnameinfo(addresses->ai_addr, addresses->ai_addrlen, text, sizeof(text), NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        enum doctor_reach reach = doctor_hosts_reach_of_address(text);
        worst = reach > worst ? reach : worst;
    }
    return worst;
}

/* What is not ready in time keeps the request: the resolver's thread may still write to it. */
struct query {
    struct gaicb request;
    char name[DOCTOR_HOST_SIZE];
    struct addrinfo hints;
};

static bool wait_for(struct query *query, int64_t deadline_us)
{
    const struct gaicb *const list[] = { &query->request };
    int status;

    while ((status = gai_error(&query->request)) == EAI_INPROGRESS) {
        int64_t left = deadline_us - clock_mono_us();
        if (left <= 0)
            break;
        const struct timespec wait = { .tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000 };
        gai_suspend(list, 1, &wait);
    }
    return status != EAI_INPROGRESS || gai_cancel(&query->request) == EAI_CANCELED;
}

enum doctor_reach doctor_hosts_look_up(void *deadline_us, const char *name)
{
    if (is_localhost(name))
        return DOCTOR_REACH_LOOPBACK;
    struct query *query = xcalloc(1, sizeof(*query));
    struct gaicb *list[] = { &query->request };
    snprintf(query->name, sizeof(query->name), "%s", name);
    query->hints.ai_socktype = SOCK_STREAM;
    query->request.ar_name = query->name;
    query->request.ar_request = &query->hints;
    enum doctor_reach reach = DOCTOR_REACH_UNKNOWN;
    if (*name != '\0' && getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0 &&
        !wait_for(query, *(const int64_t *)deadline_us))
        return reach;
    if (query->request.ar_result != NULL) {
        reach = worst_of(query->request.ar_result);
        freeaddrinfo(query->request.ar_result);
    }
    free(query);
    return reach;
}
