#include "gateway/socket/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/lock_rank.h"
#include "services/common/base/array.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/memory.h"
#include "services/common/base/places.h"

struct user_sessions {
    char tag[TAG_SIZE];
    struct session **items;
    size_t count, capacity;
};

struct slot {
    struct session *session; /* NULL = free */
    uint32_t generation;     /* distinguishes the token of an earlier session in this slot */
    size_t next_free;
    char *address; /* owned; NULL: not counted */
};

struct registry {
    struct registry_options options;
    pthread_mutex_t turn_lock; /* taken before `lock`; held while `turn` runs */
    pthread_mutex_t lock;      /* guards what follows */
    struct slot *slots;
    size_t first_free, count;
    struct hashmap *users; /* key -> struct user_sessions, owned */
    struct places *addresses;
};

size_t registry_reserve(size_t sessions_max)
{
    return sessions_max / (4 * (size_t)REGISTRY_RESERVE_STEP) * REGISTRY_RESERVE_STEP;
}

struct registry *registry_create(const struct registry_options *options)
{
    struct registry *registry = xcalloc(1, sizeof(*registry));

    registry->options = *options;
    registry->slots = xcalloc(options->sessions_max, sizeof(*registry->slots));
    for (size_t i = 0; i < options->sessions_max; i++)
        registry->slots[i].next_free = i + 1;
    registry->users = hashmap_create();
    registry->addresses = places_create(options->per_address_max);
    pthread_mutex_init(&registry->turn_lock, NULL);
    pthread_mutex_init(&registry->lock, NULL);
    return registry;
}

void registry_destroy(struct registry **registry)
{
    const char *key;
    void *user;

    if (*registry == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*registry)->users, &cursor, &key, &user);) {
        free(((struct user_sessions *)user)->items);
        free(user);
    }
    hashmap_destroy(&(*registry)->users);
    for (size_t i = 0; i < (*registry)->options.sessions_max; i++)
        free((*registry)->slots[i].address);
    places_destroy(&(*registry)->addresses);
    pthread_mutex_destroy(&(*registry)->lock);
    pthread_mutex_destroy(&(*registry)->turn_lock);
    free((*registry)->slots);
    free(*registry);
    *registry = NULL;
}

/* --- with the lock held ------------------------------------------------------------------ */

static void link_slot_locked(struct registry *registry, struct session *session,
                             const char *address)
{
    size_t index = registry->first_free;
    struct slot *slot = &registry->slots[index];

    registry->first_free = slot->next_free;
    slot->session = session_ref(session);
    slot->address = *address != '\0' ? xstrdup(address) : NULL;
    slot->generation = (slot->generation + 1) & INT32_MAX; /* tokens are less than 2^63 */
    registry->count++;
    session_set_token(session, (uint64_t)slot->generation << 32 | index);
}

static void unlink_slot_locked(struct registry *registry, struct session *session)
{
    size_t index = (size_t)(session_token(session) & UINT32_MAX);
    struct slot *slot = &registry->slots[index];

    session_unref(&slot->session);
    if (slot->address != NULL)
        places_leave(registry->addresses, slot->address);
    free(slot->address);
    slot->address = NULL;
    slot->next_free = registry->first_free;
    registry->first_free = index;
    registry->count--;
}

/* True for the user's first session. */
static bool link_user_locked(struct registry *registry, struct session *session)
{
    struct user_sessions *user = hashmap_get(registry->users, session_key(session));

    if (user == NULL) {
        user = xcalloc(1, sizeof(*user));
        memcpy(user->tag, session_identity(session)->tag, sizeof(user->tag));
        hashmap_put(registry->users, session_key(session), user);
    }
    user->items = array_reserve(user->items, user->count, &user->capacity, sizeof(*user->items));
    user->items[user->count++] = session;
    return user->count == 1;
}

/* True when the user's last session was removed. */
static bool unlink_user_locked(struct registry *registry, struct session *session)
{
    struct user_sessions *user = hashmap_get(registry->users, session_key(session));

    for (size_t i = 0; user != NULL && i < user->count; i++) {
        if (user->items[i] != session)
            continue;
        user->items[i] = user->items[--user->count];
        if (user->count > 0)
            return false;
        hashmap_remove(registry->users, session_key(session));
        free(user->items);
        free(user);
        return true;
    }
    return false;
}

