#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/bus/bus.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/recv_hook.h"
#include "services/common/base/ssl_hook.h"
#include "services/common/bus/bus_library.h"
#include "services/common/bus/bus_parts.h"

enum {
    RECONNECT_MS = 200,
    RECONNECT_JITTER_MS = 300,
    PING_MS = 5000,
    SERVERS_MAX = 16,
    CLOSE_MS = 5000,
};

/* --- connection -------------------------------------------------------------------------- */

static void handle_connected(natsConnection *nats, void *ctx)
{
    struct bus *bus = ctx;
    char url[256] = "";

    natsConnection_GetConnectedUrl(nats, url, sizeof(url));
    log_info("connected to the bus at %s", url);
    bus_sender_set_connection(bus->sender, nats);
    atomic_store(&bus->connected, true);
    if (bus->on_connect != NULL)
        bus->on_connect(bus->ctx);
}

static void handle_disconnected(natsConnection *nats, void *ctx)
{
    struct bus *bus = ctx;

    (void)nats;
    if (atomic_exchange(&bus->connected, false))
        log_warn("lost the connection to the bus");
    bus_replies_fail_all(bus->replies);
}

static void handle_closed(natsConnection *nats, void *ctx)
{
    struct bus *bus = ctx;

    (void)nats;
    /* A refused log-in is the only failure after which the library does not try again, since it
     * has a server it never reaches (connect_later). */
    if (!atomic_load(&bus->closing) && bus->on_refused != NULL)
        bus->on_refused(bus->ctx);
    pthread_mutex_lock(&bus->lock);
    bus->closed = true;
    pthread_cond_broadcast(&bus->closed_cond);
    pthread_mutex_unlock(&bus->lock);
}

static void handle_error(natsConnection *nats, natsSubscription *subscription, natsStatus status,
                         void *ctx)
{
    struct bus *bus = ctx;
    const char *said = ""; /* by the server: which subject is not permitted */

    (void)subscription;
    if (status == NATS_NOT_PERMITTED)
        natsConnection_GetLastError(nats, &said);
    log_warn("bus: %s%s%s", natsStatus_GetText(status), *said != '\0' ? ": " : "", said);
    if (status == NATS_NOT_PERMITTED && bus->on_denied != NULL)
        bus->on_denied(bus->ctx);
    if (status == NATS_SLOW_CONSUMER && bus->on_loss != NULL)
        bus->on_loss(bus->ctx);
}

/* The log-in, if any, and the inbox, which is below the user's prefix and new for each process. */
static natsStatus set_user(struct bus *bus, const struct bus_options *options)
{
    char prefix[BUS_INBOX_SIZE / 2] = "_INBOX", hex[25];
    natsStatus s = NATS_OK;

    if (options->user != NULL && options->user[0] != '\0') {
        snprintf(prefix, sizeof(prefix), "_INBOX.%s", options->user);
        s = natsOptions_SetUserInfo(bus->options, options->user, options->password);
        if (s == NATS_OK)
            s = natsOptions_SetCustomInboxPrefix(bus->options, prefix);
    }
    id_random_hex(hex, 12);
    snprintf(bus->inbox, sizeof(bus->inbox), "%s.%s", prefix, hex);
    bus_inbound_set_inbox(bus->inbound, bus->inbox);
    return s;
}

/* The servers in an order of chance, and behind them one more, unless NULL. */
static natsStatus set_servers(struct bus *bus, const char *urls, const char *last)
{
    char *list = xstrdup(urls), *rest = list;
    const char *servers[SERVERS_MAX + 1];
    unsigned char random[SERVERS_MAX];
    int count = 0;

    id_random_bytes(random, sizeof(random));
    for (char *url; count < SERVERS_MAX && (url = strtok_r(rest, ", ", &rest)) != NULL;) {
        int at = random[count] % (count + 1);
        servers[count] = url;
        servers[count++] = servers[at];
        servers[at] = url;
    }
    natsStatus s =
        count > 0 ? natsOptions_SetNoRandomize(bus->options, true) : NATS_ADDRESS_MISSING;
    if (s == NATS_OK) {
        if (last != NULL)
            servers[count++] = last;
        s = natsOptions_SetServers(bus->options, servers, count);
    }
    free(list);
    return s;
}

