/*
 * Each method of rpc.presence.*, and the events that the presence service receives, as they arrive
 * from the bus, in front of a bucket in memory. The service's own threads run: it is made again
 * after RENEW_EVERY inputs.
 */
#define _GNU_SOURCE /* gettid */
#include "tests/fuzz/fuzz.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/log.h"
#include "services/presence/handlers.h"
#include "services/presence/presence.h"
#include "services/presence/presence_entry.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/double_kv.h"
#include "tests/fuzz/rpc_drive.h"

enum { RENEW_EVERY = 8192, ALIVE = 128, ENTRY = 192 /* of the first byte */ };

static const struct rpc_drive_reply replies[] = {
    { "Update", &messenger__empty__descriptor },
    { "Announce", &messenger__empty__descriptor },
    { "GetChanged", &messenger__get_changed_reply__descriptor },
    { "GetOnline", &messenger__get_online_reply__descriptor },
};

/* The message service acknowledges every event. */
static enum status respond(const char *subject, const void *data, size_t length,
                           struct buffer *data_out, enum status *error_out)
{
    (void)subject;
    (void)data;
    (void)length;
    (void)data_out;
    (void)error_out;
    return STATUS_OK;
}

static struct presence *make_presence(void)
{
    struct presence *presence;

    log_init("fuzz", LOG_LEVEL_NONE);
    double_bus_respond(respond);
    double_kv_clear();
    assert(presence_start(double_bus(), 1, &presence) == STATUS_OK);
    presence_bus_connected(presence);
    while (!presence_is_ready(presence))
        sched_yield();
    return presence;
}

/* A value of the bucket that is read, written and read again is the same. */
static void check_entry(const struct choices_input *input)
{
    struct presence_entry entry, back;
    struct buffer once = { 0 }, twice = { 0 };

    if (presence_entry_unpack(input->payload, input->payload_size, &entry)) {
        assert(entry.gateway_count <= GATEWAYS_MAX);
        presence_entry_pack(&entry, &once);
        assert(presence_entry_unpack(once.data, once.length, &back));
        presence_entry_pack(&back, &twice);
        assert(once.length == twice.length);
        assert(once.length == 0 || memcmp(once.data, twice.data, once.length) == 0);
        presence_entry_finish(&back);
    }
    presence_entry_finish(&entry);
    buffer_finish(&once);
    buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct presence *presence;
    static unsigned inputs;
    const struct rpc_drive drive = {
        .service = "presence",
        .methods = presence_methods,
        .method_count = presence_method_count,
        .replies = replies,
        .reply_count = sizeof(replies) / sizeof(*replies),
    };
    struct choices_input input;

    if (inputs++ % RENEW_EVERY == 0) {
        presence_stop(&presence);
        presence = make_presence();
    }
    if (!choices_begin(data, size, &input))
        return 0;
    if (input.method >= ENTRY)
        check_entry(&input);
    else if (input.method >= ALIVE)
        double_bus_deliver("event.gateway.alive", NULL, input.payload, input.payload_size);
    else
        rpc_drive_call(&drive, presence, &input);
    return 0;
}