static enum registry_result link_locked(struct registry *registry, struct session *session,
                                        const char *address, bool *first_out)
{
    const struct user_sessions *user = hashmap_get(registry->users, session_key(session));
    size_t max = registry->options.sessions_max;

    *first_out = false;
    if (user != NULL)
        max -= registry_reserve(max);
    if (registry->count >= max)
        return REGISTRY_FULL;
    if (user != NULL && user->count >= registry->options.per_user_max)
        return REGISTRY_USER_FULL;
    if (*address != '\0' && !places_take(registry->addresses, address))
        return REGISTRY_ADDRESS_FULL;
    link_slot_locked(registry, session, address);
    if (!session_is_anonymous(session))
        *first_out = link_user_locked(registry, session);
    return REGISTRY_OK;
}

/* --- from any thread --------------------------------------------------------------------- */

static bool unlink_session(struct registry *registry, struct session *session)
{
    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    bool last = unlink_user_locked(registry, session);
    unlink_slot_locked(registry, session);
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return last;
}

enum registry_result registry_add(struct registry *registry, struct session *session,
                                  const char *address)
{
    bool first;

    lock_order_lock(&registry->turn_lock, LOCK_RANK_TURN);
    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    enum registry_result result = link_locked(registry, session, address, &first);
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    if (first && !registry->options.turn(registry->options.ctx, session_key(session),
                                         session_identity(session)->tag, true)) {
        unlink_session(registry, session);
        result = REGISTRY_REFUSED;
    }
    lock_order_unlock(&registry->turn_lock, LOCK_RANK_TURN);
    return result;
}

void registry_remove(struct registry *registry, struct session *session)
{
    lock_order_lock(&registry->turn_lock, LOCK_RANK_TURN);
    if (unlink_session(registry, session))
        registry->options.turn(registry->options.ctx, session_key(session),
                               session_identity(session)->tag, false);
    lock_order_unlock(&registry->turn_lock, LOCK_RANK_TURN);
}

struct session *registry_find(struct registry *registry, uint64_t token)
{
    size_t index = (size_t)(token & UINT32_MAX);
    struct session *session = NULL;

    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    if (index < registry->options.sessions_max) {
        struct slot *slot = &registry->slots[index];
        if (slot->session != NULL && slot->generation == (uint32_t)(token >> 32))
            session = session_ref(slot->session);
    }
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return session;
}

struct registry_list registry_of_user(struct registry *registry, const char *key)
{
    struct registry_list list = { 0 };

    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    const struct user_sessions *user = hashmap_get(registry->users, key);
    if (user != NULL) {
        list.items = xcalloc(user->count, sizeof(struct session *));
        for (; list.count < user->count; list.count++)
            list.items[list.count] = session_ref(user->items[list.count]);
    }
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return list;
}

struct registry_list registry_all(struct registry *registry)
{
    struct registry_list list = { 0 };

    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    list.items = xcalloc(registry->count, sizeof(struct session *));
    for (size_t i = 0; i < registry->options.sessions_max && list.count < registry->count; i++)
        if (registry->slots[i].session != NULL)
            list.items[list.count++] = session_ref(registry->slots[i].session);
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return list;
}

void registry_list_finish(struct registry_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        session_unref(&list->items[i]);
    free(list->items);
    *list = (struct registry_list){ 0 };
}

bool registry_is_online(struct registry *registry, const char *key)
{
    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    bool online = hashmap_get(registry->users, key) != NULL;
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return online;
}

char **registry_tags(struct registry *registry, size_t *count_out)
{
    const char *key;
    void *user;
    size_t n = 0;

    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    char **tags = xcalloc(hashmap_count(registry->users), sizeof(*tags));
    for (size_t cursor = 0; hashmap_next(registry->users, &cursor, &key, &user);)
        tags[n++] = xstrdup(((struct user_sessions *)user)->tag);
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    *count_out = n;
    return tags;
}

size_t registry_count(struct registry *registry)
{
    lock_order_lock(&registry->lock, LOCK_RANK_REGISTRY);
    size_t count = registry->count;
    lock_order_unlock(&registry->lock, LOCK_RANK_REGISTRY);
    return count;
}
