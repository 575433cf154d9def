#include "gateway/api/profiles.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_context.h"
#include "gateway/json/user_json.h"
#include "gateway/push/deliver.h"
#include "gateway/push/resync.h"
#include "presence.pb-c.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/rpc/wire.h"

/* A dot is not worth waiting for as long as for the answer itself. */
enum { HURRIED_TIMEOUT_MS = 1000 };

struct profiles {
    Messenger__UserList *profiles;
    struct hashmap *users;  /* key -> Messenger__User */
    struct hashmap *online; /* key -> anything */
    struct hashmap *hidden; /* key -> Messenger__Visibility */
};

static struct rpc_context in_a_hurry(const struct rpc_context *context)
{
    struct rpc_context hurried = *context;
    int64_t soon_us = clock_mono_us() + HURRIED_TIMEOUT_MS * 1000;

    if (soon_us < hurried.deadline_us)
        hurried.deadline_us = soon_us;
    return hurried;
}

static struct rpc_pending ask_presence(struct bus *bus, const struct rpc_context *context,
                                       char **tags, size_t count)
{
    Messenger__GetOnlineRequest request = MESSENGER__GET_ONLINE_REQUEST__INIT;
    const struct rpc_context hurried = in_a_hurry(context);

    request.n_tags = count;
    request.tags = tags;
    return rpc_begin(bus, &hurried, "presence.GetOnline", &request.base);
}

/* Those of a reply, which are listed in the order of the tags, unless the caller has been notified
 * of a newer change. */
static void read_online(const struct caller *caller, const Messenger__GetOnlineReply *reply,
                        char **tags, size_t count, bool *online_out)
{
    bool numbered = reply->n_changes == count; /* else of an older presence service */
    size_t next = 0;

    for (size_t i = 0; i < count; i++) {
        online_out[i] = next < reply->n_online && strcmp(reply->online[next], tags[i]) == 0;
        next += online_out[i];
        if (numbered)
            online_out[i] =
                deliver_newest_presence(caller->api->deliver, session_key(caller->session), tags[i],
                                        reply->changes[i], online_out[i]);
    }
}

/*
 * An instance that hangs times out once; the retry reaches another. When presence is unknown, all
 * users count as offline, and resync delivers the ones that are online later.
 */
static bool *await_presence(struct jsonrpc_call *call, const struct rpc_context *context,
                            struct rpc_pending *pending, char **tags, size_t count)
{
    const struct caller *caller = caller_of(call);
    bool *online = xcalloc(count, sizeof(*online));
    Messenger__GetOnlineReply *reply;

    enum status status = rpc_end(pending, &messenger__get_online_reply__descriptor, &reply, NULL);
    if (status == STATUS_DEADLINE_EXCEEDED || status == STATUS_UNAVAILABLE) {
        *pending = ask_presence(caller->api->bus, context, tags, count);
        status = rpc_end(pending, &messenger__get_online_reply__descriptor, &reply, NULL);
    }
    if (status == STATUS_OK) {
        read_online(caller, reply, tags, count, online);
    } else {
        log_warn("presence is not known: %s", status_name(status));
        resync_presence(caller->api->resync, session_key(caller->session));
    }
    wire_free(reply);
    return online;
}

static void index_profiles(struct profiles *profiles)
{
    char key[TAG_SIZE];

    profiles->users = hashmap_create();
    for (size_t i = 0; i < profiles->profiles->n_users; i++)
        if (tag_to_key(profiles->profiles->users[i]->tag, key))
            hashmap_put(profiles->users, key, profiles->profiles->users[i]);
}

static void index_hidden(struct profiles *profiles, char **tags,
                         Messenger__Visibility *const *visibilities, size_t count)
{
    char key[TAG_SIZE];

    profiles->hidden = hashmap_create();
    for (size_t i = 0; visibilities != NULL && i < count; i++)
        if (visibilities[i] != NULL && tag_to_key(tags[i], key))
            hashmap_put(profiles->hidden, key, visibilities[i]);
}

static void index_online(struct profiles *profiles, char **tags, size_t count, const bool *online)
{
    char key[TAG_SIZE];

    profiles->online = hashmap_create();
    for (size_t i = 0; i < count; i++)
        if (online[i] && tag_to_key(tags[i], key))
            hashmap_put(profiles->online, key, profiles);
}

