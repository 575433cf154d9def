#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/message/expiry.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum {
    PAUSE_MS = 60 * 60 * 1000,
    RETRY_MS = 60 * 1000,
    STEP_MS = 5, /* between two parts: writers come first */
};
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct expiry {
    struct message_store *store;
    int64_t keep_days;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    bool stopping;
};

/* False when it must stop. */
static bool pause_for(struct expiry *expiry, int64_t ms)
{
    struct timespec until = clock_after_ms(ms);

    pthread_mutex_lock(&expiry->lock);
    while (!expiry->stopping &&
           pthread_cond_clockwait(&expiry->cond, &expiry->lock, CLOCK_MONOTONIC, &until) == 0)
        continue;
    bool go_on = !expiry->stopping;
    pthread_mutex_unlock(&expiry->lock);
    return go_on;
}

/* STATUS_BUSY: it must stop. */
static enum status expire_all(struct expiry *expiry)
{
    struct message_expiry old = { .before_ms = clock_wall_ms() - expiry->keep_days * DAY_MS };
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !old.is_over)
        status =
            pause_for(expiry, STEP_MS) ? message_store_expire(expiry->store, &old) : STATUS_BUSY;
    if (status == STATUS_OK && old.erased > 0) {
        log_info("erased %" PRIu64 " texts that are older than %" PRId64 " days", old.erased,
                 expiry->keep_days);
        status = message_store_purge(expiry->store);
    }
    return status;
}

static void run_expiry(void *arg)
{
    struct expiry *expiry = arg;
    enum status status;

    do {
        status = expire_all(expiry);
        if (status != STATUS_OK && status != STATUS_BUSY)
            log_warn("old texts are not erased yet: %s", status_name(status));
    } while (pause_for(expiry, status == STATUS_OK ? PAUSE_MS : RETRY_MS));
}

struct expiry *expiry_start(struct message_store *store, int64_t keep_days)
{
    if (keep_days == 0)
        return NULL;
    struct expiry *expiry = xcalloc(1, sizeof(*expiry));
    expiry->store = store;
    expiry->keep_days = keep_days;
    pthread_mutex_init(&expiry->lock, NULL);
    pthread_cond_init(&expiry->cond, NULL);
    expiry->thread = thread_start("expiry", run_expiry, expiry);
    return expiry;
}

void expiry_stop(struct expiry **expiry)
{
    struct expiry *e = *expiry;

    if (e == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->cond);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->lock);
    free(e);
    *expiry = NULL;
}
