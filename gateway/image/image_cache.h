#ifndef GATEWAY_IMAGE_IMAGE_CACHE_H
#define GATEWAY_IMAGE_IMAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Avatars in memory; the least recently used is evicted first. An image never changes under its
 * name, but it may be deleted with its user: so an entry is not returned any more after
 * IMAGE_CACHE_KEPT_MS. `now_ms` is monotonic. From any thread.
 */
enum { IMAGE_CACHE_KEPT_MS = 5 * 60 * 1000 };

struct image_cache;

struct image_cache *image_cache_create(size_t bytes_max);
void image_cache_destroy(struct image_cache **cache);

/* Returns copies, which the caller frees. False when the image is not cached. */
bool image_cache_get(struct image_cache *cache, const char *name, int64_t now_ms,
                     char **content_type_out, void **data_out, size_t *size_out);

/* Stores a copy, and evicts others to stay below the maximum. */
void image_cache_put(struct image_cache *cache, const char *name, int64_t now_ms,
                     const char *content_type, const void *data, size_t size);

#endif
