#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "gateway/push/logouts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.pb-c.h"
#include "gateway/push/recent_numbers.h"
#include "gateway/socket/no_auth.h"
#include "gateway/socket/registry.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum {
    REMEMBERED = 1024, /* ids of sessions and tokens; epochs, by "@" and the key of a tag */
    CHECKED_AT_ONCE = 1000,
    ACCOUNTS_CHECK_MS = 3000, /* between two checks whether the accounts of all sockets exist */
    ACCOUNTS_TIMEOUT_MS = 2000,
    THOROUGH_EVERY = 200, /* of these checks looks for each session, and notes that it was seen */
    SUBSCRIPTIONS = 2,
};

struct logouts {
    struct logouts_options options;
    struct recent_numbers *recent;
    struct bus_subscription *subscriptions[SUBSCRIPTIONS];

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool stopping;
};

static void close_session(struct session *session)
{
    session_close(session, WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));
}

/* --- events ------------------------------------------------------------------------------ */

static bool is_session(const struct session *session, const char *id)
{
    const struct token_claims *identity = session_identity(session);

    return *id != '\0' && (strcmp(identity->session_id, id) == 0 || strcmp(identity->jti, id) == 0);
}

static bool is_hit(const struct session *session, const Messenger__UserLoggedOut *event)
{
    if (event->others)
        return session_epoch(session) < event->epoch && !is_session(session, event->session_id);
    return is_session(session, event->session_id) || is_session(session, event->jti);
}

static void close_hit(struct logouts *logouts, const Messenger__UserLoggedOut *event,
                      const char *key)
{
    struct registry_list sessions = registry_of_user(logouts->options.registry, key);

    for (size_t i = 0; i < sessions.count; i++)
        if (is_hit(sessions.items[i], event))
            close_session(sessions.items[i]);
    registry_list_finish(&sessions);
}

static void note_event(struct logouts *logouts, const Messenger__UserLoggedOut *event,
                       const char *key)
{
    char name[TAG_SIZE + 1];

    if (event->others) {
        snprintf(name, sizeof(name), "@%s", key);
        recent_numbers_raise(logouts->recent, name, event->epoch);
        return;
    }
    if (*event->session_id != '\0')
        recent_numbers_raise(logouts->recent, event->session_id, 1);
    if (*event->jti != '\0')
        recent_numbers_raise(logouts->recent, event->jti, 1);
}

static void handle_logout(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__UserLoggedOut *event =
        wire_unpack(&messenger__user_logged_out__descriptor, bus_message_data(message),
                    bus_message_length(message));
    char key[TAG_SIZE];

    if (event != NULL && tag_to_key(event->tag, key)) {
        note_event(ctx, event, key);
        close_hit(ctx, event, key);
    }
    wire_free(event);
    bus_message_destroy(&message);
}

/* A tag is given to another account only after the store of users was replaced. */
static void handle_registered(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__UserRegistered *event =
        wire_unpack(&messenger__user_registered__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && event->user != NULL)
        logouts_close_others(ctx, event->user->tag, event->user->id);
    wire_free(event);
    bus_message_destroy(&message);
}

void logouts_close_others(struct logouts *logouts, const char *tag, const char *account_id)
{
    char key[TAG_SIZE];

    if (!tag_to_key(tag, key))
        return;
    struct registry_list sessions = registry_of_user(logouts->options.registry, key);
    for (size_t i = 0; i < sessions.count; i++)
        if (strcmp(session_identity(sessions.items[i])->user_id, account_id) != 0)
            close_session(sessions.items[i]);
    registry_list_finish(&sessions);
}

bool logouts_has_ended(struct logouts *logouts, const struct session *session)
{
    const struct token_claims *identity = session_identity(session);

    return recent_numbers_has(logouts->recent, identity->session_id) ||
           recent_numbers_has(logouts->recent, identity->jti);
}

bool logouts_may_have_ended(struct logouts *logouts, const struct session *session)
{
    char name[TAG_SIZE + 1];

    snprintf(name, sizeof(name), "@%s", session_key(session));
    return recent_numbers_get(logouts->recent, name) > session_epoch(session);
}

/* --- missed events, accounts that are gone ----------------------------------------------- */

/* What names the sessions of some sockets. */
struct names {
    Messenger__AccountName account;
    Messenger__SessionName session;
};

/* No session is anonymous. */
static void fill_request(Messenger__FindRevokedRequest *request, struct session **sessions,
                         size_t count, struct names *names)
{
    for (size_t i = 0; i < count; i++) {
        const struct token_claims *identity = session_identity(sessions[i]);
        messenger__account_name__init(&names[i].account);
        messenger__session_name__init(&names[i].session);
        names[i].account.id = wire_borrow(identity->user_id);
        names[i].account.tag = wire_borrow(identity->tag);
        names[i].session.account = &names[i].account;
        names[i].session.session_id = wire_borrow(identity->session_id);
        names[i].session.epoch = session_epoch(sessions[i]);
        request->sessions[request->n_sessions++] = &names[i].session;
    }
}