struct profiles *profiles_fetch(struct jsonrpc_call *call, const struct rpc_context *context,
                                char **tags, Messenger__Visibility *const *visibilities,
                                size_t count)
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
    bool *online = await_presence(call, context, &presence, tags, count);
    index_online(profiles, tags, count, online);
    index_hidden(profiles, tags, visibilities, count);
    free(online);
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
    hashmap_destroy(&(*profiles)->users);
    hashmap_destroy(&(*profiles)->online);
    hashmap_destroy(&(*profiles)->hidden);
    free(*profiles);
    *profiles = NULL;
}

const Messenger__User *profiles_find(const struct profiles *profiles, const char *tag)
{
    char key[TAG_SIZE];

    return tag_to_key(tag, key) ? hashmap_get(profiles->users, key) : NULL;
}

/* `user` NULL: the account is deleted. `visibility` NULL: all is visible. */
static void put_user(struct json_writer *w, const char *tag, const Messenger__User *user,
                     const Messenger__Visibility *visibility, bool is_online)
{
    Messenger__User shown = MESSENGER__USER__INIT;

    shown.tag = wire_borrow(tag);
    if (user != NULL && visibility != NULL && visibility->hides_profile) {
        shown.id = user->id;
        shown.img = wire_borrow("default.jpg");
    } else if (user != NULL) {
        shown = *user;
    } else {
        shown.img = wire_borrow("default.jpg");
    }
    json_begin_object(w);
    user_json_put(w, &shown);
    json_put_bool(w, "isOnline",
                  user != NULL && is_online && (visibility == NULL || !visibility->hides_presence));
    if (user == NULL)
        json_put_bool(w, "isDeleted", true);
    json_end_object(w);
}

void profiles_put_user(struct json_writer *w, const struct profiles *profiles, const char *tag)
{
    char key[TAG_SIZE];

    tag_to_key(tag, key);
    put_user(w, tag, profiles_find(profiles, tag), hashmap_get(profiles->hidden, key),
             hashmap_get(profiles->online, key) != NULL);
}

bool *profiles_fetch_online(struct jsonrpc_call *call, const struct rpc_context *context,
                            char **tags, size_t count)
{
    struct rpc_pending pending = ask_presence(caller_of(call)->api->bus, context, tags, count);

    return await_presence(call, context, &pending, tags, count);
}

/* What the caller may see of each of the tags; NULL when the message service does not answer in
 * time. */
static Messenger__VisibilityList *fetch_visibility(struct jsonrpc_call *call,
                                                   const struct rpc_context *context, char **tags,
                                                   size_t count)
{
    Messenger__GetVisibilityRequest request = MESSENGER__GET_VISIBILITY_REQUEST__INIT;
    const struct rpc_context hurried = in_a_hurry(context);
    Messenger__VisibilityList *list;

    request.owner_tag = wire_borrow(caller_tag(call));
    request.owner_id = wire_borrow(caller_id(call));
    request.n_tags = count;
    request.tags = tags;
    enum status status =
        rpc_call(caller_of(call)->api->bus, &hurried, "message.GetVisibility", &request.base,
                 &messenger__visibility_list__descriptor, &list, NULL);
    if (status == STATUS_OK && list->n_visibilities == count)
        return list;
    log_warn("what users may see is not known: %s", status_name(status));
    wire_free(list);
    return NULL;
}

void profiles_put_found(struct jsonrpc_call *call, const struct rpc_context *context,
                        const Messenger__UserList *users)
{
    Messenger__Visibility unknown = MESSENGER__VISIBILITY__INIT;
    const struct api_context *api = caller_of(call)->api;
    char **tags = xcalloc(users->n_users, sizeof(*tags));

    for (size_t i = 0; i < users->n_users; i++)
        tags[i] = users->users[i]->tag;
    struct rpc_pending presence = ask_presence(api->bus, context, tags, users->n_users);
    Messenger__VisibilityList *list = fetch_visibility(call, context, tags, users->n_users);
    bool *online = await_presence(call, context, &presence, tags, users->n_users);
    unknown.hides_presence = api->consent;
    for (size_t i = 0; i < users->n_users; i++)
        put_user(&call->result, tags[i], users->users[i],
                 list != NULL ? list->visibilities[i] : &unknown, online[i]);
    wire_free(list);
    free(online);
    free(tags);
}
