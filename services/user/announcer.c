#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/user/announcer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"

enum {
    AT_ONCE = 32, /* requests under way */
    ANSWER_MS = 2000,
    LOOK_MS = 5000, /* and the longest pause after failures */
    PAUSE_MIN_MS = 100,
    LATE_MS = 60 * 1000, /* longer than a message of a deleted account can be under way */
};

struct announcer {
    struct bus *bus;
    struct user_store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool kicked, stopping;
    int64_t stop_by_us;
};

/* --- changed profiles ---------------------------------------------------------------------- */

static char *changed_field(const struct user *user, enum user_changed which, const char *value)
{
    return wire_borrow((user->unannounced & which) != 0 ? value : "");
}

static struct rpc_context context_until(int64_t deadline_us)
{
    struct rpc_context context;

    rpc_context_start(&context, ANSWER_MS);
    context.deadline_us = deadline_us;
    return context;
}

static struct rpc_pending begin_update(struct announcer *announcer, const struct user *user,
                                       int64_t deadline_us)
{
    Messenger__UserUpdated event = MESSENGER__USER_UPDATED__INIT;
    Messenger__ProfileChange change = MESSENGER__PROFILE_CHANGE__INIT;
    const struct rpc_context context = context_until(deadline_us);

    change.tag = wire_borrow(user->tag);
    change.first_name = changed_field(user, USER_CHANGED_FIRST_NAME, user->first_name);
    change.last_name = changed_field(user, USER_CHANGED_LAST_NAME, user->last_name);
    change.img = changed_field(user, USER_CHANGED_IMG, user->img);
    event.change = &change;
    event.origin = wire_borrow(user->origin);
    event.revision = user->revision;
    return rpc_begin_event(announcer->bus, &context, "event.user.updated", &event.base);
}

static bool end_update(struct announcer *announcer, const struct user *user,
                       struct rpc_pending *pending)
{
    Messenger__ProfileNoted *reply = NULL;
    char key[TAG_SIZE];

    enum status status = rpc_end(pending, &messenger__profile_noted__descriptor, &reply, NULL);
    uint64_t noted = reply != NULL && reply->revision < USER_REVISION_MAX ? reply->revision : 0;
    wire_free(reply);
    if (status == STATUS_OK && tag_to_key(user->tag, key))
        status = user_store_announced(announcer->store, key, user->revision, noted);
    return status == STATUS_OK && noted <= user->revision;
}

/* --- deleted accounts ---------------------------------------------------------------------- */

/* What was under way when the account was deleted may have been stored after it was erased: so it
 * is erased a second time. */
static bool is_due(const struct user *user)
{
    return user->unannounced != USER_DELETED_LATE || clock_wall_ms() - user->deleted_ms >= LATE_MS;
}

/* What refers to the account here goes first: a request to log in may have been under way, too. */
static enum status forget(struct announcer *announcer, const struct user *user)
{
    enum status status = user_store_forget(announcer->store, &user->id);

    return status == STATUS_OK ? user_store_purge(announcer->store) : status;
}

static struct rpc_pending begin_deletion(struct announcer *announcer, const struct user *user,
                                         int64_t deadline_us)
{
    Messenger__UserDeleted event = MESSENGER__USER_DELETED__INIT;
    const struct rpc_context context = context_until(deadline_us);
    char hex[ID_HEX + 1];

    id_to_hex(&user->id, hex);
    event.tag = wire_borrow(user->tag);
    event.account_id = hex;
    event.revision = user->revision;
    event.is_late = user->unannounced == USER_DELETED_LATE;
    return rpc_begin_event(announcer->bus, &context, "event.user.deleted", &event.base);
}

static bool end_deletion(struct announcer *announcer, const struct user *user,
                         struct rpc_pending *pending)
{
    unsigned next = user->unannounced == USER_DELETED_LATE ? 0 : USER_DELETED_LATE;
    Messenger__Empty *reply = NULL;
    char key[TAG_SIZE];

    enum status status = rpc_end(pending, &messenger__empty__descriptor, &reply, NULL);
    wire_free(reply);
    if (status == STATUS_OK && tag_to_key(user->tag, key))
        status = user_store_set_departure(announcer->store, key, user->revision, next);
    return status == STATUS_OK;
}

/* --- one page ------------------------------------------------------------------------------ */

struct announcement {
    bool begun;
    struct rpc_pending pending;
};

static void begin(struct announcer *announcer, const struct user *user, int64_t deadline_us,
                  struct announcement *announcement)
{
    *announcement = (struct announcement){ .begun = true };
    if (user->deleted_ms == 0)
        announcement->pending = begin_update(announcer, user, deadline_us);
    else if (forget(announcer, user) == STATUS_OK)
        announcement->pending = begin_deletion(announcer, user, deadline_us);
    else
        announcement->begun = false;
}

