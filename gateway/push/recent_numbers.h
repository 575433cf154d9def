#ifndef GATEWAY_PUSH_RECENT_NUMBERS_H
#define GATEWAY_PUSH_RECENT_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers by name, for at most `max` names; the name that was added first is evicted first. From
 * any thread. */
struct recent_numbers;

struct recent_numbers *recent_numbers_create(size_t max);
void recent_numbers_destroy(struct recent_numbers **recent);

/* Sets the number of a name. False, and nothing changes, when it has the same or a greater one. */
bool recent_numbers_raise(struct recent_numbers *recent, const char *name, uint64_t number);

/* Sets the number of a name, whatever it was. */
void recent_numbers_set(struct recent_numbers *recent, const char *name, uint64_t number);

/* The number of a name; 0 when it has none. */
uint64_t recent_numbers_get(struct recent_numbers *recent, const char *name);

bool recent_numbers_has(struct recent_numbers *recent, const char *name);

#endif
