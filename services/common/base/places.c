#include "services/common/base/places.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct places {
    size_t max;
    pthread_mutex_t lock;  /* guards the map */
    struct hashmap *taken; /* name -> size_t, owned; not 0 */
};

struct places *places_create(size_t max)
{
    struct places *places = xcalloc(1, sizeof(*places));

    places->max = max;
    places->taken = hashmap_create();
    pthread_mutex_init(&places->lock, NULL);
    return places;
}

void places_destroy(struct places **places)
{
    const char *name;
    void *count;

    if (*places == NULL)
        return;
    for (size_t cursor = 0; hashmap_next((*places)->taken, &cursor, &name, &count);)
        free(count);
    hashmap_destroy(&(*places)->taken);
    pthread_mutex_destroy(&(*places)->lock);
    free(*places);
    *places = NULL;
}

bool places_take(struct places *places, const char *name)
{
    if (places->max == 0)
        return true;
    pthread_mutex_lock(&places->lock);
    size_t *count = hashmap_get(places->taken, name);
    if (count == NULL) {
        count = xcalloc(1, sizeof(*count));
        hashmap_put(places->taken, name, count);
    }
    bool fits = *count < places->max;
    if (fits)
        (*count)++;
    pthread_mutex_unlock(&places->lock);
    return fits;
}

void places_leave(struct places *places, const char *name)
{
    if (places->max == 0)
        return;
    pthread_mutex_lock(&places->lock);
    size_t *count = hashmap_get(places->taken, name);
    assert(count != NULL);
    if (--*count == 0)
        free(hashmap_remove(places->taken, name));
    pthread_mutex_unlock(&places->lock);
}
