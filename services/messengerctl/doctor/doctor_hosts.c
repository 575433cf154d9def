#define _GNU_SOURCE /* memmem, pthread_cond_clockwait */
#include "services/messengerctl/doctor/doctor_hosts.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/common/base/thread.h"

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

/* A look-up on a thread of its own: getaddrinfo cannot be given a time. The last of the two who use
 * it frees it. */
struct query {
    char name[DOCTOR_HOST_SIZE];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    struct addrinfo *addresses;
    bool over, abandoned;
};

static void free_query(struct query *query)
{
    if (query->addresses != NULL)
        freeaddrinfo(query->addresses);
    pthread_cond_destroy(&query->cond);
    pthread_mutex_destroy(&query->lock);
    free(query);
}

static void run_query(void *arg)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses = NULL;
    struct query *query = arg;

    if (getaddrinfo(query->name, NULL, &hints, &addresses) != 0)
        addresses = NULL;
    pthread_mutex_lock(&query->lock);
    query->addresses = addresses;
    query->over = true;
    bool abandoned = query->abandoned;
    pthread_cond_signal(&query->cond);
    pthread_mutex_unlock(&query->lock);
    if (abandoned)
        free_query(query);
}

/* What is known at the deadline. */
static enum doctor_reach wait_for(struct query *query, int64_t deadline_us)
{
    const struct timespec until = { .tv_sec = deadline_us / 1000000,
                                    .tv_nsec = deadline_us % 1000000 * 1000 };

    pthread_mutex_lock(&query->lock);
    while (!query->over &&
           pthread_cond_clockwait(&query->cond, &query->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool over = query->over;
    query->abandoned = !over;
    pthread_mutex_unlock(&query->lock);
    if (!over)
        return DOCTOR_REACH_UNKNOWN;
    enum doctor_reach reach = worst_of(query->addresses);
    free_query(query);
    return reach;
}

enum doctor_reach doctor_hosts_look_up(void *deadline_us, const char *name)
{
    pthread_t thread;

    if (is_localhost(name))
        return DOCTOR_REACH_LOOPBACK;
    if (*name == '\0')
        return DOCTOR_REACH_UNKNOWN;
    struct query *query = xcalloc(1, sizeof(*query));
    snprintf(query->name, sizeof(query->name), "%s", name);
    pthread_mutex_init(&query->lock, NULL);
    pthread_cond_init(&query->cond, NULL);
    if (!thread_try_start("look-up", 0, run_query, query, &thread)) {
        free_query(query);
        return DOCTOR_REACH_UNKNOWN;
    }
    pthread_detach(thread);
    return wait_for(query, *(const int64_t *)deadline_us);
}
