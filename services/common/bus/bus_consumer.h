#ifndef COMMON_BUS_BUS_CONSUMER_H
#define COMMON_BUS_BUS_CONSUMER_H

#include <nats/nats.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus.h"

/*
 * The messages of a stream of JetStream, in order and without a gap: a push consumer on a
 * subscription of its own (https://docs.nats.io/nats-concepts/jetstream/consumers).
 *
 * It ends at the first gap, at lost heartbeats, and may end at a lost connection; then its owner
 * opens another. The "ordered consumer" of the library, on which its watch of a bucket is built,
 * replaces itself instead, on a thread of the library, and is not safe against being closed
 * meanwhile. In nats.c 3.4.1, src/js.c: applyNewSID() puts the subscription back into the
 * connection's table after natsConn_removeSubscription() has removed and released it; the next
 * message for it locks a mutex that was freed, and the thread that reads for the bus crashes or
 * hangs. _recreateOrderedCons() frees the consumer's name while jsSub_deleteConsumer() reads it.
 *
 * For one thread at a time.
 */
struct bus_consumer;

enum { BUS_CONSUMER_HEARTBEAT_MS = 5000, BUS_CONSUMER_SILENCE_MS = 3 * BUS_CONSUMER_HEARTBEAT_MS };

/* Where a message is. */
struct bus_consumer_place {
    uint64_t sequence; /* in the stream */
    uint64_t pending;  /* messages after it that were in the stream when it was sent */
};

/*
 * Starts with the last message of each subject that `filter` matches. One request, by `jetstream`
 * and with its time-out. `*pending_out`: how many messages there are now. The names are borrowed
 * for the call.
 */
enum status bus_consumer_open(struct bus *bus, jsCtx *jetstream, const char *stream,
                              const char *filter, struct bus_consumer **consumer_out,
                              uint64_t *pending_out) MUST_CHECK;

/* Makes no request: the server removes a consumer without a subscriber within seconds. NULL is
 * allowed. */
void bus_consumer_close(struct bus_consumer **consumer);

/* The next message, owned by the caller (natsMsg_Destroy). STATUS_DEADLINE_EXCEEDED: none within
 * `timeout_ms`. STATUS_UNAVAILABLE: messages are missing, or the server has been silent for
 * BUS_CONSUMER_SILENCE_MS; the consumer is of no use any more. */
enum status bus_consumer_next(struct bus_consumer *consumer, int64_t timeout_ms,
                              natsMsg **message_out,
                              struct bus_consumer_place *place_out) MUST_CHECK;

#endif
