#ifndef GATEWAY_SOCKET_BYTE_BUDGET_H
#define GATEWAY_SOCKET_BYTE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A budget for the bytes that are being made for clients, or that wait until clients read them: for
 * each user, and for the process. Taken before the bytes are there, given back when they are gone.
 * Without it, memory is bounded only by the number of sockets times the largest answer.
 *
 * Each user can have a small amount, BYTE_BUDGET_SMALL, even if others have exhausted the budget of
 * the process: short calls are answered whatever large ones are in progress. From any thread.
 */
enum { BYTE_BUDGET_SMALL = 64 * 1024 };

struct byte_budget;

struct byte_budget *byte_budget_create(size_t process_max, size_t user_max);

/* NULL is allowed. */
void byte_budget_destroy(struct byte_budget **budget);

/* False when there is not so much; then nothing is taken. `user` is copied. */
bool byte_budget_take(struct byte_budget *budget, const char *user, size_t bytes);

/* Takes in any case: of bytes that are there already. */
void byte_budget_force(struct byte_budget *budget, const char *user, size_t bytes);

/* At most what was taken for this user (asserted). */
void byte_budget_return(struct byte_budget *budget, const char *user, size_t bytes);

/* The bytes taken, of all users. */
size_t byte_budget_used(struct byte_budget *budget);

#endif
