#ifndef COMMON_BASE_TURNS_H
#define COMMON_BASE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

/* One thread at a time for each name: the others wait. From any thread. */
struct turns;

struct turns *turns_create(void);

/* Nobody waits or has a turn. NULL is allowed. */
void turns_destroy(struct turns **turns);

/* Waits until no other thread has the turn of this name, at most until the time `until_us` of
 * clock_mono_us; false: it has passed. */
bool turns_take(struct turns *turns, const char *name, int64_t until_us);

/* Gives a turn back. It has been taken (asserted). */
void turns_leave(struct turns *turns, const char *name);

#endif
