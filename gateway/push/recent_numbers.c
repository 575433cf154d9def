#include "gateway/push/recent_numbers.h"

#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct item {
    char *name; /* NULL = free */
    uint64_t number;
};

struct recent_numbers {
    pthread_mutex_t lock;  /* guards what follows */
    struct hashmap *names; /* name -> its item in the ring */
    struct item *ring;     /* in the order of insertion */
    size_t max, next;
};

struct recent_numbers *recent_numbers_create(size_t max)
{
    struct recent_numbers *recent = xcalloc(1, sizeof(*recent));

    pthread_mutex_init(&recent->lock, NULL);
    recent->names = hashmap_create();
    recent->ring = xcalloc(max, sizeof(*recent->ring));
    recent->max = max;
    return recent;
}

void recent_numbers_destroy(struct recent_numbers **recent)
{
    if (*recent == NULL)
        return;
    for (size_t i = 0; i < (*recent)->max; i++)
        free((*recent)->ring[i].name);
    free((*recent)->ring);
    hashmap_destroy(&(*recent)->names);
    pthread_mutex_destroy(&(*recent)->lock);
    free(*recent);
    *recent = NULL;
}

/* Evicts the oldest name. */
static void add_locked(struct recent_numbers *recent, const char *name, uint64_t number)
{
    struct item *item = &recent->ring[recent->next];

    recent->next = (recent->next + 1) % recent->max;
    if (item->name != NULL)
        hashmap_remove(recent->names, item->name);
    free(item->name);
    *item = (struct item){ xstrdup(name), number };
    hashmap_put(recent->names, name, item);
}

bool recent_numbers_raise(struct recent_numbers *recent, const char *name, uint64_t number)
{
    pthread_mutex_lock(&recent->lock);
    struct item *item = hashmap_get(recent->names, name);
    bool raised = item == NULL || number > item->number;
    if (item == NULL)
        add_locked(recent, name, number);
    else if (raised)
        item->number = number;
    pthread_mutex_unlock(&recent->lock);
    return raised;
}

void recent_numbers_set(struct recent_numbers *recent, const char *name, uint64_t number)
{
    pthread_mutex_lock(&recent->lock);
    struct item *item = hashmap_get(recent->names, name);
    if (item == NULL)
        add_locked(recent, name, number);
    else
        item->number = number;
    pthread_mutex_unlock(&recent->lock);
}

uint64_t recent_numbers_get(struct recent_numbers *recent, const char *name)
{
    pthread_mutex_lock(&recent->lock);
    const struct item *item = hashmap_get(recent->names, name);
    uint64_t number = item != NULL ? item->number : 0;
    pthread_mutex_unlock(&recent->lock);
    return number;
}

bool recent_numbers_has(struct recent_numbers *recent, const char *name)
{
    pthread_mutex_lock(&recent->lock);
    bool has = hashmap_get(recent->names, name) != NULL;
    pthread_mutex_unlock(&recent->lock);
    return has;
}
