#include "services/message/eraser.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"

enum {
    KEY_SIZE = ID_HEX + sizeof("/late"),
    ACCOUNTS_MAX = 4096, /* pending; others are sent again */
    REMEMBERED_MS =
        30 * 1000, /* longer than a request's pause, shorter than until the second one */
};

struct eraser {
    struct bus *bus;
    struct message_store *store;
    struct fanout *fanout;
    bool texts;
    atomic_bool stopping;
    struct workpool *pool;
    struct bus_subscription *subscription;
    pthread_mutex_t lock;     /* guards what follows */
    struct hashmap *accounts; /* by key_of: struct account */
};

/* An account that is being erased, or was a short time ago: an event that is repeated while it is
 * erased is dropped, and the next one is answered at once. */
struct account {
    bool is_over;
    int64_t over_ms; /* monotonic */
};

struct erasing {
    struct eraser *eraser;
    struct bus_message *message;
    Messenger__UserDeleted *event;
};

/* --- accounts ------------------------------------------------------------------------------ */

/* The second event of an account has work of its own. */
static void key_of(const Messenger__UserDeleted *event, char key_out[KEY_SIZE])
{
    snprintf(key_out, KEY_SIZE, "%s%s", event->account_id, event->is_late ? "/late" : "");
}

/* With the lock. */
static void forget_old(struct eraser *eraser)
{
    int64_t now_ms = clock_mono_ms();
    const char *account_id;
    size_t cursor = 0;
    void *value;

    while (hashmap_next(eraser->accounts, &cursor, &account_id, &value)) {
        struct account *account = value;
        if (account->is_over && now_ms - account->over_ms > REMEMBERED_MS)
            free(hashmap_remove(eraser->accounts, account_id));
    }
}

/* One that failed is erased again with the next event. */
static void note_end(struct eraser *eraser, const char *key, bool is_over)
{
    pthread_mutex_lock(&eraser->lock);
    struct account *account = hashmap_get(eraser->accounts, key);
    *account = (struct account){ is_over, clock_mono_ms() };
    if (!is_over)
        free(hashmap_remove(eraser->accounts, key));
    pthread_mutex_unlock(&eraser->lock);
}

static void free_accounts(struct eraser *eraser)
{
    const char *account_id;
    size_t cursor = 0;
    void *value;

    while (hashmap_next(eraser->accounts, &cursor, &account_id, &value))
        free(value);
    hashmap_destroy(&eraser->accounts);
}

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

static void acknowledge(struct eraser *eraser, const struct bus_message *message)
{
    static const Messenger__Empty done = MESSENGER__EMPTY__INIT;

    wire_publish(eraser->bus, bus_message_reply_to(message), &done.base);
}

static void run_erasing(void *arg)
{
    struct erasing *erasing = arg;
    struct eraser *eraser = erasing->eraser;
    struct message_user user;
    char key[KEY_SIZE];

    key_of(erasing->event, key);
    enum status status =
        message_store_claim(eraser->store, erasing->event->tag, erasing->event->account_id, &user);
    if (status == STATUS_OK)
        status = erase(eraser, &user);
    if (status == STATUS_OK)
        status = fanout_deleted(eraser->fanout, &user, erasing->event->revision);
    note_end(eraser, key, status == STATUS_OK);
    if (status == STATUS_OK)
        acknowledge(eraser, erasing->message);
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

/* False: `erasing` is left to the caller. */
static bool submit(struct eraser *eraser, struct erasing *erasing)
{
    char key[KEY_SIZE];

    key_of(erasing->event, key);
    pthread_mutex_lock(&eraser->lock);
    forget_old(eraser);
    struct account *account = hashmap_get(eraser->accounts, key);
    bool is_new = account == NULL, is_over = account != NULL && account->is_over;
    if (is_new)
        hashmap_put(eraser->accounts, key, xcalloc(1, sizeof(*account)));
    pthread_mutex_unlock(&eraser->lock);
    if (is_over)
        acknowledge(eraser, erasing->message);
    if (is_new && workpool_submit(eraser->pool, run_erasing, erasing))
        return true;
    if (is_new)
        note_end(eraser, key, false);
    return false;
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
    eraser->accounts = hashmap_create();
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
    free_accounts(e);
    pthread_mutex_destroy(&e->lock);
    free(e);
    *eraser = NULL;
}