static bool is_over(const Messenger__RevokedTokens *reply, const struct session *session)
{
    for (size_t i = 0; i < reply->n_sessions; i++)
        if (strcmp(session_identity(session)->session_id, reply->sessions[i]) == 0)
            return true;
    return false;
}

static enum status check_some(struct logouts *logouts, int64_t timeout_ms,
                              struct session **sessions, size_t count, bool thorough)
{
    Messenger__FindRevokedRequest request = MESSENGER__FIND_REVOKED_REQUEST__INIT;
    struct names *names = xcalloc(count, sizeof(*names));
    Messenger__RevokedTokens *reply;
    struct rpc_context context;

    request.thorough = thorough;
    request.sessions = xcalloc(count, sizeof(*request.sessions));
    fill_request(&request, sessions, count, names);
    rpc_context_start(&context, timeout_ms);
    enum status status = rpc_call(logouts->options.bus, &context, "user.FindRevoked", &request.base,
                                  &messenger__revoked_tokens__descriptor, &reply, NULL);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (is_over(reply, sessions[i]))
            close_session(sessions[i]);
    wire_free(reply);
    free(request.sessions);
    free(names);
    return status;
}

/* Those that have a user first; returns their number. */
static size_t part_anonymous(struct registry_list *list)
{
    size_t known = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!session_is_anonymous(list->items[i])) {
            struct session *session = list->items[i];
            list->items[i] = list->items[known];
            list->items[known++] = session;
        }
    return known;
}

static enum status check_all(struct logouts *logouts, int64_t timeout_ms, bool thorough)
{
    struct registry_list all = registry_all(logouts->options.registry);
    size_t known = part_anonymous(&all);
    enum status status = STATUS_OK;

    for (size_t at = 0;
         at < known && status == STATUS_OK && !atomic_load(logouts->options.stopping);
         at += CHECKED_AT_ONCE) {
        size_t left = known - at;
        status = check_some(logouts, timeout_ms, all.items + at,
                            left < CHECKED_AT_ONCE ? left : CHECKED_AT_ONCE, thorough);
    }
    registry_list_finish(&all);
    return status;
}

enum status logouts_check_all(struct logouts *logouts, int64_t timeout_ms)
{
    return check_all(logouts, timeout_ms, true);
}

/* No event reports that the store of users was replaced by an older one. */
static void run_account_checks(void *arg)
{
    struct logouts *logouts = arg;
    unsigned checks = 0;

    pthread_mutex_lock(&logouts->lock);
    while (!logouts->stopping) {
        struct timespec until = clock_after_ms(ACCOUNTS_CHECK_MS);
        while (!logouts->stopping &&
               pthread_cond_clockwait(&logouts->cond, &logouts->lock, CLOCK_MONOTONIC, &until) == 0)
            continue;
        if (logouts->stopping)
            break;
        pthread_mutex_unlock(&logouts->lock);
        bool thorough = ++checks % THOROUGH_EVERY == 0;
        enum status status = check_all(logouts, ACCOUNTS_TIMEOUT_MS, thorough);
        if (status != STATUS_OK)
            log_debug("cannot check the accounts of the sockets: %s", status_name(status));
        pthread_mutex_lock(&logouts->lock);
    }
    pthread_mutex_unlock(&logouts->lock);
}

/* --- start, stop ------------------------------------------------------------------------- */

enum status logouts_start(const struct logouts_options *options, struct logouts **logouts_out)
{
    struct logouts *logouts = xcalloc(1, sizeof(*logouts));

    logouts->options = *options;
    logouts->recent = recent_numbers_create(REMEMBERED);
    pthread_mutex_init(&logouts->lock, NULL);
    pthread_cond_init(&logouts->cond, NULL);
    enum status status = bus_subscription_open(options->bus, "event.user.logged_out", NULL,
                                               handle_logout, logouts, &logouts->subscriptions[0]);
    if (status == STATUS_OK)
        status = bus_subscription_open(options->bus, "event.user.registered", NULL,
                                       handle_registered, logouts, &logouts->subscriptions[1]);
    if (status != STATUS_OK) {
        logouts_stop(&logouts);
        return status;
    }
    logouts->thread = thread_start("accounts", run_account_checks, logouts);
    logouts->has_thread = true;
    *logouts_out = logouts;
    return STATUS_OK;
}

static void stop_thread(struct logouts *logouts)
{
    pthread_mutex_lock(&logouts->lock);
    logouts->stopping = true;
    pthread_cond_signal(&logouts->cond);
    pthread_mutex_unlock(&logouts->lock);
    if (logouts->has_thread)
        pthread_join(logouts->thread, NULL);
}

void logouts_stop(struct logouts **logouts)
{
    struct logouts *l = *logouts;

    if (l == NULL)
        return;
    stop_thread(l);
    for (int i = 0; i < SUBSCRIPTIONS; i++)
        bus_subscription_drain(&l->subscriptions[i]);
    recent_numbers_destroy(&l->recent);
    pthread_cond_destroy(&l->cond);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *logouts = NULL;
}
