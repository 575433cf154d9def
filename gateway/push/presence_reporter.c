#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/presence_reporter.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "gateway/socket/lock_rank.h"
#include "presence.pb-c.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum {
    BATCH_MAX = 256,
    RPC_TIMEOUT_MS = 2000,
    LAST_TIMEOUT_MS =
        1000, /* if the last call failed: the service detects that the gateway has stopped */
    ALIVE_MS = 1000,
    ANNOUNCE_MS = 60000,
    RETRY_MS = 600,
    LOOK_MS = 200,
};

/* A user whose change has not been reported yet. */
struct mark {
    char tag[TAG_SIZE];
    int64_t since_ms;
};

struct presence_reporter {
    struct bus *bus;
    struct registry *registry;
    const char *gateway_id;
    int64_t grace_ms;
    struct bus_subscription *lost_subscription;
    pthread_t thread, alive_thread;
    int64_t announced_ms; /* the thread's own */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    struct hashmap *marks; /* key -> struct mark, owned */
    bool announce;
    bool settled; /* no announcement is pending or in progress */
    bool stopping;
};

void presence_reporter_changed(struct presence_reporter *reporter, const char *key, const char *tag)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    struct mark *mark = hashmap_get(reporter->marks, key);
    if (mark == NULL && hashmap_count(reporter->marks) < PRESENCE_MARKS_MAX) {
        mark = xcalloc(1, sizeof(*mark));
        hashmap_put(reporter->marks, key, mark);
    }
    if (mark != NULL) {
        memcpy(mark->tag, tag, strlen(tag) + 1);
        mark->since_ms = clock_mono_ms();
    } else {
        reporter->announce = true;
    }
    pthread_cond_broadcast(&reporter->cond);
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

