#ifndef COMMON_BASE_ARRAY_H
#define COMMON_BASE_ARRAY_H

#include <stddef.h>

/*
 * Growing arrays. Returns `items_take`, reallocated when all `*capacity` places are used, so that
 * one more item can be stored at index `count`. The capacity begins at 4 and doubles. NULL with a
 * capacity of 0 is an empty array. Aborts when memory is exhausted: only for arrays whose length is
 * bounded elsewhere. Asserts count <= *capacity, and
 * that the size in bytes does not overflow.
 *
 *     list->items = array_reserve(list->items, list->count, &list->capacity, sizeof(*list->items));
 *     list->items[list->count++] = item;
 */
void *array_reserve(void *items_take, size_t count, size_t *capacity, size_t item_bytes);

#endif
