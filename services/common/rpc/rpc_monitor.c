#include "services/common/rpc/rpc_monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/common/base/version.h"
#include "services/common/bus/bus_subscription.h"

enum { SUBSCRIPTIONS = 4, SUBJECT_SIZE = 160 };

struct rpc_monitor {
    struct bus *bus;
    const char *name;
    const char *(*problem)(void *ctx);
    void *ctx;
    char host[RPC_MONITOR_HOST_SIZE];
    char id[ID_HEX + 1];
    char started[TEXT_DATE_SIZE];
    struct bus_subscription *subscriptions[SUBSCRIPTIONS];
    pthread_mutex_t lock; /* guards the counts of the endpoints */
    struct rpc_monitor_endpoint *endpoints;
    size_t endpoint_count;
};

void rpc_monitor_host(char out[RPC_MONITOR_HOST_SIZE])
{
    if (gethostname(out, RPC_MONITOR_HOST_SIZE) != 0 || out[0] == '\0')
        snprintf(out, RPC_MONITOR_HOST_SIZE, "localhost");
    out[RPC_MONITOR_HOST_SIZE - 1] = '\0';
    for (char *c = out; *c != '\0'; c++)
        if (strchr(".*> \t", *c) != NULL)
            *c = '_';
}

static const char *find_problem(const struct rpc_monitor *monitor)
{
    return monitor->problem != NULL ? monitor->problem(monitor->ctx) : NULL;
}

static void put_head(struct json_writer *w, const struct rpc_monitor *monitor, const char *verb)
{
    const char *problem = find_problem(monitor);
    char type[48];

    snprintf(type, sizeof(type), "io.nats.micro.v1.%s_response", verb);
    json_begin_object(w);
    json_put_string(w, "type", type);
    json_put_string(w, "name", monitor->name);
    json_put_string(w, "id", monitor->id);
    json_put_string(w, "version", MESSENGER_VERSION);
    json_key(w, "metadata"); /* of texts only, says ADR-32 */
    json_begin_object(w);
    json_put_string(w, "host", monitor->host);
    json_put_string(w, "ready", problem == NULL ? "true" : "false");
    if (problem != NULL)
        json_put_string(w, "problem", problem);
    json_end_object(w);
}

static void put_endpoint(struct json_writer *w, const struct rpc_monitor *monitor,
                         const struct rpc_monitor_endpoint *endpoint, bool with_counts)
{
    json_begin_object(w);
    json_put_string(w, "name", endpoint->name);
    json_put_string(w, "subject", endpoint->subject);
    json_put_string(w, "queue_group", monitor->name);
    if (with_counts) {
        int64_t requests = (int64_t)endpoint->requests;
        json_put_int(w, "num_requests", requests);
        json_put_int(w, "num_errors", (int64_t)endpoint->errors);
        json_put_string(w, "last_error", endpoint->last_error);
        json_put_int(w, "processing_time", endpoint->busy_us * 1000);
        json_put_int(w, "average_processing_time",
                     requests > 0 ? endpoint->busy_us * 1000 / requests : 0);
    }
    json_end_object(w);
}

static void put_endpoints(struct json_writer *w, struct rpc_monitor *monitor, bool with_counts)
{
    json_key(w, "endpoints");
    json_begin_array(w);
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->endpoint_count; i++)
        put_endpoint(w, monitor, &monitor->endpoints[i], with_counts);
    pthread_mutex_unlock(&monitor->lock);
    json_end_array(w);
}

