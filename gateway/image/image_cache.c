#include "gateway/image/image_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/hashmap.h"
#include "services/common/base/memory.h"

struct image {
    struct image *newer, *older;
    char *name;
    char *content_type;
    void *data;
    size_t size;
    int64_t put_ms;
};

struct image_cache {
    size_t bytes_max;
    pthread_mutex_t lock; /* guards what follows */
    size_t bytes;
    struct hashmap *images; /* name -> struct image, owned */
    struct image *newest, *oldest;
};

static void unlink_locked(struct image_cache *cache, struct image *image)
{
    if (image->newer != NULL)
        image->newer->older = image->older;
    else
        cache->newest = image->older;
    if (image->older != NULL)
        image->older->newer = image->newer;
    else
        cache->oldest = image->newer;
    image->newer = image->older = NULL;
}

static void link_newest_locked(struct image_cache *cache, struct image *image)
{
    image->older = cache->newest;
    image->newer = NULL;
    if (cache->newest != NULL)
        cache->newest->newer = image;
    else
        cache->oldest = image;
    cache->newest = image;
}

static void forget_locked(struct image_cache *cache, struct image *image)
{
    unlink_locked(cache, image);
    hashmap_remove(cache->images, image->name);
    cache->bytes -= image->size;
    free(image->name);
    free(image->content_type);
    free(image->data);
    free(image);
}

static void *copy_bytes(const void *data, size_t size)
{
    void *copy = xmalloc(size);
    memcpy(copy, data, size);
    return copy;
}

struct image_cache *image_cache_create(size_t bytes_max)
{
    struct image_cache *cache = xcalloc(1, sizeof(*cache));

    cache->bytes_max = bytes_max;
    cache->images = hashmap_create();
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void image_cache_destroy(struct image_cache **cache)
{
    if (*cache == NULL)
        return;
    while ((*cache)->oldest != NULL)
        forget_locked(*cache, (*cache)->oldest);
    hashmap_destroy(&(*cache)->images);
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

bool image_cache_get(struct image_cache *cache, const char *name, int64_t now_ms,
                     char **content_type_out, void **data_out, size_t *size_out)
{
    pthread_mutex_lock(&cache->lock);
    struct image *image = hashmap_get(cache->images, name);
    if (image != NULL && now_ms - image->put_ms > IMAGE_CACHE_KEPT_MS) {
        forget_locked(cache, image);
        image = NULL;
    }
    if (image != NULL) {
        unlink_locked(cache, image);
        link_newest_locked(cache, image);
        *content_type_out = xstrdup(image->content_type);
        *data_out = copy_bytes(image->data, image->size);
        *size_out = image->size;
    }
    pthread_mutex_unlock(&cache->lock);
    return image != NULL;
}

void image_cache_put(struct image_cache *cache, const char *name, int64_t now_ms,
                     const char *content_type, const void *data, size_t size)
{
    if (size > cache->bytes_max)
        return;
    pthread_mutex_lock(&cache->lock);
    if (hashmap_get(cache->images, name) == NULL) {
        while (cache->bytes + size > cache->bytes_max)
            forget_locked(cache, cache->oldest);
        struct image *image = xcalloc(1, sizeof(*image));
        image->name = xstrdup(name);
        image->content_type = xstrdup(content_type);
        image->data = copy_bytes(data, size);
        image->size = size;
        image->put_ms = now_ms;
        hashmap_put(cache->images, name, image);
        link_newest_locked(cache, image);
        cache->bytes += size;
    }
    pthread_mutex_unlock(&cache->lock);
}
