#ifndef GATEWAY_IMAGE_IMAGE_CACHE_H
#define GATEWAY_IMAGE_IMAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Avatars in memory; the least recently used is evicted first. An image never changes under its
 * name, so entries do not expire. From any thread.
 */
struct image_cache;

struct image_cache *image_cache_create(size_t bytes_max);
void image_cache_destroy(struct image_cache **cache);

/* Returns copies, which the caller frees. False when the image is not cached. */
bool image_cache_get(struct image_cache *cache, const char *name, char **content_type_out,
                     void **data_out, size_t *size_out);

/* Stores a copy, and evicts others to stay below the maximum. */
void image_cache_put(struct image_cache *cache, const char *name, const char *content_type,
                     const void *data, size_t size);

#endif
