#include "services/common/base/array.h"

#include <assert.h>
#include <stdint.h>

#include "services/common/base/memory.h"

enum { FIRST_CAPACITY = 4 };

void *array_reserve(void *items_take, size_t count, size_t *capacity, size_t item_bytes)
{
    assert(count <= *capacity);
    if (count < *capacity)
        return items_take;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    assert(wanted > *capacity && wanted <= SIZE_MAX / item_bytes);
    *capacity = wanted;
    return xrealloc(items_take, wanted * item_bytes);
}