static natsStatus set_options(struct bus *bus, const struct bus_options *options)
{
    natsOptions *o = bus->options;
    natsStatus s = set_servers(bus, options->url, NULL);

#define THEN(call) s = s == NATS_OK ? (call) : s
    THEN(set_user(bus, options));
    THEN(natsOptions_SetName(o, options->name));
    /* Without this a flusher thread adds about a millisecond to every request. */
    THEN(natsOptions_SetSendAsap(o, true));
    THEN(natsOptions_UseGlobalMessageDelivery(o, true));
    THEN(bus_tls_set(o, options->url, &options->tls));
    THEN(bus_loop_serve(bus->loop, o));
    THEN(natsOptions_SetMaxReconnect(o, -1));
    THEN(natsOptions_SetReconnectWait(o, RECONNECT_MS));
    THEN(natsOptions_SetReconnectJitter(o, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS));
    THEN(natsOptions_SetPingInterval(o, PING_MS));
    THEN(natsOptions_SetFailRequestsOnDisconnect(o, true)); /* those of bus_kv */
    THEN(natsOptions_SetReconnectedCB(o, handle_connected, bus));
    THEN(natsOptions_SetDisconnectedCB(o, handle_disconnected, bus));
    THEN(natsOptions_SetClosedCB(o, handle_closed, bus));
    THEN(natsOptions_SetErrorHandler(o, handle_error, bus));
#undef THEN
    return s;
}

/* Replies that the loop did not take: without the library's filter (bus_library.h). */
static void handle_library_reply(natsConnection *nats, natsSubscription *subscription,
                                 natsMsg *message, void *ctx)
{
    struct bus *bus = ctx;

    (void)nats;
    (void)subscription;
    bus_replies_take(bus->replies, message);
}

/*
 * Appends an address that the kernel refuses at once. Without it the library (3.4.1) stops retrying
 * when the last server of its first round accepts the connection and then does not answer, as a
 * suspended one: it loses its place in the list, and finds no next server.
 */
static natsStatus connect_later(struct bus *bus, const char *urls)
{
    natsStatus s = set_servers(bus, urls, "nats://255.255.255.255:4222");

    if (s == NATS_OK)
        s = natsOptions_SetRetryOnFailedConnect(bus->options, true, handle_connected, bus);
    if (s == NATS_OK)
        s = natsConnection_Connect(&bus->nats, bus->options);
    return s;
}

static natsStatus connect_and_listen(struct bus *bus, const char *urls)
{
    char subject[sizeof(bus->inbox) + 4];

    /* First without retries, to detect a refused log-in at once. */
    natsStatus s = natsConnection_Connect(&bus->nats, bus->options);
    if (s == NATS_SECURE_CONNECTION_WANTED)
        bus_tls_report("the server does not offer it");
    if (s != NATS_OK && s != NATS_CONNECTION_AUTH_FAILED)
        s = connect_later(bus, urls);
    if (s != NATS_OK && s != NATS_NOT_YET_CONNECTED)
        return s;
    bus_sender_set_connection(bus->sender, bus->nats);
    if (s == NATS_OK)
        handle_connected(bus->nats, bus);
    snprintf(subject, sizeof(subject), "%s.*", bus->inbox);
    return natsConnection_Subscribe(&bus->inbox_subscription, bus->nats, subject,
                                    handle_library_reply, bus);
}

/* --- wiring: what the parts call of each other ---------------------------------------------- */

static bool handle_read_message(void *ctx, natsMsg *message)
{
    struct bus *bus = ctx;

    return bus_inbound_take(bus->inbound, message);
}

/* Replies to the messages of one read go out together. */
static void handle_round_end(void *ctx)
{
    struct bus *bus = ctx;

    bool begins = bus_sender_hold(bus->sender); /* the thread that borrows the bus may hold */
    bus_inbound_dispatch(bus->inbound);
    if (begins)
        bus_sender_release(bus->sender);
}

static void handle_reply(void *ctx, natsMsg *reply_take)
{
    struct bus *bus = ctx;

    bus_replies_take(bus->replies, reply_take);
}

static void handle_unsent_request(void *ctx, uint64_t request)
{
    struct bus *bus = ctx;

    bus_replies_fail(bus->replies, request);
}

static void create_parts(struct bus *bus)
{
    struct bus_loop_events events = {
        .take = handle_read_message,
        .round = handle_round_end,
        .ctx = bus,
    };

    bus->loop = bus_loop_create(&events);
    bus->replies = bus_replies_create(bus->loop);
    bus->inbound = bus_inbound_create(handle_reply, bus);
    bus->sender = bus_sender_create(bus->loop, handle_unsent_request, bus);
    bus_loop_take_back(bus->loop);
}

/* --- life ---------------------------------------------------------------------------------- */

