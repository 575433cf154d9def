#ifndef COMMON_RPC_MONITOR_H
#define COMMON_RPC_MONITOR_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/bus.h"

/*
 * Answers $SRV.PING, $SRV.INFO and $SRV.STATS (also for the name and for the instance alone) in
 * JSON as NATS ADR-32 has it, so that `nats micro ls`, `info` and `stats` show every process.
 */
struct rpc_monitor;

struct rpc_monitor_endpoint {
    char *name;
    char *subject;
    uint64_t requests, errors;
    int64_t busy_us;
    char last_error[80];
};

/* `name` is borrowed for ever. `endpoints` names them; NULL and 0 for a process that serves none.
 */
enum status rpc_monitor_start(struct bus *bus, const char *name, const char *const *endpoints,
                              size_t endpoint_count, struct rpc_monitor **monitor_out) MUST_CHECK;
void rpc_monitor_stop(struct rpc_monitor **monitor);

/* Counts one call of an endpoint; from any thread. */
void rpc_monitor_count(struct rpc_monitor *monitor, size_t endpoint, int64_t busy_us,
                       enum status status);

#endif
