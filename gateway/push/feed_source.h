#ifndef GATEWAY_PUSH_FEED_SOURCE_H
#define GATEWAY_PUSH_FEED_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus.h"
#include "sync.pb-c.h"

/* Where feeds fetch changes that the bus has dropped: calls to the services. They block, at most 2
 * s. */
enum { FEED_EPOCH_SIZE = 33 };

/* The newest user sequence of each of up to 1000 users, and the store's epoch. */
enum status feed_source_positions(struct bus *bus, const char *const *keys, size_t count,
                                  char epoch_out[FEED_EPOCH_SIZE], uint64_t *newest_out) MUST_CHECK;

/* The changes after a position; changed profiles are filled in as they are now. The caller frees
 * the list with wire_free. */
enum status feed_source_changes(struct bus *bus, const char *key, const char *epoch, uint64_t since,
                                Messenger__ChangeList **list_out) MUST_CHECK;

#endif
