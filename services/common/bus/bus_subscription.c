#include "services/common/bus/bus_subscription.h"

#include <assert.h>
#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/common/bus/bus_parts.h"

enum {
    PENDING_MESSAGES = 131072, /* of those that the library delivers */
    PENDING_BYTES = 256 * 1024 * 1024,
    DRAIN_MS = 5000,
    DRAIN_DISCONNECTED_MS = 250,
};

struct bus_subscription {
    struct bus *bus;
    natsSubscription *nats;
    struct bus_receiver *receiver;
};

/* Messages that the read loop left to the library. */
static void handle_library_message(natsConnection *nats, natsSubscription *subscription,
                                   natsMsg *message, void *ctx)
{
    (void)nats;
    (void)subscription;
    bus_receiver_deliver(ctx, message);
}

/* The library's threads will not call again: only now its reference may go. */
static void handle_library_complete(void *ctx)
{
    struct bus_receiver *receiver = ctx;

    bus_receiver_unref(&receiver);
}

static natsStatus subscribe_receiver(struct bus_subscription *subscription, const char *subject,
                                     const char *queue)
{
    natsConnection *nats = subscription->bus->nats;

    if (queue != NULL)
        return natsConnection_QueueSubscribe(&subscription->nats, nats, subject, queue,
                                             handle_library_message, subscription->receiver);
    return natsConnection_Subscribe(&subscription->nats, nats, subject, handle_library_message,
                                    subscription->receiver);
}

enum status bus_subscription_open(struct bus *bus, const char *subject, const char *queue,
                                  bus_handler *handler, void *ctx,
                                  struct bus_subscription **subscription_out)
{
    struct bus_subscription *subscription = xcalloc(1, sizeof(*subscription));

    subscription->bus = bus;
    /* Before the library subscribes: it would deliver the messages that arrive in between, beside
     * the read loop that delivers the later ones. */
    subscription->receiver = bus_inbound_add(bus->inbound, subject, handler, ctx);
    natsStatus s = subscribe_receiver(subscription, subject, queue);
    if (s != NATS_OK) {
        bus_inbound_remove(bus->inbound, &subscription->receiver);
        free(subscription);
        return bus_parts_status(s);
    }
    natsSubscription_SetPendingLimits(subscription->nats, PENDING_MESSAGES, PENDING_BYTES);
    natsSubscription_SetOnCompleteCB(subscription->nats, handle_library_complete,
                                     bus_receiver_ref(subscription->receiver));
    *subscription_out = subscription;
    return STATUS_OK;
}

void bus_subscription_close(struct bus_subscription **subscription)
{
    struct bus_subscription *s = *subscription;

    if (s == NULL)
        return;
    *subscription = NULL;
    bus_receiver_end(s->receiver);
    natsSubscription_Unsubscribe(s->nats);
    bus_inbound_remove(s->bus->inbound, &s->receiver);
    natsSubscription_Destroy(s->nats);
    free(s);
}

void bus_subscription_drain(struct bus_subscription **subscription)
{
    struct bus_subscription *s = *subscription;

    if (s == NULL)
        return;
    assert(!bus_loop_reads_here(s->bus->loop));
    *subscription = NULL;
    /* Without a connection the library waits for one; then there is only what has arrived before,
     * and no reply can be sent to it. */
    int64_t wait_ms = atomic_load(&s->bus->connected) ? DRAIN_MS : DRAIN_DISCONNECTED_MS;
    if (natsSubscription_Drain(s->nats) == NATS_OK)
        natsSubscription_WaitForDrainCompletion(s->nats, bus_loop_clip_ms(s->bus->loop, wait_ms));
    bus_loop_settle(s->bus->loop, wait_ms);
    bus_receiver_end(s->receiver);
    bus_inbound_remove(s->bus->inbound, &s->receiver);
    natsSubscription_Destroy(s->nats);
    free(s);
}
