#ifndef COMMON_RPC_RPC_MONITOR_H
#define COMMON_RPC_RPC_MONITOR_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/bus/bus.h"

/*
 * Answers $SRV.PING, $SRV.INFO and $SRV.STATS (also for the name and for the instance alone) in
 * JSON as NATS ADR-32 has it, so that `nats micro ls`, `info` and `stats` show every process.
 * Beyond that, $SRV.PING.<name>.<host> finds the instances of this host (rpc_monitor_host); the
 * metadata has `host`, `ready`: whether the process can do its work, and if not, `problem`.
 */
struct rpc_monitor;

enum { RPC_MONITOR_HOST_SIZE = 72 };

/* This host's name as one token of a subject. In a container, it is the container's own. */
void rpc_monitor_host(char out[RPC_MONITOR_HOST_SIZE]);

struct rpc_monitor_endpoint {
    char *name;
    char *subject;
    uint64_t requests, errors;
    int64_t busy_us;
    char last_error[80];
};

struct rpc_monitor_options {
    struct bus *bus;
    const char *name;             /* borrowed for ever */
    const char *const *endpoints; /* their names; NULL for a process without endpoints */
    size_t endpoint_count;
    const char *(*problem)(void *ctx); /* as in struct rpc_server_options */
    void *ctx;
};

enum status rpc_monitor_start(const struct rpc_monitor_options *options,
                              struct rpc_monitor **monitor_out) MUST_CHECK;
void rpc_monitor_stop(struct rpc_monitor **monitor);

/* Counts one call of an endpoint; from any thread. */
void rpc_monitor_count(struct rpc_monitor *monitor, size_t endpoint, int64_t busy_us,
                       enum status status);

#endif
