#include "services/message/user_directory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

/* About 100 bytes each; a full cache is cleared: active users are soon added again. */
enum { REMEMBERED_MAX = 200000 };

struct user_directory {
    struct bus *bus;
    pthread_mutex_t lock; /* guards tags */
    struct hashmap *tags; /* key -> tag as typed, owned */
};

struct user_directory *user_directory_create(struct bus *bus)
{
    struct user_directory *directory = xcalloc(1, sizeof(*directory));

    directory->bus = bus;
    pthread_mutex_init(&directory->lock, NULL);
    directory->tags = hashmap_create();
    return directory;
}

static void forget_all(struct hashmap **tags)
{
    const char *key;
    void *tag;

    for (size_t cursor = 0; hashmap_next(*tags, &cursor, &key, &tag);)
        free(tag);
    hashmap_destroy(tags);
}

void user_directory_destroy(struct user_directory **directory)
{
    if (*directory == NULL)
        return;
    forget_all(&(*directory)->tags);
    pthread_mutex_destroy(&(*directory)->lock);
    free(*directory);
    *directory = NULL;
}

static bool recall_user(struct user_directory *directory, struct message_user *user)
{
    pthread_mutex_lock(&directory->lock);
    const char *tag = hashmap_get(directory->tags, user->key);
    if (tag != NULL)
        snprintf(user->tag, sizeof(user->tag), "%s", tag);
    pthread_mutex_unlock(&directory->lock);
    return tag != NULL;
}

static void remember_user(struct user_directory *directory, const struct message_user *user)
{
    pthread_mutex_lock(&directory->lock);
    if (hashmap_count(directory->tags) >= REMEMBERED_MAX) {
        forget_all(&directory->tags);
        directory->tags = hashmap_create();
    }
    free(hashmap_put(directory->tags, user->key, xstrdup(user->tag)));
    pthread_mutex_unlock(&directory->lock);
}

bool user_directory_remembers(struct user_directory *directory, const char *tag)
{
    struct message_user user;

    return !tag_to_key(tag, user.key) || recall_user(directory, &user);
}

enum status user_directory_find(struct user_directory *directory, const struct rpc_context *context,
                                const char *tag, struct message_user *user_out)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    Messenger__UserList *reply;
    char *tags[] = { wire_borrow(tag) };

    if (!tag_to_key(tag, user_out->key))
        return STATUS_NOT_FOUND;
    if (recall_user(directory, user_out))
        return STATUS_OK;
    request.n_tags = 1;
    request.tags = tags;
    enum status status = rpc_call(directory->bus, context, "user.GetUsers", &request.base,
                                  &messenger__user_list__descriptor, &reply, NULL);
    if (status == STATUS_OK && reply->n_users == 0)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        snprintf(user_out->tag, sizeof(user_out->tag), "%s", reply->users[0]->tag);
        remember_user(directory, user_out);
    }
    wire_free(reply);
    return status;
}