static bool end(struct announcer *announcer, const struct user *user,
                struct announcement *announcement)
{
    if (!announcement->begun)
        return false;
    return user->deleted_ms != 0 ? end_deletion(announcer, user, &announcement->pending)
                                 : end_update(announcer, user, &announcement->pending);
}

/* Announces a page at once, so that a failing one does not delay the others. Returns how many were
 * announced. */
static size_t announce_page(struct announcer *announcer, const struct user_list *page,
                            int64_t deadline_us)
{
    struct announcement announcements[AT_ONCE];
    size_t announced = 0;

    for (size_t i = 0; i < page->count; i++)
        begin(announcer, &page->items[i], deadline_us, &announcements[i]);
    for (size_t i = 0; i < page->count; i++)
        announced += end(announcer, &page->items[i], &announcements[i]);
    return announced;
}

/* --- passes -------------------------------------------------------------------------------- */

/* 2 s from now, or when it has to stop. */
static int64_t answer_deadline(struct announcer *announcer)
{
    int64_t deadline_us = clock_mono_us() + ANSWER_MS * INT64_C(1000);

    pthread_mutex_lock(&announcer->lock);
    if (announcer->stopping && announcer->stop_by_us < deadline_us)
        deadline_us = announcer->stop_by_us;
    pthread_mutex_unlock(&announcer->lock);
    return deadline_us;
}

/* Leaves those that are due. */
static void choose_due(struct user_list *page)
{
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++)
        if (is_due(&page->items[i]))
            page->items[count++] = page->items[i];
    page->count = count;
}

/* Announces all marks that are due. Stops early when no request of a page was answered. True when
 * none is left. */
static bool run_pass(struct announcer *announcer)
{
    char after[TAG_SIZE] = "";
    bool all = true, more = true;

    while (more) {
        struct user_list page;
        if (user_store_unannounced(announcer->store, after, AT_ONCE, &page) != STATUS_OK)
            return false;
        more = page.count == AT_ONCE && tag_to_key(page.items[page.count - 1].tag, after);
        choose_due(&page);
        size_t announced = announce_page(announcer, &page, answer_deadline(announcer));
        if (page.count > 0)
            log_debug("announced %zu of %zu changed profiles", announced, page.count);
        all = all && announced == page.count;
        more = more && (announced > 0 || page.count == 0);
        free(page.items);
    }
    return all;
}

/* Waits until it is kicked or the time has passed. After a failure a kick does not shorten the
 * pause, so that an unavailable service is not called at each change. False: it must stop, and
 * nothing is left to do. */
static bool wait_for_pass(struct announcer *announcer, unsigned failures)
{
    int64_t pause_ms =
        failures > 0 ? backoff_pause(failures, PAUSE_MIN_MS, LOOK_MS) : backoff_jittered(LOOK_MS);
    struct timespec until = clock_after_ms(pause_ms);

    pthread_mutex_lock(&announcer->lock);
    while (!announcer->stopping && !(announcer->kicked && failures == 0) &&
           pthread_cond_clockwait(&announcer->cond, &announcer->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool go_on = !announcer->stopping || announcer->kicked;
    announcer->kicked = false;
    pthread_mutex_unlock(&announcer->lock);
    return go_on;
}

static void run_announcer(void *arg)
{
    struct announcer *announcer = arg;
    unsigned failures = 0;

    while (wait_for_pass(announcer, failures)) {
        bool all = run_pass(announcer);
        if (!all && failures == 0)
            log_warn("changed profiles could not be announced; next try soon");
        else if (all && failures > 0)
            log_info("all changed profiles are announced again");
        failures = all ? 0 : failures + 1;
    }
}

/* --- life ---------------------------------------------------------------------------------- */

struct announcer *announcer_start(struct bus *bus, struct user_store *store)
{
    struct announcer *announcer = xcalloc(1, sizeof(*announcer));

    announcer->bus = bus;
    announcer->store = store;
    announcer->kicked = true; /* for what was left before */
    pthread_mutex_init(&announcer->lock, NULL);
    pthread_cond_init(&announcer->cond, NULL);
    announcer->thread = thread_start("announcer", run_announcer, announcer);
    return announcer;
}

void announcer_kick(struct announcer *announcer)
{
    pthread_mutex_lock(&announcer->lock);
    announcer->kicked = true;
    pthread_cond_signal(&announcer->cond);
    pthread_mutex_unlock(&announcer->lock);
}

void announcer_stop(struct announcer **announcer)
{
    struct announcer *a = *announcer;

    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    a->stop_by_us = clock_mono_us() + ANSWER_MS * INT64_C(1000);
    pthread_cond_signal(&a->cond);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->cond);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *announcer = NULL;
}
