#include "services/message/expiry.h"

#include <inttypes.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/stop_wait.h"
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
    struct stop_wait wait;
};

/* STATUS_BUSY: it must stop. */
static enum status expire_all(struct expiry *expiry)
{
    struct message_expiry old = { .before_ms = clock_wall_ms() - expiry->keep_days * DAY_MS };
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !old.is_over)
        status = stop_wait_pause(&expiry->wait, STEP_MS) ? message_store_expire(expiry->store, &old)
                                                         : STATUS_BUSY;
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
    } while (stop_wait_pause(&expiry->wait, status == STATUS_OK ? PAUSE_MS : RETRY_MS));
}

struct expiry *expiry_start(struct message_store *store, int64_t keep_days)
{
    if (keep_days == 0)
        return NULL;
    struct expiry *expiry = xcalloc(1, sizeof(*expiry));
    expiry->store = store;
    expiry->keep_days = keep_days;
    stop_wait_init(&expiry->wait);
    expiry->thread = thread_start("expiry", run_expiry, expiry);
    return expiry;
}

void expiry_stop(struct expiry **expiry)
{
    struct expiry *e = *expiry;

    if (e == NULL)
        return;
    stop_wait_join(&e->wait, e->thread);
    free(e);
    *expiry = NULL;
}
