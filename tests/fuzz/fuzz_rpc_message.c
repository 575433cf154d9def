/*
 * Each method of rpc.message.*, and each event that the message service receives, as they arrive
 * from the bus, behind a store double. The user service that it calls is a double, too.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "message.pb-c.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/message/eraser.h"
#include "services/message/fanout.h"
#include "services/message/handlers.h"
#include "services/message/message_service.h"
#include "services/message/usage.h"
#include "sync.pb-c.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/double_message_store.h"
#include "tests/fuzz/rpc_drive.h"
#include "user.pb-c.h"

enum { EVENT = 128 }; /* of the first byte: an event */

static const struct rpc_drive_reply replies[] = {
    { "Send", &messenger__send_reply__descriptor },
    { "GetDialogs", &messenger__dialog_list__descriptor },
    { "GetMessages", &messenger__message_list__descriptor },
    { "MarkRead", &messenger__mark_read_reply__descriptor },
    { "GetChanges", &messenger__change_list__descriptor },
    { "GetPositions", &messenger__position_list__descriptor },
    { "GetContacts", &messenger__contact_list__descriptor },
    { "Export", &messenger__export_reply__descriptor },
    { "SetRelation", &messenger__set_relation_reply__descriptor },
    { "GetBlocked", &messenger__blocked_list__descriptor },
    { "GetVisibility", &messenger__visibility_list__descriptor },
    { "SetPrivacy", &messenger__privacy__descriptor },
};

static const char *const events[] = {
    "event.presence.online", "event.presence.offline", "event.user.updated",
    "event.user.registered", "event.user.deleted",
};

/* --- the user service ----------------------------------------------------------------------- */

/* Most of the users that are asked for exist, under an account of theirs. */
static void answer_users(const Messenger__GetUsersRequest *request, struct buffer *out)
{
    static char id[] = "65f0c100000000000000000a";
    Messenger__UserList list = MESSENGER__USER_LIST__INIT;
    Messenger__User *users = xcalloc(request->n_tags, sizeof(*users));
    Messenger__User **pointers = xcalloc(request->n_tags, sizeof(*pointers));

    for (size_t i = 0; i < request->n_tags; i++) {
        Messenger__User *user = &users[list.n_users];
        if (choices_byte() % 8 == 7)
            continue;
        messenger__user__init(user);
        user->id = choices_byte() % 8 == 7 ? wire_borrow("no id") : id;
        user->tag = request->tags[i];
        pointers[list.n_users++] = user;
    }
    list.users = pointers;
    wire_pack(&list.base, out);
    free(pointers);
    free(users);
}

static enum status respond(const char *subject, const void *data, size_t length,
                           struct buffer *data_out, enum status *error_out)
{
    unsigned byte = choices_byte();

    assert(strcmp(subject, "rpc.user.GetUsers") == 0);
    Messenger__GetUsersRequest *request =
        wire_unpack(&messenger__get_users_request__descriptor, data, length);
    assert(request != NULL);
    if (byte % 8 == 7)
        *error_out = choices_status();
    else if (byte % 8 == 6)
        buffer_append(data_out, "\x0A\x02\x0A\xFF", 4);
    else if (byte % 8 != 5)
        answer_users(request, data_out);
    wire_free(request);
    return byte % 8 == 5 ? choices_status() : STATUS_OK;
}

/* --- the service ---------------------------------------------------------------------------- */

static struct message_service make_service(void)
{
    struct message_service service = { .bus = double_bus(), .store = double_message_store() };

    log_init("fuzz", LOG_LEVEL_NONE);
    double_bus_respond(respond);
    service.consent = choices_byte() % 2 != 0;
    service.usage = usage_start(&(struct usage_options){
        .store = service.store, .url = "double://", .quota_bytes = choices_byte() % 2 * 10 });
    assert(user_directory_start(service.bus, service.store, &service.users) == STATUS_OK);
    assert(fanout_start(service.bus, service.store, service.users, service.consent,
                        &service.fanout) == STATUS_OK);
    return service;
}

/* An event that is a request is acknowledged at most once. */
static void deliver_event(const struct choices_input *input)
{
    const char *subject = events[input->method % (sizeof(events) / sizeof(*events))];

    double_bus_forget();
    assert(double_bus_deliver(subject, DOUBLE_BUS_INBOX, input->payload, input->payload_size) > 0);
    double_message_store_finish();
    assert(double_bus_answered()->count <= 1);
    assert(double_bus_answered()->error_code[0] == '\0');
    double_bus_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rpc_drive drive = {
        .service = "message",
        .methods = message_methods,
        .method_count = message_method_count,
        .replies = replies,
        .reply_count = sizeof(replies) / sizeof(*replies),
        .finish = double_message_store_finish,
    };
    struct choices_input input;

    if (!choices_begin(data, size, &input))
        return 0;
    struct message_service service = make_service();
    struct eraser *eraser;
    assert(eraser_start(service.bus, service.store, service.fanout, true, &eraser) == STATUS_OK);
    if (input.method >= EVENT)
        deliver_event(&input);
    else
        rpc_drive_call(&drive, &service, &input);
    eraser_stop(&eraser);
    fanout_stop(&service.fanout);
    user_directory_stop(&service.users);
    usage_stop(&service.usage);
    return 0;
}
