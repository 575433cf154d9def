#include "services/user/picture_sweep.h"

#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/stop_wait.h"
#include "services/common/base/thread.h"

enum { AT_ONCE = 100 };

struct picture_sweep {
    struct user_store *store;
    pthread_t thread;
    struct stop_wait wait;
};

static enum status drop_some(struct picture_sweep *sweep, size_t *count_out)
{
    int64_t before_ms = clock_wall_ms() - PICTURE_SWEEP_MS;
    struct user_image_names names;

    *count_out = 0;
    enum status status = user_store_unused_images(sweep->store, before_ms, AT_ONCE, &names);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count && status == STATUS_OK && stop_wait_pause(&sweep->wait, 0);
         i++) {
        status = user_store_drop_image(sweep->store, names.items[i].name);
        *count_out += status == STATUS_OK;
    }
    free(names.items);
    return status;
}

static void drop_all(struct picture_sweep *sweep)
{
    size_t count = AT_ONCE, dropped = 0;
    enum status status = STATUS_OK;

    while (count == AT_ONCE && status == STATUS_OK) {
        status = drop_some(sweep, &count);
        dropped += count;
    }
    if (status != STATUS_OK)
        log_warn("pictures that nobody shows are not deleted yet: %s", status_name(status));
    if (dropped > 0)
        log_info("deleted %zu pictures that nobody shows", dropped);
}

static void run_sweep(void *arg)
{
    struct picture_sweep *sweep = arg;

    do
        drop_all(sweep);
    while (stop_wait_pause(&sweep->wait, PICTURE_SWEEP_MS));
}

struct picture_sweep *picture_sweep_start(struct user_store *store)
{
    struct picture_sweep *sweep = xcalloc(1, sizeof(*sweep));

    sweep->store = store;
    stop_wait_init(&sweep->wait);
    sweep->thread = thread_start("picture-sweep", run_sweep, sweep);
    return sweep;
}

void picture_sweep_stop(struct picture_sweep **sweep)
{
    struct picture_sweep *s = *sweep;

    if (s == NULL)
        return;
    stop_wait_join(&s->wait, s->thread);
    free(s);
    *sweep = NULL;
}
