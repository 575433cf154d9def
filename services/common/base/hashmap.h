#ifndef COMMON_BASE_HASHMAP_H
#define COMMON_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Strings to pointers. Keys are copied; values are borrowed and never freed here. The hash is
 * keyed with random bytes of the process, so that nobody outside can choose colliding keys.
 * Not thread-safe: the owner locks.
 */
struct hashmap;

struct hashmap *hashmap_create(void);
void hashmap_destroy(struct hashmap **map);

/* The value, or NULL. */
void *hashmap_get(const struct hashmap *map, const char *key);

/* Sets or replaces; returns the value that was there before, or NULL. `value` is not NULL. */
void *hashmap_put(struct hashmap *map, const char *key, void *value);

/* Removes; returns the value that was there, or NULL. */
void *hashmap_remove(struct hashmap *map, const char *key);

size_t hashmap_count(const struct hashmap *map);

/*
 * Walks in no order: start with *cursor = 0, until it returns false. The map must not change
 * during the walk, except that the entry just seen may be removed.
 */
bool hashmap_next(const struct hashmap *map, size_t *cursor, const char **key_out,
                  void **value_out);

#endif
