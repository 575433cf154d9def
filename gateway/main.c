#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/http/http_routes.h"
#include "gateway/push/logouts.h"
#include "gateway/client_socket.h"
#include "services/common/process/healthcheck.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/process/service_main.h"

enum { IMAGE_CACHE_BYTES = 16 * 1024 * 1024, MINUTE_MS = 60000, SECOND_MS = 1000 };

/* --- what the parts call of each other --------------------------------------------------- */

/* A user's first session here: subscribe before the handshake, so that nothing said after it is
 * missed. The last one gone: unsubscribe. */
static bool handle_turn(void *ctx, const char *key, const char *tag, bool online)
{
    struct gateway *gateway = ctx;

    if (online && !deliver_follow(gateway->deliver, key))
        return false;
    if (!online)
        deliver_unfollow(gateway->deliver, key);
    presence_agent_changed(gateway->agent, key, tag);
    return true;
}

/* What many clients ask at a time goes to the services in one piece. */
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
    struct frame *ping = frame_create(FRAME_PING, NULL, 0);

    for (size_t i = 0; i < sessions.count; i++)
        session_tick(sessions.items[i], now_ms, ping);
    frame_unref(&ping);
    registry_list_finish(&sessions);
}

static void handle_bus(void *ctx)
{
    struct gateway *gateway = ctx;

    bus_work(gateway->bus);
}

/* One thread for the clients and the bus: none has to be woken between a reply and its socket.
 * Where there are several, the bus is too much for one of them, and keeps its own. */
static void start_loop(struct gateway *gateway)
{
    struct socket_loop_options options = {
        .on_ready = websocket_ready,
        .on_round = handle_round,
        .on_tick = handle_tick,
        .ctx = gateway,
    };

    gateway->has_bus = socket_loop_threads() == 1;
    if (gateway->has_bus) {
        options.on_guest = handle_bus;
        options.guest = bus_borrow(gateway->bus);
    }
    gateway->loop = socket_loop_create(&options);
}

static void stop_loop(struct gateway *gateway)
{
    socket_loop_destroy(&gateway->loop);
    if (gateway->has_bus)
        bus_give_back(gateway->bus);
}

static void handle_bus_connect(void *state)
{
    struct gateway *gateway = state;

    presence_agent_announce(gateway->agent);
    deliver_check_all(gateway->deliver);
    catch_up_begin(gateway->catch_up);
}

static void handle_bus_loss(void *state)
{
    struct gateway *gateway = state;

    deliver_check_all(gateway->deliver);
    catch_up_begin(gateway->catch_up);
}

/* --- life -------------------------------------------------------------------------------- */

/* A key must be there, and a weak one is told of; settings.c refuses it in production. */
static bool check_key(const struct settings *settings)
{
    const char *weak = settings_weak_key(settings->jwt_private_key);

    if (settings->jwt_private_key[0] == '\0') {
        log_error("JWT.privateKey is not set: give one of 32 bytes or more (`make run` makes one)");
        return false;
    }
    if (weak != NULL)
        log_warn("!!! JWT.privateKey is weak: %s. Anybody who guesses it can be any user. !!!",
                 weak);
    return true;
}

static void make_limits(struct gateway *gateway)
{
    const struct settings *s = gateway->settings;

    gateway->logins =
        ratelimit_create(s->limit_logins_per_minute, MINUTE_MS, s->limit_logins_per_minute);
    gateway->signups =
        ratelimit_create(s->limit_signups_per_minute, MINUTE_MS, s->limit_signups_per_minute);
    gateway->uploads =
        ratelimit_create(s->limit_uploads_per_minute, MINUTE_MS, s->limit_uploads_per_minute);
    gateway->calls_limit =
        ratelimit_create(s->limit_calls_per_second, SECOND_MS, s->limit_calls_per_second * 2);
    sem_init(&gateway->upload_slots, 0, UPLOADS_AT_ONCE);
}

