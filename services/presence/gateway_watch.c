#include "services/presence/gateway_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_subscription.h"
#include "services/common/rpc/wire.h"

struct gateway_watch {
    struct bus_subscription *subscription;
    pthread_mutex_t lock; /* guards what follows */
    struct hashmap *seen; /* id -> int64_t last sign of life (clock_mono_ms), owned */
};

static void note_alive(struct gateway_watch *watch, const char *gateway_id, bool alive)
{
    pthread_mutex_lock(&watch->lock);
    int64_t *seen = hashmap_get(watch->seen, gateway_id);
    if (seen == NULL) {
        seen = xmalloc(sizeof(*seen));
        *seen = clock_mono_ms();
        hashmap_put(watch->seen, gateway_id, seen);
    } else if (alive) {
        *seen = clock_mono_ms();
    }
    pthread_mutex_unlock(&watch->lock);
}

void gateway_watch_note(struct gateway_watch *watch, const char *gateway_id)
{
    note_alive(watch, gateway_id, false);
}

static void handle_alive(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__GatewayAlive *event =
        wire_unpack(&messenger__gateway_alive__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && *event->gateway_id != '\0' && strlen(event->gateway_id) < GATEWAY_ID_SIZE)
        note_alive(ctx, event->gateway_id, true);
    wire_free(event);
    bus_message_destroy(&message);
}

void gateway_watch_forgive(struct gateway_watch *watch)
{
    const char *id;
    void *seen;

    pthread_mutex_lock(&watch->lock);
    for (size_t cursor = 0; hashmap_next(watch->seen, &cursor, &id, &seen);)
        *(int64_t *)seen = clock_mono_ms() - (GATEWAY_DEAD_MS - GATEWAY_RETURN_MS);
    pthread_mutex_unlock(&watch->lock);
}

bool gateway_watch_find_dead(struct gateway_watch *watch, char id_out[GATEWAY_ID_SIZE])
{
    const char *id;
    void *seen;
    bool found = false;

    pthread_mutex_lock(&watch->lock);
    for (size_t cursor = 0; !found && hashmap_next(watch->seen, &cursor, &id, &seen);) {
        if (clock_mono_ms() - *(int64_t *)seen > GATEWAY_DEAD_MS) {
            snprintf(id_out, GATEWAY_ID_SIZE, "%s", id);
            found = true;
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return found;
}

void gateway_watch_forget(struct gateway_watch *watch, const char *gateway_id)
{
    pthread_mutex_lock(&watch->lock);
    free(hashmap_remove(watch->seen, gateway_id));
    pthread_mutex_unlock(&watch->lock);
}

enum status gateway_watch_start(struct bus *bus, struct gateway_watch **watch_out)
{
    struct gateway_watch *watch = xcalloc(1, sizeof(*watch));

    pthread_mutex_init(&watch->lock, NULL);
    watch->seen = hashmap_create();
    enum status status = bus_subscription_open(bus, "event.gateway.alive", NULL, handle_alive,
                                               watch, &watch->subscription);
    if (status != STATUS_OK) {
        log_error("cannot follow the gateways: %s", status_name(status));
        gateway_watch_stop(&watch);
    }
    *watch_out = watch;
    return status;
}

void gateway_watch_stop(struct gateway_watch **watch)
{
    const char *id;
    void *seen;

    if (*watch == NULL)
        return;
    bus_subscription_drain(&(*watch)->subscription);
    for (size_t cursor = 0; hashmap_next((*watch)->seen, &cursor, &id, &seen);)
        free(seen);
    hashmap_destroy(&(*watch)->seen);
    pthread_mutex_destroy(&(*watch)->lock);
    free(*watch);
    *watch = NULL;
}
