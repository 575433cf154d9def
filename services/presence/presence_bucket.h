#ifndef PRESENCE_PRESENCE_BUCKET_H
#define PRESENCE_PRESENCE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "services/common/base/status.h"
#include "services/common/bus/bus_kv.h"
#include "services/presence/presence_table.h"

/*
 * The bucket, which may be lost with the server while threads use it, and its entries. From any
 * thread; one thread opens and withdraws it.
 */
enum { PRESENCE_BUCKET_GRACE_MS = 3000 };

struct presence_bucket;

struct presence_bucket *presence_bucket_create(void);
void presence_bucket_destroy(struct presence_bucket **bucket);

/* NULL while it is not open; else the caller must return it. */
struct bus_kv *presence_bucket_borrow(struct presence_bucket *bucket);
void presence_bucket_return(struct presence_bucket *bucket);

/* Whether the replica of the bucket can be trusted: the bucket is open, or is being opened again,
 * since at most PRESENCE_BUCKET_GRACE_MS and without a reconnect of the bus. */
bool presence_bucket_is_known(struct presence_bucket *bucket);

/* Whether the bus has not reconnected since the bucket was opened: then it is still the same
 * bucket. */
bool presence_bucket_is_same(struct presence_bucket *bucket);

/*
 * Waits until the replica has all that the borrowed bucket held when this was called: another
 * instance may just have written what a caller is about to judge. STATUS_UNAVAILABLE when the
 * bucket does not answer or is withdrawn; STATUS_DEADLINE_EXCEEDED.
 */
enum status presence_bucket_catch_up(struct presence_bucket *bucket, struct bus_kv *kv,
                                     int64_t deadline_us) MUST_CHECK;

/* --- the thread that opens it ------------------------------------------------------------ */

/* The bucket is open, since connection number `connects`; the replica has it up to `seen`. */
void presence_bucket_open(struct presence_bucket *bucket, struct bus_kv *kv, unsigned connects,
                          uint64_t seen);

/* The replica has everything up to this revision. */
void presence_bucket_note_seen(struct presence_bucket *bucket, uint64_t revision);

/* Withdraws the bucket and waits until all borrowers have returned it. */
struct bus_kv *presence_bucket_withdraw(struct presence_bucket *bucket);

/* The number of connections of the bus so far; false when stopping. */
bool presence_bucket_connects(struct presence_bucket *bucket, unsigned *connects_out);

/* Waits for a connection, or for `ms`. */
void presence_bucket_wait(struct presence_bucket *bucket, int64_t ms);

/* The bus has connected; the process is stopping. */
void presence_bucket_connected(struct presence_bucket *bucket);
void presence_bucket_stop(struct presence_bucket *bucket);

/* --- entries ----------------------------------------------------------------------------- */

/* Reads an entry from the bucket. A missing key is an entry without gateways, revision 0. The
 * caller finishes the entry in any case. */
enum status presence_bucket_fetch(struct bus_kv *kv, const char *key,
                                  struct presence_entry *entry_out,
                                  uint64_t *revision_out) MUST_CHECK;

/* As bus_kv_swap. */
enum status presence_bucket_swap(struct bus_kv *kv, const char *key,
                                 const struct presence_entry *entry, uint64_t *revision) MUST_CHECK;

#endif
