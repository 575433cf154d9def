#include <assert.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gateway/api/api_context.h"
#include "gateway/api/client_calls.h"
#include "gateway/client_socket.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_routes.h"
#include "gateway/http/http_server.h"
#include "gateway/http/http_site.h"
#include "gateway/image/image_cache.h"
#include "gateway/limits/capacity.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/push/deliver.h"
#include "gateway/push/logouts.h"
#include "gateway/push/presence_reporter.h"
#include "gateway/push/resync.h"
#include "gateway/socket/registry.h"
#include "gateway/socket/socket_loop.h"
#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/common/base/places.h"
#include "services/common/process/healthcheck.h"
#include "services/common/process/service_main.h"
#include "services/common/rpc/rpc_monitor.h"

enum {
    IMAGE_CACHE_BYTES = 16 * 1024 * 1024,
    MINUTE_MS = 60000,
    HOUR_MS = 60 * MINUTE_MS,
    SECOND_MS = 1000,
    GATEWAY_ID_HEX = 16,
    DECODINGS_MAX = 4,    /* at a time */
    STOP_CALLS_MS = 3500, /* calls of clients that are in progress end by then */
};

/* What this process consists of. Each room gets a context of what it uses. */
struct gateway {
    const struct settings *settings;
    struct capacity capacity;
    struct bus *bus;
    char id[GATEWAY_ID_HEX + 1]; /* new at each start */
    atomic_bool stopping;

    struct byte_budget *budget;
    struct socket_loop *loop;
    bool loop_has_bus; /* the loop's thread works for the bus, too */
    struct registry *registry;

    struct deliver *deliver;
    struct presence_reporter *reporter;
    struct logouts *logouts;
    struct resync *resync;

    struct ratelimit *logins, *signups, *mails, *uploads, *client_calls, *texts;
    sem_t decoding_slots;
    struct places *connections;
    struct networks *trusted_proxies;
    struct image_cache *images;

    struct api_context api;
    struct client_calls *calls;
    struct http_site site;
    struct client_socket_context sockets;
    struct http_server *server;
    struct rpc_monitor *monitor;
};

/* --- what the parts call of each other --------------------------------------------------- */

/* A user's first session here: subscribes before the handshake, so that no later notification is
 * missed. The last session ended: unsubscribes. */
static bool handle_turn(void *ctx, const char *key, const char *tag, bool online)
{
    struct gateway *gateway = ctx;

    if (online && !deliver_follow(gateway->deliver, key))
        return false;
    if (!online)
        deliver_unfollow(gateway->deliver, key);
    presence_reporter_changed(gateway->reporter, key, tag);
    return true;
}

/* Requests of many clients that arrive together go to the services in one piece. */
static void handle_round(void *ctx, bool begins)
{
    struct gateway *gateway = ctx;

    if (begins)
        bus_hold(gateway->bus);
    else
        bus_release(gateway->bus);
}

static void handle_tick(void *ctx, int64_t now_ms)
{
    struct gateway *gateway = ctx;
    struct registry_list sessions = registry_all(gateway->registry);
    struct ws_frame_out *ping = ws_frame_out_create(WS_OPCODE_PING, NULL, 0);

    for (size_t i = 0; i < sessions.count; i++)
        session_tick(sessions.items[i], now_ms, ping);
    ws_frame_out_unref(&ping);
    registry_list_finish(&sessions);
}

static void handle_ready(void *ctx, uint64_t token, unsigned what)
{
    struct gateway *gateway = ctx;

    client_socket_ready(&gateway->sockets, token, what);
}

static void handle_bus(void *ctx)
{
    struct gateway *gateway = ctx;

    bus_work(gateway->bus);
}

/* With one thread for sockets, the same thread works for the bus: none has to be woken between a
 * reply and its socket. With several, the bus would overload one of them and keeps its own. */
static void start_loop(struct gateway *gateway)
{
    struct socket_loop_options options = {
        .on_ready = handle_ready,
        .on_round = handle_round,
        .on_tick = handle_tick,
        .ctx = gateway,
    };

    gateway->loop_has_bus = socket_loop_threads() == 1;
    if (gateway->loop_has_bus) {
        options.on_guest = handle_bus;
        options.guest = bus_borrow(gateway->bus);
    }
    gateway->loop = socket_loop_create(&options);
}

static void stop_loop(struct gateway *gateway)
{
    socket_loop_destroy(&gateway->loop);
    if (gateway->loop_has_bus)
        bus_give_back(gateway->bus);
}

static void handle_bus_connect(void *state)
{
    struct gateway *gateway = state;

    presence_reporter_announce(gateway->reporter);
    deliver_check_all(gateway->deliver);
    resync_begin(gateway->resync);
}

static void handle_bus_loss(void *state)
{
    struct gateway *gateway = state;

    deliver_check_all(gateway->deliver);
    resync_begin(gateway->resync);
}

