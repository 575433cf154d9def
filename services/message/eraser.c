#include "services/message/eraser.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "event.pb-c.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"

enum { ACCOUNTS_MAX = 4096 /* pending; others are sent again */ };

struct eraser {
    struct bus *bus;
    struct message_store *store;
    struct fanout *fanout;
    bool texts;
    atomic_bool stopping;
    struct workpool *pool;
    struct bus_subscription *subscription;
    pthread_mutex_t lock;    /* guards what follows */
    struct hashmap *pending; /* by account id: repeated events for it are dropped */
};

struct erasing {
    struct eraser *eraser;
    struct bus_message *message;
    Messenger__UserDeleted *event;
};

/* --- erasing ------------------------------------------------------------------------------- */

/* STATUS_BUSY: it must stop. */
static enum status erase(struct eraser *eraser, const struct message_user *user)
{
    struct message_erasure erasure = { .user = *user, .texts = eraser->texts };
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !erasure.is_over)
        status = eraser->stopping ? STATUS_BUSY : message_store_erase(eraser->store, &erasure);
    if (erasure.erased > 0)
        log_info("erased %" PRIu64 " texts of a deleted account", erasure.erased);
    return status == STATUS_OK ? message_store_purge(eraser->store) : status;
}

static void run_erasing(void *arg)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;
    struct erasing *erasing = arg;
    struct eraser *eraser = erasing->eraser;
    const char *account_id = erasing->event->account_id;
    struct message_user user;

    enum status status = message_store_claim(eraser->store, erasing->event->tag, account_id, &user);
    if (status == STATUS_OK)
        status = erase(eraser, &user);
    if (status == STATUS_OK)
        status = fanout_deleted(eraser->fanout, &user, erasing->event->revision);
    pthread_mutex_lock(&eraser->lock);
    hashmap_remove(eraser->pending, account_id);
    pthread_mutex_unlock(&eraser->lock);
    if (status == STATUS_OK)
        wire_publish(eraser->bus, bus_message_reply_to(erasing->message), &done.base);
    else
        log_warn("what a deleted account has left is not erased yet: %s", status_name(status));
    wire_free(erasing->event);
    bus_message_destroy(&erasing->message);
    free(erasing);
}

/* --- events -------------------------------------------------------------------------------- */

static bool is_sound(const Messenger__UserDeleted *event)
{
    struct id ignored;

    return event != NULL && tag_is_valid(event->tag) && id_from_hex(event->account_id, &ignored) &&
           event->revision > 0 && event->revision <= MESSAGE_SEQ_MAX;
}

/* False when the account is pending, or too many are. */
static bool submit(struct eraser *eraser, struct erasing *erasing)
{
    const char *account_id = erasing->event->account_id;

    pthread_mutex_lock(&eraser->lock);
    bool taken = hashmap_get(eraser->pending, account_id) == NULL &&
                 workpool_submit(eraser->pool, run_erasing, erasing);
    if (taken)
        hashmap_put(eraser->pending, account_id, eraser);
    pthread_mutex_unlock(&eraser->lock);
    return taken;
}

static void handle_deleted(void *ctx, struct bus_message *message_take)
{
    struct eraser *eraser = ctx;
    struct erasing *erasing = xmalloc(sizeof(*erasing));

    *erasing = (struct erasing){ .eraser = eraser, .message = message_take };
    if (bus_message_reply_to(message_take) != NULL)
        erasing->event =
            wire_unpack(&messenger__user_deleted__descriptor, bus_message_data(message_take),
                        bus_message_length(message_take));
    if (is_sound(erasing->event) && submit(eraser, erasing))
        return;
    wire_free(erasing->event);
    bus_message_destroy(&erasing->message);
    free(erasing);
}

/* --- life ---------------------------------------------------------------------------------- */

enum status eraser_start(struct bus *bus, struct message_store *store, struct fanout *fanout,
                         bool texts, struct eraser **eraser_out)
{
    struct workpool_options options = { .name = "eraser", .threads = 1, .queue_max = ACCOUNTS_MAX };
    struct eraser *eraser = xcalloc(1, sizeof(*eraser));

    eraser->bus = bus;
    eraser->store = store;
    eraser->fanout = fanout;
    eraser->texts = texts;
    eraser->pending = hashmap_create();
    pthread_mutex_init(&eraser->lock, NULL);
    eraser->pool = workpool_create(&options);
    enum status status = bus_subscription_open(bus, "event.user.deleted", "message", handle_deleted,
                                               eraser, &eraser->subscription);
    if (status != STATUS_OK)
        eraser_stop(&eraser);
    *eraser_out = eraser;
    return status;
}

void eraser_stop(struct eraser **eraser)
{
    struct eraser *e = *eraser;

    if (e == NULL)
        return;
    e->stopping = true;
    bus_subscription_drain(&e->subscription);
    workpool_destroy(&e->pool);
    hashmap_destroy(&e->pending);
    pthread_mutex_destroy(&e->lock);
    free(e);
    *eraser = NULL;
}
