#include "gateway/socket/byte_budget.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct share {
    size_t bytes;
};

struct byte_budget {
    size_t process_max, user_max;
    pthread_mutex_t lock;   /* guards what follows */
    struct hashmap *shares; /* user -> struct share, owned; only of users that have something */
    size_t used;
};

struct byte_budget *byte_budget_create(size_t process_max, size_t user_max)
{
    struct byte_budget *budget = xcalloc(1, sizeof(*budget));

    budget->process_max = process_max;
    budget->user_max = user_max;
    pthread_mutex_init(&budget->lock, NULL);
    budget->shares = hashmap_create();
    return budget;
}

void byte_budget_destroy(struct byte_budget **budget)
{
    if (*budget == NULL)
        return;
    const char *user;
    void *share;
    for (size_t cursor = 0; hashmap_next((*budget)->shares, &cursor, &user, &share);)
        free(share);
    hashmap_destroy(&(*budget)->shares);
    pthread_mutex_destroy(&(*budget)->lock);
    free(*budget);
    *budget = NULL;
}

static void add_locked(struct byte_budget *budget, struct share *share, const char *user,
                       size_t bytes)
{
    if (share == NULL) {
        share = xcalloc(1, sizeof(*share));
        hashmap_put(budget->shares, user, share);
    }
    share->bytes += bytes;
    budget->used += bytes;
}

static bool fits(const struct byte_budget *budget, size_t has, size_t bytes)
{
    if (bytes > budget->user_max || has > budget->user_max - bytes)
        return false;
    return has + bytes <= BYTE_BUDGET_SMALL ||
           (budget->used <= budget->process_max && bytes <= budget->process_max - budget->used);
}

bool byte_budget_take(struct byte_budget *budget, const char *user, size_t bytes)
{
    if (bytes == 0)
        return true;
    pthread_mutex_lock(&budget->lock);
    struct share *share = hashmap_get(budget->shares, user);
    bool taken = fits(budget, share != NULL ? share->bytes : 0, bytes);
    if (taken)
        add_locked(budget, share, user, bytes);
    pthread_mutex_unlock(&budget->lock);
    return taken;
}

void byte_budget_force(struct byte_budget *budget, const char *user, size_t bytes)
{
    if (bytes == 0)
        return;
    pthread_mutex_lock(&budget->lock);
    add_locked(budget, hashmap_get(budget->shares, user), user, bytes);
    pthread_mutex_unlock(&budget->lock);
}

void byte_budget_return(struct byte_budget *budget, const char *user, size_t bytes)
{
    if (bytes == 0)
        return;
    pthread_mutex_lock(&budget->lock);
    struct share *share = hashmap_get(budget->shares, user);
    assert(share != NULL && share->bytes >= bytes);
    share->bytes -= bytes;
    budget->used -= bytes;
    if (share->bytes == 0)
        free(hashmap_remove(budget->shares, user));
    pthread_mutex_unlock(&budget->lock);
}

size_t byte_budget_used(struct byte_budget *budget)
{
    pthread_mutex_lock(&budget->lock);
    size_t used = budget->used;
    pthread_mutex_unlock(&budget->lock);
    return used;
}
