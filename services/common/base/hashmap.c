#include "services/common/base/hashmap.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/id.h"
#include "services/common/base/memory.h"

/* Open addressing, linear probing; a removed slot keeps `key` NULL and `dead` set. */
struct slot {
    char *key;
    void *value;
    uint64_t hash;
    bool dead;
};

struct hashmap {
    struct slot *slots;
    size_t capacity; /* a power of two */
    size_t count;
    size_t used; /* count and the dead */
};

static uint64_t secret[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
    id_random_bytes(secret, sizeof(secret));
    secret[0] |= 1;
}

/* A keyed multiply-and-fold over 8 bytes at a time. */
static uint64_t hash_of(const char *key)
{
    size_t length = strlen(key);
    uint64_t hash = secret[1] ^ length;

    while (length > 0) {
        uint64_t block = 0;
        size_t n = length < 8 ? length : 8;
        memcpy(&block, key, n);
        __uint128_t product = (__uint128_t)(hash ^ block) * (secret[0] ^ 0x9E3779B97F4A7C15u);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ block;
        key += n;
        length -= n;
    }
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 32);
}

struct hashmap *hashmap_create(void)
{
    pthread_once(&once, make_seed);
    struct hashmap *map = xcalloc(1, sizeof(*map));
    map->capacity = 16;
    map->slots = xcalloc(map->capacity, sizeof(*map->slots));
    return map;
}

void hashmap_destroy(struct hashmap **map)
{
    if (*map == NULL)
        return;
    for (size_t i = 0; i < (*map)->capacity; i++)
        free((*map)->slots[i].key);
    free((*map)->slots);
    free(*map);
    *map = NULL;
}

static struct slot *find_slot(const struct hashmap *map, const char *key, uint64_t hash)
{
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct slot *slot = &map->slots[i];
        if (slot->key == NULL && !slot->dead)
            return NULL;
        if (slot->key != NULL && slot->hash == hash && strcmp(slot->key, key) == 0)
            return slot;
    }
}

static struct slot *find_free(const struct hashmap *map, uint64_t hash)
{
    size_t i = hash & (map->capacity - 1);
    while (map->slots[i].key != NULL)
        i = (i + 1) & (map->capacity - 1);
    return &map->slots[i];
}

static void rehash_slots(struct hashmap *map)
{
    struct slot *old = map->slots;
    size_t old_capacity = map->capacity;

    while (map->capacity < map->count * 4)
        map->capacity *= 2;
    map->slots = xcalloc(map->capacity, sizeof(*map->slots));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].key != NULL)
            *find_free(map, old[i].hash) = old[i];
    map->used = map->count;
    free(old);
}

void *hashmap_get(const struct hashmap *map, const char *key)
{
    struct slot *slot = find_slot(map, key, hash_of(key));
    return slot != NULL ? slot->value : NULL;
}

void *hashmap_put(struct hashmap *map, const char *key, void *value)
{
    assert(value != NULL);
    uint64_t hash = hash_of(key);
    struct slot *slot = find_slot(map, key, hash);

    if (slot != NULL) {
        void *before = slot->value;
        slot->value = value;
        return before;
    }
    if ((map->used + 1) * 4 > map->capacity * 3)
        rehash_slots(map);
    slot = find_free(map, hash);
    map->used += !slot->dead;
    *slot = (struct slot){ .key = xstrdup(key), .value = value, .hash = hash };
    map->count++;
    return NULL;
}

void *hashmap_remove(struct hashmap *map, const char *key)
{
    struct slot *slot = find_slot(map, key, hash_of(key));

    if (slot == NULL)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    *slot = (struct slot){ .dead = true };
    map->count--;
    return value;
}

size_t hashmap_count(const struct hashmap *map)
{
    return map->count;
}

bool hashmap_next(const struct hashmap *map, size_t *cursor, const char **key_out, void **value_out)
{
    while (*cursor < map->capacity) {
        struct slot *slot = &map->slots[(*cursor)++];
        if (slot->key == NULL)
            continue;
        *key_out = slot->key;
        *value_out = slot->value;
        return true;
    }
    return false;
}