/* Subject: $SRV.<VERB>[.<name>[.<id or host>]] */
static void handle_question(void *ctx, struct bus_message *message_take)
{
    struct rpc_monitor *monitor = ctx;
    struct bus_message *message = message_take;
    const char *verb = bus_message_subject(message) + strlen("$SRV.");
    const char *reply_to = bus_message_reply_to(message);
    struct json_writer w = { 0 };

    if (reply_to != NULL && strncmp(verb, "PING", 4) == 0) {
        put_head(&w, monitor, "ping");
    } else if (reply_to != NULL && strncmp(verb, "INFO", 4) == 0) {
        put_head(&w, monitor, "info");
        json_put_string(&w, "description", "messenger backend");
        put_endpoints(&w, monitor, false);
    } else if (reply_to != NULL && strncmp(verb, "STATS", 5) == 0) {
        put_head(&w, monitor, "stats");
        json_put_string(&w, "started", monitor->started);
        put_endpoints(&w, monitor, true);
    }
    if (w.out.length > 0) {
        json_end_object(&w);
        if (bus_publish(monitor->bus, reply_to, w.out.data, w.out.length) != STATUS_OK)
            log_warn("cannot answer %s", bus_message_subject(message));
    }
    buffer_finish(&w.out);
    bus_message_destroy(&message);
}

static void set_endpoints(struct rpc_monitor *monitor, const struct rpc_monitor_options *options)
{
    monitor->endpoints = xcalloc(options->endpoint_count, sizeof(*monitor->endpoints));
    monitor->endpoint_count = options->endpoint_count;
    for (size_t i = 0; i < options->endpoint_count; i++) {
        monitor->endpoints[i].name = xstrdup(options->endpoints[i]);
        monitor->endpoints[i].subject =
            xasprintf("rpc.%s.%s", options->name, options->endpoints[i]);
    }
}

static enum status subscribe_verbs(struct rpc_monitor *monitor)
{
    char subjects[SUBSCRIPTIONS][SUBJECT_SIZE];
    enum status status = STATUS_OK;

    snprintf(subjects[0], SUBJECT_SIZE, "$SRV.*");
    snprintf(subjects[1], SUBJECT_SIZE, "$SRV.*.%s", monitor->name);
    snprintf(subjects[2], SUBJECT_SIZE, "$SRV.*.%s.%s", monitor->name, monitor->id);
    snprintf(subjects[3], SUBJECT_SIZE, "$SRV.PING.%s.%s", monitor->name, monitor->host);
    for (int i = 0; i < SUBSCRIPTIONS && status == STATUS_OK; i++)
        status = bus_subscription_open(monitor->bus, subjects[i], NULL, handle_question, monitor,
                                       &monitor->subscriptions[i]);
    return status;
}

enum status rpc_monitor_start(const struct rpc_monitor_options *options,
                              struct rpc_monitor **monitor_out)
{
    struct rpc_monitor *monitor = xcalloc(1, sizeof(*monitor));
    struct id id = id_new();

    monitor->bus = options->bus;
    monitor->name = options->name;
    monitor->problem = options->problem;
    monitor->ctx = options->ctx;
    rpc_monitor_host(monitor->host);
    id_to_hex(&id, monitor->id);
    text_iso_date(clock_wall_ms(), monitor->started);
    pthread_mutex_init(&monitor->lock, NULL);
    set_endpoints(monitor, options);
    enum status status = subscribe_verbs(monitor);
    if (status != STATUS_OK) {
        rpc_monitor_stop(&monitor);
        return status;
    }
    *monitor_out = monitor;
    return STATUS_OK;
}

void rpc_monitor_stop(struct rpc_monitor **monitor)
{
    struct rpc_monitor *m = *monitor;

    if (m == NULL)
        return;
    for (int i = 0; i < SUBSCRIPTIONS; i++)
        bus_subscription_drain(&m->subscriptions[i]);
    for (size_t i = 0; i < m->endpoint_count; i++) {
        free(m->endpoints[i].name);
        free(m->endpoints[i].subject);
    }
    free(m->endpoints);
    pthread_mutex_destroy(&m->lock);
    free(m);
    *monitor = NULL;
}

void rpc_monitor_count(struct rpc_monitor *monitor, size_t endpoint, int64_t busy_us,
                       enum status status)
{
    pthread_mutex_lock(&monitor->lock);
    struct rpc_monitor_endpoint *e = &monitor->endpoints[endpoint];
    e->requests++;
    e->busy_us += busy_us;
    if (status != STATUS_OK) {
        e->errors++;
        snprintf(e->last_error, sizeof(e->last_error), "%d:%s", (int)status, status_name(status));
    }
    pthread_mutex_unlock(&monitor->lock);
}
