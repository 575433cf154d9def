#include "gateway/api/profiles.h"

#include <stdlib.h>

#include "gateway/api/api_context.h"
#include "gateway/json/user_json.h"
#include "gateway/push/resync.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/rpc/wire.h"

/* A dot is not worth waiting for as long as for the answer itself. */
enum { PRESENCE_TIMEOUT_MS = 1000 };

struct profiles {
    Messenger__UserList *profiles;
    Messenger__GetOnlineReply *presence; /* NULL when the service did not answer */
    struct hashmap *users;               /* key -> Messenger__User */
    struct hashmap *online;              /* key -> anything */
};

static struct rpc_pending ask_presence(struct bus *bus, const struct rpc_context *context,
                                       char **tags, size_t count)
{
    Messenger__GetOnlineRequest request = MESSENGER__GET_ONLINE_REQUEST__INIT;
    struct rpc_context hurried = *context;
    int64_t soon_us = clock_mono_us() + PRESENCE_TIMEOUT_MS * 1000;

    if (soon_us < hurried.deadline_us)
        hurried.deadline_us = soon_us;
    request.n_tags = count;
    request.tags = tags;
    return rpc_begin(bus, &hurried, "presence.GetOnline", &request.base);
}

/*
 * An instance that hangs times out once; the retry reaches another. When presence is unknown, all
 * users count as offline, and resync delivers the ones that are online later.
 */
static Messenger__GetOnlineReply *await_presence(struct jsonrpc_call *call,
                                                 const struct rpc_context *context,
                                                 struct rpc_pending *pending, char **tags,
                                                 size_t count)
{
    const struct caller *caller = caller_of(call);
    Messenger__GetOnlineReply *reply;

    enum status status = rpc_end(pending, &messenger__get_online_reply__descriptor, &reply, NULL);
    if (status == STATUS_DEADLINE_EXCEEDED || status == STATUS_UNAVAILABLE) {
        *pending = ask_presence(caller->api->bus, context, tags, count);
        status = rpc_end(pending, &messenger__get_online_reply__descriptor, &reply, NULL);
    }
    if (status != STATUS_OK) {
        log_warn("presence is not known: %s", status_name(status));
        resync_presence(caller->api->resync, session_key(caller->session));
    }
    return reply;
}

static void index_profiles(struct profiles *profiles)
{
    char key[TAG_SIZE];

    profiles->users = hashmap_create();
    profiles->online = hashmap_create();
    for (size_t i = 0; i < profiles->profiles->n_users; i++)
        if (tag_to_key(profiles->profiles->users[i]->tag, key))
            hashmap_put(profiles->users, key, profiles->profiles->users[i]);
    for (size_t i = 0; profiles->presence != NULL && i < profiles->presence->n_online; i++)
        if (tag_to_key(profiles->presence->online[i], key))
            hashmap_put(profiles->online, key, profiles->presence);
}

struct profiles *profiles_fetch(struct jsonrpc_call *call, const struct rpc_context *context,
                                char **tags, size_t count)
{
    struct bus *bus = caller_of(call)->api->bus;
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    struct profiles *profiles = xcalloc(1, sizeof(*profiles));
    struct rpc_error error;

    request.n_tags = count;
    request.tags = tags;
    struct rpc_pending users = rpc_begin(bus, context, "user.GetUsers", &request.base);
    struct rpc_pending presence = ask_presence(bus, context, tags, count);
    enum status status =
        rpc_end(&users, &messenger__user_list__descriptor, &profiles->profiles, &error);
    profiles->presence = await_presence(call, context, &presence, tags, count);
    if (status != STATUS_OK) {
        service_call_fail(call, context, "user.GetUsers", status, &error);
        profiles_free(&profiles);
        return NULL;
    }
    index_profiles(profiles);
    return profiles;
}

void profiles_free(struct profiles **profiles)
{
    if (*profiles == NULL)
        return;
    wire_free((*profiles)->profiles);
    wire_free((*profiles)->presence);
    hashmap_destroy(&(*profiles)->users);
    hashmap_destroy(&(*profiles)->online);
    free(*profiles);
    *profiles = NULL;
}

const Messenger__User *profiles_find(const struct profiles *profiles, const char *tag)
{
    char key[TAG_SIZE];

    return tag_to_key(tag, key) ? hashmap_get(profiles->users, key) : NULL;
}

void profiles_put_user(struct json_writer *w, const struct profiles *profiles, const char *tag)
{
    Messenger__User unknown = MESSENGER__USER__INIT;
    const Messenger__User *user = profiles_find(profiles, tag);
    char key[TAG_SIZE];

    tag_to_key(tag, key);
    unknown.tag = wire_borrow(tag);
    json_begin_object(w);
    user_json_put(w, user != NULL ? user : &unknown);
    json_put_bool(w, "isOnline", hashmap_get(profiles->online, key) != NULL);
    json_end_object(w);
}

Messenger__GetOnlineReply *profiles_fetch_online(struct jsonrpc_call *call,
                                                 const struct rpc_context *context, char **tags,
                                                 size_t count)
{
    struct rpc_pending pending = ask_presence(caller_of(call)->api->bus, context, tags, count);
    return await_presence(call, context, &pending, tags, count);
}

bool *profiles_online(struct jsonrpc_call *call, const struct rpc_context *context,
                      const Messenger__UserList *users)
{
    char **tags = xcalloc(users->n_users, sizeof(*tags));
    bool *online = xcalloc(users->n_users, sizeof(*online));

    for (size_t i = 0; i < users->n_users; i++)
        tags[i] = users->users[i]->tag;
    Messenger__GetOnlineReply *reply = profiles_fetch_online(call, context, tags, users->n_users);
    for (size_t i = 0; reply != NULL && i < reply->n_online; i++)
        for (size_t j = 0; j < users->n_users; j++)
            if (tag_same(reply->online[i], tags[j]))
                online[j] = true;
    wire_free(reply);
    free(tags);
    return online;
}
