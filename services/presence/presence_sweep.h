#ifndef PRESENCE_PRESENCE_SWEEP_H
#define PRESENCE_PRESENCE_SWEEP_H

#include "services/common/bus/bus.h"
#include "services/presence/gateway_watch.h"
#include "services/presence/presence_announcer.h"
#include "services/presence/presence_bucket.h"
#include "services/presence/presence_changer.h"
#include "services/presence/presence_table.h"

/*
 * Once a second, removes the users of gateways that have been silent for too long, unless it is
 * this process that receives nothing, and announces changes that another instance has made but not
 * announced. One thread.
 */
struct presence_sweep;

struct presence_sweep_options { /* all borrowed until presence_sweep_join */
    struct bus *bus;
    struct presence_bucket *bucket;
    struct presence_table *table;
    struct gateway_watch *gateways;
    struct presence_announcer *announcer;
    struct presence_changer *changer;
};

struct presence_sweep *presence_sweep_start(const struct presence_sweep_options *options);

/* Waits for the end of the thread; presence_bucket_stop ends it. NULL is allowed. */
void presence_sweep_join(struct presence_sweep **sweep);

#endif
