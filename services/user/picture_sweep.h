#ifndef USER_PICTURE_SWEEP_H
#define USER_PICTURE_SWEEP_H

#include "services/user/store/user_store.h"

/*
 * Deletes pictures that no user shows, once they are an hour old: uploads that were never used, and
 * pictures that were replaced. On a thread of its own, at the start and then once an hour. Several
 * instances may do so at the same time.
 */
struct picture_sweep;

enum { PICTURE_SWEEP_MS = 60 * 60 * 1000 };

/* `store` is borrowed. */
struct picture_sweep *picture_sweep_start(struct user_store *store);

/* NULL is allowed. */
void picture_sweep_stop(struct picture_sweep **sweep);

#endif