static void make_parts(struct gateway *gateway)
{
    struct registry_options registry = {
        .sessions_most = (size_t)gateway->settings->websocket_max_connections,
        .per_user_most = (size_t)gateway->settings->websocket_max_per_user,
        .turn = handle_turn,
        .ctx = gateway,
    };
    char bad[NETWORKS_ENTRY_SIZE];

    make_limits(gateway);
    gateway->trusted_proxies = networks_parse(gateway->settings->gateway_trusted_proxies, bad);
    assert(gateway->trusted_proxies != NULL); /* settings_load has checked it */
    gateway->images = image_cache_create(IMAGE_CACHE_BYTES);
    gateway->deliver = deliver_create(gateway->bus);
    gateway->registry = registry_create(&registry);
    deliver_set_registry(gateway->deliver, gateway->registry);
    gateway->agent = presence_agent_create(gateway->bus, gateway->registry, gateway->id,
                                           gateway->settings->presence_offline_grace_ms);
    gateway->catch_up = catch_up_create(gateway);
    gateway->calls = calls_create(gateway);
    start_loop(gateway);
}

static void stop(struct service *process, void *state)
{
    struct gateway *gateway = state;

    (void)process;
    atomic_store(&gateway->stopping, true);
    websocket_close_all(gateway);
    http_server_stop(&gateway->server);
    websocket_close_all(gateway); /* whose handshake was under way */
    calls_destroy(&gateway->calls);
    stop_loop(gateway);
    catch_up_destroy(&gateway->catch_up);
    logouts_stop(gateway);
    rpc_monitor_stop(&gateway->monitor);
    presence_agent_destroy(&gateway->agent);
    deliver_destroy(&gateway->deliver);
    registry_destroy(&gateway->registry);
    image_cache_destroy(&gateway->images);
    ratelimit_destroy(&gateway->logins);
    ratelimit_destroy(&gateway->signups);
    ratelimit_destroy(&gateway->uploads);
    ratelimit_destroy(&gateway->calls_limit);
    sem_destroy(&gateway->upload_slots);
    networks_destroy(&gateway->trusted_proxies);
    free(gateway);
}

static enum status start(struct service *process, void **state_out)
{
    if (!check_key(&process->settings))
        return STATUS_INVALID_ARGUMENT;
    struct gateway *gateway = xcalloc(1, sizeof(*gateway));
    gateway->settings = &process->settings;
    gateway->bus = process->bus;
    id_random_hex(gateway->id, GATEWAY_ID_HEX / 2);
    make_parts(gateway);

    struct http_server_options server = {
        .host = process->settings.websocket_host,
        .port = (int)process->settings.app_port,
        .on_request = http_route,
        .websocket = websocket_handlers,
        .ctx = gateway,
    };
    struct rpc_monitor_options monitor = { .bus = process->bus, .name = "gateway" };
    enum status status = logouts_start(gateway);
    if (status == STATUS_OK)
        status = rpc_monitor_start(&monitor, &gateway->monitor);
    if (status == STATUS_OK)
        status = http_server_start(&server, &gateway->server);
    if (status != STATUS_OK) {
        stop(process, gateway);
        return status;
    }
    log_info("gateway %s serves port %d", gateway->id, http_server_port(gateway->server));
    *state_out = gateway;
    return STATUS_OK;
}

static bool is_healthy(const struct settings *settings, const char *name, struct buffer *why)
{
    (void)name;
    return health_ask_http(settings->websocket_host, (int)settings->app_port, "/readyz", why);
}

int main(int argc, char **argv)
{
    static const struct service_program program = {
        .name = "gateway",
        .summary = "HTTP and WebSocket for clients",
        .start = start,
        .stop = stop,
        .on_bus_connect = handle_bus_connect,
        .on_bus_loss = handle_bus_loss,
        .is_healthy = is_healthy,
    };
    return service_main(argc, argv, &program);
}
