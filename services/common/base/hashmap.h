#ifndef COMMON_BASE_HASHMAP_H
#define COMMON_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Strings to pointers. Keys are copied; values are borrowed and never freed here. The hash is
 * keyed with random bytes of the process, so that a peer cannot choose colliding keys.
 * Not thread-safe: the owner locks.
 */
struct hashmap;

struct hashmap *hashmap_create(void);
void hashmap_destroy(struct hashmap **map);

/* The value; NULL when there is none. */
void *hashmap_get(const struct hashmap *map, const char *key);

/* Sets or replaces; returns the previous value, or NULL. `value` must not be NULL (asserted). */
void *hashmap_put(struct hashmap *map, const char *key, void *value);

/* Removes; returns the value, or NULL. */
void *hashmap_remove(struct hashmap *map, const char *key);

size_t hashmap_count(const struct hashmap *map);

/*
 * Iterates in no order: start with *cursor = 0, until it returns false. The map must not change
 * meanwhile, except that the current entry may be removed.
 */
bool hashmap_next(const struct hashmap *map, size_t *cursor, const char **key_out,
                  void **value_out);

#endif