static void fetch_visibility(void *state, const char *key,
                             const Messenger__VisibilityChange *change)
{
    resync_visibility(((struct gateway *)state)->resync, key, change);
}

/* --- life -------------------------------------------------------------------------------- */

/* A key is required, and a weak one causes a warning; settings.c refuses it in production. */
static bool check_key(const struct settings *settings)
{
    const char *weak = settings_weak_key(settings->jwt_private_key);

    if (settings->jwt_private_key[0] == '\0') {
        log_error("JWT.privateKey is not set: give one of 32 bytes or more (`make run` makes one)");
        return false;
    }
    if (weak != NULL)
        log_warn("!!! JWT.privateKey is weak: %s. Anyone who guesses it can act as any user. !!!",
                 weak);
    return true;
}

static struct ratelimit *per_minute(int64_t count)
{
    return ratelimit_create(count, MINUTE_MS, count);
}

static void make_limits(struct gateway *gateway)
{
    const struct settings *s = gateway->settings;
    char bad[NETWORKS_ENTRY_SIZE];

    gateway->logins = per_minute(s->limit_logins_per_minute);
    gateway->signups = per_minute(s->limit_signups_per_minute);
    gateway->mails =
        ratelimit_create(s->limit_mails_per_address, HOUR_MS, s->limit_mails_per_address);
    gateway->uploads = per_minute(s->limit_uploads_per_minute);
    gateway->client_calls =
        ratelimit_create(s->limit_calls_per_second, SECOND_MS, s->limit_calls_per_second * 2);
    gateway->texts = per_minute(s->limit_message_kib_per_minute << 10);
    sem_init(&gateway->decoding_slots, 0, DECODINGS_MAX);
    gateway->connections = places_create((size_t)s->limit_connections_per_address);
    gateway->trusted_proxies = networks_parse(s->gateway_trusted_proxies, bad);
    assert(gateway->trusted_proxies != NULL); /* settings_load has checked it */
    gateway->budget =
        byte_budget_create((size_t)gateway->settings->limit_pending_mib << 20,
                           (size_t)gateway->settings->limit_pending_mib_per_user << 20);
}

static void make_registry(struct gateway *gateway)
{
    struct registry_options options = {
        .sessions_max = gateway->capacity.sockets,
        .per_user_max = (size_t)gateway->settings->websocket_max_per_user,
        .per_address_max = (size_t)gateway->settings->limit_sockets_per_address,
        .turn = handle_turn,
        .ctx = gateway,
    };

    gateway->registry = registry_create(&options);
    gateway->sockets.registry = gateway->registry; /* stop_gateway needs it, also after a failure */
}

static enum status make_push(struct gateway *gateway)
{
    struct logouts_options logouts = { gateway->bus, gateway->registry, &gateway->stopping };

    deliver_set_registry(gateway->deliver, gateway->registry);
    gateway->reporter = presence_reporter_create(gateway->bus, gateway->registry, gateway->id,
                                                 gateway->settings->presence_offline_grace_ms);
    enum status status = logouts_start(&logouts, &gateway->logouts);
    if (status != STATUS_OK)
        return status;
    struct resync_options resync = {
        .bus = gateway->bus,
        .deliver = gateway->deliver,
        .registry = gateway->registry,
        .logouts = gateway->logouts,
        .stopping = &gateway->stopping,
    };
    gateway->resync = resync_create(&resync);
    deliver_on_visibility(gateway->deliver, fetch_visibility, gateway);
    return STATUS_OK;
}

static void make_api(struct gateway *gateway)
{
    gateway->api = (struct api_context){
        .bus = gateway->bus,
        .deliver = gateway->deliver,
        .resync = gateway->resync,
        .call_limit = gateway->client_calls,
        .text_limit = gateway->texts,
        .budget = gateway->budget,
        .rpc_timeout_ms = gateway->settings->rpc_timeout_ms,
        .consent = gateway->settings->contacts_consent,
        .numeric_version = gateway->settings->rpc_numeric_version,
        .calls_pending_max = gateway->capacity.sockets + 1,
    };
    gateway->calls = client_calls_create(&gateway->api);
}

static void make_site(struct gateway *gateway)
{
    gateway->images = image_cache_create(IMAGE_CACHE_BYTES);
    gateway->site = (struct http_site){
        .settings = gateway->settings,
        .stopping = &gateway->stopping,
        .bus = gateway->bus,
        .images = gateway->images,
        .reporter = gateway->reporter,
        .trusted_proxies = gateway->trusted_proxies,
        .logins = gateway->logins,
        .signups = gateway->signups,
        .mails = gateway->mails,
        .uploads = gateway->uploads,
        .decoding_slots = &gateway->decoding_slots,
        .connections = gateway->connections,
    };
}

