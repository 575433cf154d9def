#ifndef COMMON_BASE_PLACES_H
#define COMMON_BASE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* A bounded number of places for each name, such as an address. From any thread. */
struct places;

/* 0: no limit. */
struct places *places_create(size_t max);
void places_destroy(struct places **places);

/* False when `max` places of this name are taken. */
bool places_take(struct places *places, const char *name);

/* Gives a place back. One has been taken (asserted). */
void places_leave(struct places *places, const char *name);

#endif
