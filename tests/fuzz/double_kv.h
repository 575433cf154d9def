/* A bucket in memory, in place of services/common/bus/bus_kv.c. Calls of the main thread may fail,
 * or find values that are no entries, as the choices of the input say (choices.h). */
#ifndef FUZZ_DOUBLE_KV_H
#define FUZZ_DOUBLE_KV_H

/* Removes all keys. While nobody watches. */
void double_kv_clear(void);

#endif