static void make_sockets(struct gateway *gateway)
{
    gateway->sockets.settings = gateway->settings;
    gateway->sockets.stopping = &gateway->stopping;
    gateway->sockets.gateway_id = gateway->id;
    gateway->sockets.logouts = gateway->logouts;
    gateway->sockets.calls = gateway->calls;
    gateway->sockets.site = &gateway->site;
    start_loop(gateway);
    gateway->sockets.loop = gateway->loop;
    gateway->sockets.budget = gateway->budget;
}

static enum status make_parts(struct gateway *gateway)
{
    gateway->capacity = capacity_find((size_t)gateway->settings->websocket_max_connections);
    make_limits(gateway);
    gateway->deliver = deliver_create(gateway->bus);
    make_registry(gateway);
    enum status status = make_push(gateway);
    if (status != STATUS_OK)
        return status;
    make_api(gateway);
    make_site(gateway);
    make_sockets(gateway);
    return STATUS_OK;
}

static void stop_gateway(struct service *process, void *state)
{
    struct gateway *gateway = state;
    int64_t begin_us = clock_mono_us();

    (void)process;
    atomic_store(&gateway->stopping, true);
    bus_end_by(gateway->bus, begin_us + STOP_CALLS_MS * 1000);
    client_socket_close_all(&gateway->sockets);
    http_server_stop(&gateway->server);
    client_socket_close_all(&gateway->sockets); /* those whose handshake was in progress */
    client_calls_destroy(&gateway->calls);
    stop_loop(gateway);
    bus_end_by(gateway->bus, begin_us + SERVICE_STOP_MS * 1000); /* to report that users left */
    resync_destroy(&gateway->resync);
    logouts_stop(&gateway->logouts);
    rpc_monitor_stop(&gateway->monitor);
    presence_reporter_destroy(&gateway->reporter);
    deliver_destroy(&gateway->deliver);
    registry_destroy(&gateway->registry);
    image_cache_destroy(&gateway->images);
    byte_budget_destroy(&gateway->budget);
    ratelimit_destroy(&gateway->logins);
    ratelimit_destroy(&gateway->signups);
    ratelimit_destroy(&gateway->mails);
    ratelimit_destroy(&gateway->uploads);
    ratelimit_destroy(&gateway->client_calls);
    ratelimit_destroy(&gateway->texts);
    sem_destroy(&gateway->decoding_slots);
    places_destroy(&gateway->connections);
    networks_destroy(&gateway->trusted_proxies);
    free(gateway);
}

static enum status start_serving(struct gateway *gateway)
{
    struct rpc_monitor_options monitor = { .bus = gateway->bus, .name = "gateway" };
    struct http_server_options server = {
        .host = gateway->settings->websocket_host,
        .port = (int)gateway->settings->app_port,
        .connections_max = gateway->capacity.connections,
        .admit = http_client_admit,
        .leave = http_client_leave,
        .on_head = http_routes_begin,
        .on_request = http_routes_handle,
        .on_refused = http_routes_refuse,
        .on_over = http_routes_end,
        .ctx = &gateway->site,
        .websocket = client_socket_handlers(&gateway->sockets),
    };

    enum status status = rpc_monitor_start(&monitor, &gateway->monitor);
    if (status == STATUS_OK)
        status = http_server_start(&server, &gateway->server);
    return status;
}

static enum status start_gateway(struct service *process, void **state_out)
{
    if (!check_key(&process->settings))
        return STATUS_INVALID_ARGUMENT;
    struct gateway *gateway = xcalloc(1, sizeof(*gateway));
    gateway->settings = &process->settings;
    gateway->bus = process->bus;
    id_random_hex(gateway->id, GATEWAY_ID_HEX / 2);
    enum status status = make_parts(gateway);
    if (status == STATUS_OK)
        status = start_serving(gateway);
    if (status != STATUS_OK) {
        stop_gateway(process, gateway);
        return status;
    }
    log_info("gateway %s serves port %d: at most %zu sockets and %zu connections of HTTP, "
             "with %zu open files",
             gateway->id, http_server_port(gateway->server), gateway->capacity.sockets,
             gateway->capacity.connections, gateway->capacity.files);
    *state_out = gateway;
    return STATUS_OK;
}

static bool is_healthy(const struct settings *settings, const char *name, struct buffer *why)
{
    (void)name;
    return healthcheck_ask_http(settings->websocket_host, (int)settings->app_port, "/readyz", why);
}

int main(int argc, char **argv)
{
    static const struct service_program program = {
        .name = "gateway",
        .summary = "HTTP and WebSocket for clients",
        .start = start_gateway,
        .stop = stop_gateway,
        .on_bus_connect = handle_bus_connect,
        .on_bus_loss = handle_bus_loss,
        .is_healthy = is_healthy,
    };
    return service_main(argc, argv, &program);
}
