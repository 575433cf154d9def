#include "services/common/bus/bus_consumer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_parts.h"

#define NS_PER_MS INT64_C(1000000)

struct bus_consumer {
    struct bus *bus;
    natsSubscription *subscription;
    uint64_t delivered; /* the consumer's number of the last message */
    int64_t served_ms;  /* when the server was last known to serve it */
};

/* --- opening ------------------------------------------------------------------------------- */

/* Beside the inbox of the bus, whose messages are taken for replies. */
static natsStatus subscribe_inbox(struct bus_consumer *consumer, char inbox[BUS_INBOX_SIZE])
{
    const char *own = consumer->bus->inbox;
    char hex[25];

    id_random_hex(hex, 12);
    snprintf(inbox, BUS_INBOX_SIZE, "%.*s%s", (int)(strrchr(own, '.') + 1 - own), own, hex);
    natsStatus s =
        natsConnection_SubscribeSync(&consumer->subscription, consumer->bus->nats, inbox);
    if (s == NATS_OK) /* flow control is what limits it */
        s = natsSubscription_SetPendingLimits(consumer->subscription, -1, -1);
    return s;
}

static natsStatus create_consumer(jsCtx *jetstream, const char *stream, const char *filter,
                                  const char *inbox, uint64_t *pending_out)
{
    jsConsumerConfig config;
    jsConsumerInfo *info = NULL;

    jsConsumerConfig_Init(&config);
    config.DeliverSubject = inbox;
    config.DeliverPolicy = js_DeliverLastPerSubject;
    config.FilterSubject = filter;
    config.AckPolicy = js_AckNone;
    config.MaxDeliver = 1;
    config.FlowControl = true;
    config.Heartbeat = BUS_CONSUMER_HEARTBEAT_MS * NS_PER_MS;
    config.MemoryStorage = true;
    config.Replicas = 1;
    natsStatus s = js_AddConsumer(&info, jetstream, stream, &config, NULL, NULL);
    if (s == NATS_OK)
        *pending_out = info->NumPending + info->Delivered.Consumer; /* some may be on the way */
    jsConsumerInfo_Destroy(info);
    return s;
}

enum status bus_consumer_open(struct bus *bus, jsCtx *jetstream, const char *stream,
                              const char *filter, struct bus_consumer **consumer_out,
                              uint64_t *pending_out)
{
    struct bus_consumer *consumer = xcalloc(1, sizeof(*consumer));
    char inbox[BUS_INBOX_SIZE];

    consumer->bus = bus;
    natsStatus s = subscribe_inbox(consumer, inbox);
    if (s == NATS_OK)
        s = create_consumer(jetstream, stream, filter, inbox, pending_out);
    consumer->served_ms = clock_mono_ms();
    if (s != NATS_OK) {
        log_debug("a consumer of the stream \"%s\": %s", stream, natsStatus_GetText(s));
        bus_consumer_close(&consumer);
        return bus_parts_status(s);
    }
    *consumer_out = consumer;
    return STATUS_OK;
}

void bus_consumer_close(struct bus_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    natsSubscription_Unsubscribe((*consumer)->subscription);
    natsSubscription_Destroy((*consumer)->subscription);
    free(*consumer);
    *consumer = NULL;
}

/* --- messages ------------------------------------------------------------------------------ */

static const char *header_of(natsMsg *message, const char *name)
{
    const char *value = NULL;

    return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : NULL;
}

/* Heartbeats and requests of flow control: empty, with the status 100
 * (https://github.com/nats-io/nats-architecture-and-design, ADR-9 and ADR-15). */
static bool is_control(natsMsg *message)
{
    const char *code = natsMsg_GetDataLength(message) == 0 ? header_of(message, "Status") : NULL;

    return code != NULL && strcmp(code, "100") == 0;
}

/* The server waits for an empty message until it sends more: everything before the request has been
 * processed here. A heartbeat repeats the request. */
static void answer_flow_control(struct bus_consumer *consumer, natsMsg *control)
{
    const char *to = natsMsg_GetReply(control);

    if (to == NULL)
        to = header_of(control, "Nats-Consumer-Stalled");
    if (to != NULL && bus_publish(consumer->bus, to, NULL, 0) != STATUS_OK)
        log_warn("cannot answer the flow control of a consumer");
}

/* False: a heartbeat shows that messages before it are missing. */
static bool take_control(struct bus_consumer *consumer, natsMsg *control)
{
    const char *last = header_of(control, "Nats-Last-Consumer");

    answer_flow_control(consumer, control);
    return last == NULL || strtoull(last, NULL, 10) == consumer->delivered;
}

/* False: it is not the message after the last one. */
static bool take_message(struct bus_consumer *consumer, natsMsg *message,
                         struct bus_consumer_place *place_out)
{
    jsMsgMetaData *meta = NULL;

    bool follows = natsMsg_GetMetaData(&meta, message) == NATS_OK &&
                   meta->Sequence.Consumer == consumer->delivered + 1;
    if (follows) {
        *place_out = (struct bus_consumer_place){ meta->Sequence.Stream, meta->NumPending };
        consumer->delivered++;
    }
    jsMsgMetaData_Destroy(meta);
    return follows;
}

static enum status end_of_wait(const struct bus_consumer *consumer, natsStatus s)
{
    if (s == NATS_TIMEOUT && clock_mono_ms() - consumer->served_ms < BUS_CONSUMER_SILENCE_MS)
        return STATUS_DEADLINE_EXCEEDED;
    log_warn("a consumer of the bus has ended: %s", natsStatus_GetText(s));
    return STATUS_UNAVAILABLE;
}

enum status bus_consumer_next(struct bus_consumer *consumer, int64_t timeout_ms,
                              natsMsg **message_out, struct bus_consumer_place *place_out)
{
    int64_t end_ms = clock_mono_ms() + timeout_ms;
    natsMsg *message = NULL;

    for (;;) {
        int64_t left_ms = end_ms - clock_mono_ms();
        natsStatus s =
            natsSubscription_NextMsg(&message, consumer->subscription, left_ms > 1 ? left_ms : 1);
        if (s != NATS_OK)
            return end_of_wait(consumer, s);
        consumer->served_ms = clock_mono_ms();
        bool control = is_control(message);
        bool follows =
            control ? take_control(consumer, message) : take_message(consumer, message, place_out);
        if (follows && !control)
            break;
        natsMsg_Destroy(message);
        if (!follows) {
            log_warn("a consumer of the bus has ended: messages are missing");
            return STATUS_UNAVAILABLE;
        }
    }
    *message_out = message;
    return STATUS_OK;
}
