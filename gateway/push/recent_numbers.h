#ifndef GATEWAY_PUSH_RECENT_NUMBERS_H
#define GATEWAY_PUSH_RECENT_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers by name, for the names that came lately: at most `most`, and the one that came first is
 * forgotten first. From any thread. */
struct recent_numbers;

struct recent_numbers *recent_numbers_create(size_t max);
void recent_numbers_destroy(struct recent_numbers **recent);

/* Sets the number of a name unless it has the same or a higher one: false then. */
bool recent_numbers_raise(struct recent_numbers *recent, const char *name, uint64_t number);

/* The number of a name, 0 when it is not there. */
uint64_t recent_numbers_get(struct recent_numbers *recent, const char *name);

bool recent_numbers_has(struct recent_numbers *recent, const char *name);

#endif