/* The properties of libraries that this program relies on without a documented guarantee. */
static bool check_libraries(void)
{
    if (!bus_library_check())
        return false;
    if (!recv_hook_works())
        log_error("recv() is not interposed: is another library preloaded that defines it?");
    if (!ssl_hook_works())
        log_error("SSL_read() is not interposed: is another library preloaded that defines it?");
    return recv_hook_works() && ssl_hook_works();
}

enum status bus_connect(const struct bus_options *options, struct bus **bus_out)
{
    if (!check_libraries())
        return STATUS_UNAVAILABLE;
    struct bus *bus = xcalloc(1, sizeof(*bus));
    pthread_mutex_init(&bus->lock, NULL);
    pthread_cond_init(&bus->closed_cond, NULL);
    create_parts(bus);
    bus_tls_watch(options->on_insecure, options->ctx);
    bus->on_connect = options->on_connect;
    bus->on_refused = options->on_refused;
    bus->on_denied = options->on_denied;
    bus->on_loss = options->on_loss;
    bus->ctx = options->ctx;
    /* No spinning for locks: the owner of the lock may be waiting for this core. */
    natsStatus s = nats_Open(0);
    if (s == NATS_OK)
        s = natsOptions_Create(&bus->options);
    if (s == NATS_OK)
        s = set_options(bus, options);
    if (s == NATS_OK)
        s = connect_and_listen(bus, options->url);
    if (s != NATS_OK) {
        log_error("cannot use the bus at \"%s\": %s", options->url, natsStatus_GetText(s));
        bus_destroy(&bus);
        return bus_parts_status(s);
    }
    *bus_out = bus;
    return STATUS_OK;
}

bool bus_is_connected(const struct bus *bus)
{
    return atomic_load(&bus->connected);
}

int bus_borrow(struct bus *bus)
{
    return bus_loop_lend(bus->loop);
}

void bus_work(struct bus *bus)
{
    bus_loop_work(bus->loop);
}

void bus_give_back(struct bus *bus)
{
    bus_loop_take_back(bus->loop);
}

bool bus_flush(struct bus *bus, int64_t timeout_ms)
{
    assert(!bus_loop_reads_here(bus->loop));
    bus_sender_settle(bus->sender);
    return natsConnection_FlushTimeout(bus->nats, bus_clip_ms(bus, timeout_ms)) == NATS_OK;
}

void bus_end_by(struct bus *bus, int64_t until_us)
{
    bus_loop_end_by(bus->loop, until_us);
}

int64_t bus_clip_ms(const struct bus *bus, int64_t ms)
{
    return bus_loop_clip_ms(bus->loop, ms);
}

void bus_destroy(struct bus **bus)
{
    struct bus *b = *bus;

    if (b == NULL)
        return;
    if (b->nats != NULL) {
        bus_sender_settle(b->sender);
        if (bus_is_connected(b))
            natsConnection_FlushTimeout(b->nats, bus_clip_ms(b, CLOSE_MS));
        natsSubscription_Destroy(b->inbox_subscription);
        atomic_store(&b->closing, !natsConnection_IsClosed(b->nats));
        natsConnection_Close(b->nats);
        /* The library calls back from threads of its own until it has said "closed". */
        struct timespec until = clock_after_ms(CLOSE_MS);
        pthread_mutex_lock(&b->lock);
        while (!b->closed &&
               pthread_cond_clockwait(&b->closed_cond, &b->lock, CLOCK_MONOTONIC, &until) == 0)
            continue;
        pthread_mutex_unlock(&b->lock);
    }
    bus_loop_destroy(&b->loop);
    natsConnection_Destroy(b->nats);
    natsOptions_Destroy(b->options);
    bus_sender_destroy(&b->sender);
    bus_inbound_destroy(&b->inbound);
    bus_replies_destroy(&b->replies);
    pthread_cond_destroy(&b->closed_cond);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *bus = NULL;
}

/* --- publishing -------------------------------------------------------------------------- */

enum status bus_publish(struct bus *bus, const char *subject, const void *data, size_t length)
{
    return bus_publish_headers(bus, subject, NULL, 0, data, length);
}

enum status bus_publish_headers(struct bus *bus, const char *subject,
                                const struct bus_header *headers, size_t header_count,
                                const void *data, size_t length)
{
    natsMsg *message = NULL;

    natsStatus s = bus_parts_message(subject, NULL, headers, header_count, data, length, &message);
    if (s == NATS_OK)
        bus_sender_send(bus->sender, message, 0);
    return bus_parts_status(s);
}

void bus_hold(struct bus *bus)
{
    bus_sender_hold(bus->sender);
}

void bus_release(struct bus *bus)
{
    bus_sender_release(bus->sender);
}
