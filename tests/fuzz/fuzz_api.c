/*
 * A client's texts (JSON-RPC) through the table of methods, and the answers of the services that
 * they call, which are doubles: whatever both send, each call gets one answer of well-formed JSON,
 * whose error is one of those in docs/api.md. With a first byte of NOTIFICATION, the payload is a
 * notification from the bus.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "event.pb-c.h"
#include "gateway/api/answer_budget.h"
#include "gateway/api/api_context.h"
#include "gateway/api/methods.h"
#include "gateway/api/service_call.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/push/deliver.h"
#include "gateway/push/notification.h"
#include "gateway/push/resync.h"
#include "gateway/socket/byte_budget.h"
#include "message.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/json.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "sync.pb-c.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/wire_make.h"
#include "user.pb-c.h"

enum { NOTIFICATION = 128, BUDGET_MAX = 2 * 1024 * 1024 };

/* --- what the methods use of other folders -------------------------------------------------- */

struct session {
    struct token_claims claims;
};

const char *session_id(const struct session *session)
{
    (void)session;
    return "gateway.1";
}

const char *session_key(const struct session *session)
{
    (void)session;
    return "amy";
}

const char *session_network(const struct session *session)
{
    (void)session;
    return "192.0.2.1";
}

const struct token_claims *session_identity(const struct session *session)
{
    return &session->claims;
}

void session_close(struct session *session, int code, const char *reason)
{
    (void)session;
    (void)code;
    (void)reason;
}

enum status deliver_wait_known(struct deliver *deliver, const char *key, int64_t deadline_us)
{
    (void)deliver;
    (void)key;
    (void)deadline_us;
    return choices_status();
}

bool deliver_newest_presence(struct deliver *deliver, const char *key, const char *contact_tag,
                             uint64_t change, bool online)
{
    (void)deliver;
    (void)key;
    (void)contact_tag;
    (void)change;
    return online;
}

void resync_presence(struct resync *resync, const char *key)
{
    (void)resync;
    (void)key;
}

/* --- the services ---------------------------------------------------------------------------- */

static const struct {
    const char *subject;
    const ProtobufCMessageDescriptor *reply;
} calls[] = {
    { "rpc.user.GetUsers", &messenger__user_list__descriptor },
    { "rpc.user.FindUsers", &messenger__user_list__descriptor },
    { "rpc.user.UpdateProfile", &messenger__user__descriptor },
    { "rpc.user.GetAccount", &messenger__account__descriptor },
    { "rpc.user.ListSessions", &messenger__session_list__descriptor },
    { "rpc.user.CreateInvite", &messenger__one_time_code__descriptor },
    { "rpc.user.ListInvites", &messenger__invite_list__descriptor },
    { "rpc.user.ListOwnAudit", &messenger__audit_entries__descriptor },
    { "rpc.message.Send", &messenger__send_reply__descriptor },
    { "rpc.message.GetDialogs", &messenger__dialog_list__descriptor },
    { "rpc.message.GetMessages", &messenger__message_list__descriptor },
    { "rpc.message.MarkRead", &messenger__mark_read_reply__descriptor },
    { "rpc.message.GetChanges", &messenger__change_list__descriptor },
    { "rpc.message.GetContacts", &messenger__contact_list__descriptor },
    { "rpc.message.Export", &messenger__export_reply__descriptor },
    { "rpc.message.SetRelation", &messenger__set_relation_reply__descriptor },
    { "rpc.message.GetBlocked", &messenger__blocked_list__descriptor },
    { "rpc.message.GetVisibility", &messenger__visibility_list__descriptor },
    { "rpc.message.SetPrivacy", &messenger__privacy__descriptor },
    { "rpc.presence.GetOnline", &messenger__get_online_reply__descriptor },
};

/* A reply of the right type, an error, other bytes, or none. */
static enum status respond(const char *subject, const void *data, size_t length,
                           struct buffer *data_out, enum status *error_out)
{
    const ProtobufCMessageDescriptor *type = &messenger__empty__descriptor;
    unsigned byte = choices_byte();

