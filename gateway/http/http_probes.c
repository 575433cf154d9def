#include "gateway/http/http_probes.h"

#include "common.pb-c.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "gateway/push/presence_reporter.h"
#include "services/common/base/json_writer.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum { PING_TIMEOUT_MS = 1000, SERVICES = 3 };

static void respond_json(struct http_request *request, int status, struct json_writer *w)
{
    http_add_header(request, "Cache-Control", "no-store");
    http_respond(request, status, "application/json; charset=utf-8", w->out.data, w->out.length);
    buffer_finish(&w->out);
}

void http_probes_live(const struct http_site *site, struct http_request *request)
{
    struct json_writer w = { 0 };

    (void)site;
    json_begin_object(&w);
    json_put_string(&w, "status", "alive");
    json_end_object(&w);
    respond_json(request, 200, &w);
}

/* "ok", or what is wrong: what the service said of itself, or that it did not answer. */
static bool put_verdict(struct json_writer *w, const char *service, struct rpc_pending *pending)
{
    struct rpc_error error = { .reason = "" };
    Messenger__Empty *reply;
    enum status status = rpc_end(pending, &messenger__empty__descriptor, &reply, &error);

    wire_free(reply);
    json_put_string(w, service,
                    status == STATUS_OK                                     ? "ok"
                    : status == STATUS_UNAVAILABLE && *error.reason != '\0' ? error.reason
                                                                            : "away");
    return status == STATUS_OK;
}

void http_probes_ready(const struct http_site *site, struct http_request *request)
{
    static const char *const services[SERVICES] = { "user", "message", "presence" };
    static const char *const pings[SERVICES] = { "user.Ping", "message.Ping", "presence.Ping" };
    const Messenger__Empty ping = MESSENGER__EMPTY__INIT;
    struct rpc_pending pending[SERVICES];
    struct rpc_context context;
    struct json_writer w = { 0 };
    bool ready = bus_is_connected(site->bus) && presence_reporter_is_settled(site->reporter) &&
                 !atomic_load(site->stopping);

    rpc_context_start(&context, PING_TIMEOUT_MS);
    for (int i = 0; i < SERVICES; i++)
        pending[i] = rpc_begin(site->bus, &context, pings[i], &ping.base);
    json_begin_object(&w);
    json_put_string(&w, "bus", bus_is_connected(site->bus) ? "ok" : "away");
    for (int i = 0; i < SERVICES; i++) {
        ready = put_verdict(&w, services[i], &pending[i]) && ready;
    }
    json_end_object(&w);
    respond_json(request, ready ? 200 : 503, &w);
}
