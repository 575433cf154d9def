#include "services/presence/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "presence.pb-c.h"
#include "services/common/base/memory.h"
#include "services/presence/presence.h"

enum { TAGS_MAX = 1000 };

static const Messenger__Empty done = MESSENGER__EMPTY__INIT;

static void answer_call(struct rpc_request *call, enum status status)
{
    if (status == STATUS_OK)
        rpc_request_reply(call, &done.base);
    else
        rpc_request_fail(call, status, "the presence bucket does not answer");
}

static bool is_gateway_id(const char *id)
{
    return *id != '\0' && strlen(id) < GATEWAY_ID_SIZE;
}

static void handle_update(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__PresenceUpdateRequest *update = request;

    if (!is_gateway_id(update->gateway_id)) {
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "gateway_id");
        return;
    }
    int64_t deadline_us = rpc_request_context(call)->deadline_us;
    enum status status =
        presence_set(ctx, update->gateway_id, update->online, update->n_online, true, deadline_us);
    if (status == STATUS_OK)
        status = presence_set(ctx, update->gateway_id, update->offline, update->n_offline, false,
                              deadline_us);
    answer_call(call, status);
}

static void handle_announce(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__PresenceAnnounceRequest *announce = request;

    if (!is_gateway_id(announce->gateway_id))
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "gateway_id");
    else
        answer_call(call,
                    presence_announce(ctx, announce->gateway_id, announce->online,
                                      announce->n_online, rpc_request_context(call)->deadline_us));
}

/* When the bucket has not been open for a while, what is known of it is old: then nothing is known.
 */
static bool can_answer(struct presence *presence, struct rpc_request *call, size_t tags)
{
    if (tags > TAGS_MAX)
        rpc_request_fail(call, STATUS_INVALID_ARGUMENT, "too many tags");
    else if (!presence_is_ready(presence))
        rpc_request_fail(call, STATUS_UNAVAILABLE, "the bucket is not open");
    else
        return true;
    return false;
}

static void handle_get_online(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__GetOnlineRequest *wanted = request;
    Messenger__GetOnlineReply reply = MESSENGER__GET_ONLINE_REPLY__INIT;

    if (!can_answer(ctx, call, wanted->n_tags))
        return;
    reply.online = xcalloc(wanted->n_tags, sizeof(*reply.online));
    reply.changes = xcalloc(wanted->n_tags, sizeof(*reply.changes));
    reply.n_changes = wanted->n_tags;
    for (size_t i = 0; i < wanted->n_tags; i++)
        if (presence_is_online(ctx, wanted->tags[i], &reply.changes[i]))
            reply.online[reply.n_online++] = wanted->tags[i];
    rpc_request_reply(call, &reply.base);
    free(reply.online);
    free(reply.changes);
}

static void handle_get_changed(void *ctx, struct rpc_request *call, const void *request)
{
    const Messenger__GetChangedRequest *wanted = request;
    Messenger__GetChangedReply reply = MESSENGER__GET_CHANGED_REPLY__INIT;

    if (!can_answer(ctx, call, wanted->n_tags))
        return;
    Messenger__GetChangedReply__State *states = xcalloc(wanted->n_tags, sizeof(*states));
    reply.states = xcalloc(wanted->n_tags, sizeof(*reply.states));
    for (size_t i = 0; i < wanted->n_tags; i++) {
        Messenger__GetChangedReply__State *state = &states[reply.n_states];
        bool online;
        messenger__get_changed_reply__state__init(state);
        if (!presence_last_event(ctx, wanted->tags[i], &state->change, &online) ||
            state->change <= wanted->after)
            continue;
        state->tag = wanted->tags[i];
        state->online = online;
        reply.states[reply.n_states++] = state;
    }
    rpc_request_reply(call, &reply.base);
    free(reply.states);
    free(states);
}

const struct rpc_method presence_methods[] = {
    { "Update", &messenger__presence_update_request__descriptor, handle_update, RPC_FAST },
    { "Announce", &messenger__presence_announce_request__descriptor, handle_announce, RPC_FAST },
    { "GetChanged", &messenger__get_changed_request__descriptor, handle_get_changed, RPC_FAST },
    { "GetOnline", &messenger__get_online_request__descriptor, handle_get_online, RPC_INLINE },
};
const size_t presence_method_count = sizeof(presence_methods) / sizeof(presence_methods[0]);