/* This gateway stays ready meanwhile. */
static void request_announcement(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    reporter->announce = true;
    pthread_cond_broadcast(&reporter->cond);
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

void presence_reporter_announce(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    reporter->announce = true;
    reporter->settled = false;
    pthread_cond_broadcast(&reporter->cond);
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

bool presence_reporter_is_settled(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    bool settled = reporter->settled;
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
    return settled;
}

static void note_settled(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    if (!reporter->announce) /* another may have been requested meanwhile */
        reporter->settled = true;
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

/* --- reports ----------------------------------------------------------------------------- */

static bool call_presence(struct presence_reporter *reporter, const char *method,
                          const ProtobufCMessage *request, int64_t timeout_ms)
{
    struct rpc_context context;
    void *reply;

    rpc_context_start(&context, timeout_ms);
    enum status status = rpc_call(reporter->bus, &context, method, request,
                                  &messenger__empty__descriptor, &reply, NULL);
    wire_free(reply);
    if (status != STATUS_OK)
        log_debug("%s: %s; retrying later", method, status_name(status));
    return status == STATUS_OK;
}

/* The mark of an offline user is due after the grace time. */
static bool is_due(const struct presence_reporter *reporter, const struct mark *mark,
                   bool is_online)
{
    return is_online || reporter->stopping ||
           clock_mono_ms() - mark->since_ms >= reporter->grace_ms;
}

/* Appends the tags of users within their grace time, who count as online, and discards all other
 * marks: the announcement replaces them. */
static void replace_marks(struct presence_reporter *reporter, char ***tags, size_t *count)
{
    const char *key;
    void *value;

    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    *tags = xrealloc(*tags, (*count + hashmap_count(reporter->marks) + 1) * sizeof(**tags));
    for (size_t cursor = 0; hashmap_next(reporter->marks, &cursor, &key, &value);) {
        struct mark *mark = value;
        char gone[TAG_SIZE];
        memcpy(gone, key, strlen(key) + 1);
        if (is_due(reporter, mark, registry_is_online(reporter->registry, key)))
            free(hashmap_remove(reporter->marks, gone));
        else
            (*tags)[(*count)++] = xstrdup(mark->tag);
    }
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

static bool announce_all(struct presence_reporter *reporter, int64_t timeout_ms)
{
    Messenger__PresenceAnnounceRequest request = MESSENGER__PRESENCE_ANNOUNCE_REQUEST__INIT;
    size_t grace_count = 0;
    char **grace = NULL;

    request.gateway_id = wire_borrow(reporter->gateway_id);
    replace_marks(reporter, &grace, &grace_count);
    /* Afterwards, so that a change in between has a mark. */
    request.online = registry_tags(reporter->registry, &request.n_online);
    request.online =
        xrealloc(request.online, (request.n_online + grace_count + 1) * sizeof(*request.online));
    for (size_t i = 0; i < grace_count; i++)
        request.online[request.n_online++] = grace[i];
    free(grace);
    bool notified = call_presence(reporter, "presence.Announce", &request.base, timeout_ms);
    for (size_t i = 0; i < request.n_online; i++)
        free(request.online[i]);
    free(request.online);
    return notified;
}

/* Takes up to BATCH_MAX marks that are due. */
static size_t take_due_locked(struct presence_reporter *reporter, struct mark *due,
                              char (*keys)[TAG_SIZE], bool *online)
{
    const char *key;
    void *value;
    size_t n = 0;

    for (size_t cursor = 0;
         n < BATCH_MAX && hashmap_next(reporter->marks, &cursor, &key, &value);) {
        struct mark *mark = value;
        bool is_online = registry_is_online(reporter->registry, key);
        if (!is_due(reporter, mark, is_online))
            continue;
        due[n] = *mark;
        online[n] = is_online;
        memcpy(keys[n], key, strlen(key) + 1);
        free(hashmap_remove(reporter->marks, keys[n]));
        n++;
    }
    return n;
}

/* Puts back marks that could not be reported, unless the user was marked again. */
static void put_back(struct presence_reporter *reporter, const struct mark *due,
                     char (*keys)[TAG_SIZE], size_t count)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    for (size_t i = 0; i < count; i++) {
        if (hashmap_get(reporter->marks, keys[i]) != NULL)
            continue;
        struct mark *mark = xmalloc(sizeof(*mark));
        *mark = due[i];
        hashmap_put(reporter->marks, keys[i], mark);
    }
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
}

/* True when there were marks and they have been reported. */
static bool report_marks(struct presence_reporter *reporter, bool *failed_out)
{
    Messenger__PresenceUpdateRequest request = MESSENGER__PRESENCE_UPDATE_REQUEST__INIT;
    struct mark due[BATCH_MAX];
    char keys[BATCH_MAX][TAG_SIZE];
    bool online[BATCH_MAX];
    char *came[BATCH_MAX], *went[BATCH_MAX];

    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    size_t count = take_due_locked(reporter, due, keys, online);
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
    *failed_out = false;
    if (count == 0)
        return false;
    request.gateway_id = wire_borrow(reporter->gateway_id);
    request.online = came;
    request.offline = went;
    for (size_t i = 0; i < count; i++) {
        if (online[i])
            came[request.n_online++] = due[i].tag;
        else
            went[request.n_offline++] = due[i].tag;
    }
    log_debug("reporting %zu users online and %zu offline", request.n_online, request.n_offline);
    *failed_out = !call_presence(reporter, "presence.Update", &request.base, RPC_TIMEOUT_MS);
    if (*failed_out)
        put_back(reporter, due, keys, count);
    return !*failed_out;
}

static void publish_alive(struct presence_reporter *reporter)
{
    Messenger__GatewayAlive event = MESSENGER__GATEWAY_ALIVE__INIT;

    if (!bus_is_connected(reporter->bus))
        return; /* an old heartbeat is useless: none is queued */
    event.gateway_id = wire_borrow(reporter->gateway_id);
    event.sockets = (uint32_t)registry_count(reporter->registry);
    wire_publish(reporter->bus, "event.gateway.alive", &event.base);
}

/* --- the thread -------------------------------------------------------------------------- */

/* Waits for a change or for `ms`; false when stopping. */
static bool wait_for_work(struct presence_reporter *reporter, int64_t ms, bool for_changes)
{
    struct timespec until = clock_after_ms(ms);

    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    int waited = 0;
    while (!reporter->stopping && waited == 0 &&
           !(for_changes && (reporter->announce || hashmap_count(reporter->marks) > 0)))
        waited = pthread_cond_clockwait(&reporter->cond, &reporter->lock, CLOCK_MONOTONIC, &until);
    bool go_on = !reporter->stopping;
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
    return go_on;
}

static bool take_announce(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    bool announce = reporter->announce;
    reporter->announce = false;
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
    return announce || clock_mono_ms() - reporter->announced_ms > ANNOUNCE_MS;
}

/* One round; false when a report failed. */
static bool report_round(struct presence_reporter *reporter)
{
    bool failed = false;

    if (take_announce(reporter)) {
        if (!announce_all(reporter, RPC_TIMEOUT_MS)) {
            request_announcement(reporter);
            return false;
        }
        reporter->announced_ms = clock_mono_ms();
        note_settled(reporter);
    }
    while (report_marks(reporter, &failed))
        continue;
    return !failed;
}

static bool has_grace_marks(struct presence_reporter *reporter)
{
    lock_order_lock(&reporter->lock, LOCK_RANK_REPORTER);
    bool has = hashmap_count(reporter->marks) > 0;
    lock_order_unlock(&reporter->lock, LOCK_RANK_REPORTER);
    return has;
}

static void run_reporter(void *arg)
{
    struct presence_reporter *reporter = arg;
    bool go_on = true, notified = true;

    while (go_on) {
        notified = report_round(reporter);
        if (!notified) {
            go_on = wait_for_work(reporter, backoff_jittered(RETRY_MS), false);
        } else if (has_grace_marks(reporter)) { /* nothing is due yet */
            go_on = wait_for_work(reporter, LOOK_MS, false);
        } else {
            go_on = wait_for_work(reporter, ALIVE_MS, true);
        }
    }
    announce_all(reporter, notified ? RPC_TIMEOUT_MS : LAST_TIMEOUT_MS);
}

/* A thread of its own: a call that times out must not make this gateway look dead. */
static void run_alive(void *arg)
{
    struct presence_reporter *reporter = arg;

    do
        publish_alive(reporter);
    while (wait_for_work(reporter, ALIVE_MS, false));
}

static void handle_lost(void *ctx, struct bus_message *message_take)
{
    struct presence_reporter *reporter = ctx;
    struct bus_message *message = message_take;
    Messenger__GatewayLost *event =
        wire_unpack(&messenger__gateway_lost__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && *event->gateway_id == '\0')
        request_announcement(reporter);
    if (event != NULL && strcmp(event->gateway_id, reporter->gateway_id) == 0) {
        log_warn("the presence service has given this gateway up; announcing all users again");
        request_announcement(reporter);
    }
    wire_free(event);
    bus_message_destroy(&message);
}

struct presence_reporter *presence_reporter_create(struct bus *bus, struct registry *registry,
                                                   const char *gateway_id, int64_t offline_grace_ms)
{
    struct presence_reporter *reporter = xcalloc(1, sizeof(*reporter));

    reporter->bus = bus;
    reporter->registry = registry;
    reporter->gateway_id = gateway_id;
    reporter->grace_ms = offline_grace_ms;
    reporter->announce = true;
    reporter->marks = hashmap_create();
    pthread_mutex_init(&reporter->lock, NULL);
    pthread_cond_init(&reporter->cond, NULL);
    if (bus_subscription_open(bus, "event.presence.gateway_lost", NULL, handle_lost, reporter,
                              &reporter->lost_subscription) != STATUS_OK)
        log_warn("cannot subscribe to event.presence.gateway_lost");
    reporter->thread = thread_start("presence-report", run_reporter, reporter);
    reporter->alive_thread = thread_start("presence-alive", run_alive, reporter);
    return reporter;
}

void presence_reporter_destroy(struct presence_reporter **reporter)
{
    struct presence_reporter *a = *reporter;
    const char *key;
    void *mark;

    if (a == NULL)
        return;
    bus_subscription_drain(&a->lost_subscription);
    lock_order_lock(&a->lock, LOCK_RANK_REPORTER);
    a->stopping = true;
    pthread_cond_broadcast(&a->cond);
    lock_order_unlock(&a->lock, LOCK_RANK_REPORTER);
    pthread_join(a->alive_thread, NULL);
    pthread_join(a->thread, NULL);
    for (size_t cursor = 0; hashmap_next(a->marks, &cursor, &key, &mark);)
        free(mark);
    hashmap_destroy(&a->marks);
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *reporter = NULL;
}
