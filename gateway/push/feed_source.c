#include "gateway/push/feed_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { TIMEOUT_MS = 2000, CHANGES_MAX = 200 };

static void key_to_tag(const char *key, char tag_out[TAG_SIZE + 1])
{
    snprintf(tag_out, TAG_SIZE + 1, "@%s", key);
}

enum status feed_source_positions(struct bus *bus, const char *const *keys, size_t count,
                                  char epoch_out[FEED_EPOCH_SIZE], uint64_t *newest_out)
{
    Messenger__GetPositionsRequest request = MESSENGER__GET_POSITIONS_REQUEST__INIT;
    char(*tags)[TAG_SIZE + 1] = xcalloc(count, sizeof(*tags));
    Messenger__PositionList *reply;
    struct rpc_context context;

    request.n_tags = count;
    request.tags = xcalloc(count, sizeof(*request.tags));
    for (size_t i = 0; i < count; i++) {
        key_to_tag(keys[i], tags[i]);
        request.tags[i] = tags[i];
    }
    rpc_context_start(&context, TIMEOUT_MS);
    enum status status = rpc_call(bus, &context, "message.GetPositions", &request.base,
                                  &messenger__position_list__descriptor, &reply, NULL);
    if (status == STATUS_OK && reply->n_positions != count)
        status = STATUS_INTERNAL;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        newest_out[i] = reply->positions[i];
    if (status == STATUS_OK)
        snprintf(epoch_out, FEED_EPOCH_SIZE, "%s", reply->epoch);
    wire_free(reply);
    free(request.tags);
    free(tags);
    return status;
}

/* --- changed profiles ---------------------------------------------------------------------- */

static Messenger__ProfileChange *profile_of(const Messenger__Notification *change)
{
    switch (change->body_case) {
    case MESSENGER__NOTIFICATION__BODY_CONTACT_CHANGED:
        return change->contact_changed;
    case MESSENGER__NOTIFICATION__BODY_SELF_CHANGED:
        return change->self_changed;
    default:
        return NULL;
    }
}

/* For strings of a message that wire_free frees; protobuf-c uses "" for a missing string. */
static void replace_text(char **text, const char *by)
{
    if (**text != '\0')
        free(*text);
    *text = xstrdup(by);
}

static void fill_in(Messenger__ProfileChange *profile, const Messenger__User *user)
{
    replace_text(&profile->tag, user->tag);
    replace_text(&profile->first_name, user->first_name);
    replace_text(&profile->last_name, user->last_name);
    replace_text(&profile->img, user->img);
}

static const Messenger__User *find_user(const Messenger__UserList *users, const char *tag)
{
    for (size_t i = 0; i < users->n_users; i++)
        if (tag_same(users->users[i]->tag, tag))
            return users->users[i];
    return NULL;
}

/* A profile that is not there is one of a deleted account. */
static void fill_in_all(const Messenger__ChangeList *list, const char *own_tag,
                        const Messenger__UserList *users)
{
    for (size_t i = 0; i < list->n_changes; i++) {
        Messenger__ProfileChange *profile = profile_of(list->changes[i]);
        if (profile == NULL)
            continue;
        const Messenger__User *user =
            find_user(users, *profile->tag != '\0' ? profile->tag : own_tag);
        if (user != NULL)
            fill_in(profile, user);
        else
            profile->is_deleted = true;
    }
}

static enum status fetch_profiles(struct bus *bus, const char *key,
                                  const struct rpc_context *context,
                                  const Messenger__ChangeList *list)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    Messenger__UserList *users = NULL;
    char own_tag[TAG_SIZE + 1];
    enum status status = STATUS_OK;

    key_to_tag(key, own_tag);
    request.tags = xcalloc(list->n_changes, sizeof(*request.tags));
    for (size_t i = 0; i < list->n_changes; i++) {
        const Messenger__ProfileChange *profile = profile_of(list->changes[i]);
        if (profile != NULL)
            request.tags[request.n_tags++] = *profile->tag != '\0' ? profile->tag : own_tag;
    }
    if (request.n_tags > 0)
        status = rpc_call(bus, context, "user.GetUsers", &request.base,
                          &messenger__user_list__descriptor, &users, NULL);
    if (status == STATUS_OK && users != NULL)
        fill_in_all(list, own_tag, users);
    wire_free(users);
    free(request.tags);
    return status;
}

enum status feed_source_changes(struct bus *bus, const char *key, const char *epoch, uint64_t since,
                                Messenger__ChangeList **list_out)
{
    Messenger__GetChangesRequest request = MESSENGER__GET_CHANGES_REQUEST__INIT;
    char tag[TAG_SIZE + 1];
    struct rpc_context context;

    key_to_tag(key, tag);
    request.owner_tag = tag;
    request.epoch = wire_borrow(epoch);
    request.since = since;
    request.limit = CHANGES_MAX;
    rpc_context_start(&context, TIMEOUT_MS);
    enum status status = rpc_call(bus, &context, "message.GetChanges", &request.base,
                                  &messenger__change_list__descriptor, list_out, NULL);
    if (status == STATUS_OK)
        status = fetch_profiles(bus, key, &context, *list_out);
    if (status != STATUS_OK) {
        wire_free(*list_out);
        *list_out = NULL;
    }
    return status;
}