    (void)data;
    (void)length;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (strcmp(calls[i].subject, subject) == 0)
            type = calls[i].reply;
    if (byte % 8 == 7)
        return choices_status();
    if (byte % 8 == 6)
        *error_out = choices_status();
    if (byte % 8 == 5)
        buffer_append(data_out, "\x0A\x7F", 2);
    else
        wire_make(*error_out != STATUS_OK ? &messenger__error_detail__descriptor : type, data_out);
    return STATUS_OK;
}

/* --- answers --------------------------------------------------------------------------------- */

static void check_member(const struct json *answer)
{
    const struct json *error = json_member(answer, "error");
    int64_t code;

    assert(json_is_object(answer) && json_member(answer, "jsonrpc") != NULL);
    assert(json_member(answer, "id") != NULL);
    assert((json_member(answer, "result") == NULL) == (error != NULL));
    if (error != NULL) {
        assert(json_to_int(json_member(error, "code"), -32700, -32000, &code));
        assert(code == -32700 || (code <= -32600 && code >= -32602) ||
               (code <= -32000 && code >= -32004));
        assert(json_text(json_member(error, "message")) != NULL);
    }
}

static void check_answer(void *ctx, struct buffer *answer_take)
{
    bool *answered = ctx;

    assert(!*answered);
    *answered = true;
    if (answer_take->length > 0) {
        struct json *root = json_parse(answer_take->data, answer_take->length);
        assert(root != NULL);
        if (json_is_array(root))
            for (const struct json *at = json_first(root); at != NULL; at = json_next(at))
                check_member(at);
        else
            check_member(root);
        json_destroy(&root);
    }
    buffer_finish(answer_take);
}

static bool admit(void *ctx, int64_t *retry_after_ms_out)
{
    (void)ctx;
    *retry_after_ms_out = 1;
    return choices_byte() % 16 != 15;
}

static void call(const struct choices_input *input)
{
    struct session session = { .claims = { .user_id = "65f0c100000000000000000a",
                                           .tag = "@Amy",
                                           .email = "amy@example.com",
                                           .session_id = "s" } };
    unsigned flags = choices_byte();
    struct api_context api = { .bus = double_bus(), .rpc_timeout_ms = 5000 };
    struct caller caller = { .api = &api, .session = &session, .arrived_us = clock_mono_us() };
    struct jsonrpc_options options = {
        .methods = api_methods, .method_count = api_method_count, .admit = admit, .ctx = &caller
    };
    bool answered = false;

    api.consent = flags % 2 != 0;
    options.numeric_version = api.numeric_version = flags / 2 % 2 != 0;
    api.call_limit = ratelimit_create(100, 1000, 100);
    api.text_limit = ratelimit_create(2000, 60000, 2000);
    api.budget = byte_budget_create(BUDGET_MAX, flags / 4 % 8 == 7 ? 1 : BUDGET_MAX);
    jsonrpc_carry_out(jsonrpc_read(&options, (const char *)input->payload, input->payload_size),
                      check_answer, &answered);
    assert(answered);
    answer_budget_end(&caller);
    assert(byte_budget_used(api.budget) == 0);
    byte_budget_destroy(&api.budget);
    ratelimit_destroy(&api.call_limit);
    ratelimit_destroy(&api.text_limit);
}

/* A notification of the bus becomes well-formed JSON, or nothing. */
static void notify(const struct choices_input *input)
{
    struct json_writer w = { 0 };
    Messenger__Notification *notification =
        wire_unpack(&messenger__notification__descriptor, input->payload, input->payload_size);

    if (notification != NULL && notification_put(&w, notification)) {
        struct json *root = json_parse(w.out.data, w.out.length);
        assert(root != NULL && json_member(root, "code") != NULL);
        json_destroy(&root);
    } else {
        assert(w.out.length == 0);
    }
    buffer_finish(&w.out);
    wire_free(notification);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices_input input;

    log_init("fuzz", LOG_LEVEL_NONE);
    double_bus_respond(respond);
    if (!choices_begin(data, size, &input))
        return 0;
    if (input.method >= NOTIFICATION)
        notify(&input);
    else
        call(&input);
    return 0;
}
