#ifndef GATEWAY_IMAGE_IMAGE_CACHE_H
#define GATEWAY_IMAGE_IMAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Avatars lately asked for, in memory, least recently used first out. An image never changes under
 * its name, so nothing here grows stale. From any thread.
 */
struct image_cache;

struct image_cache *image_cache_create(size_t bytes_max);
void image_cache_destroy(struct image_cache **cache);

/* Copies out; the caller frees both. False when it is not here. */
bool image_cache_get(struct image_cache *cache, const char *name, char **content_type_out,
                     void **data_out, size_t *size_out);

/* Copies in, and forgets others to make room. */
void image_cache_put(struct image_cache *cache, const char *name, const char *content_type,
                     const void *data, size_t size);

#endif
