#ifndef COMMON_PROCESS_SERVICE_MAIN_H
#define COMMON_PROCESS_SERVICE_MAIN_H

#include "services/common/bus/bus.h"
#include "services/common/process/settings.h"

/*
 * What the main functions of all programs share: parse the command line, load the settings, connect
 * to the bus, start, wait for SIGTERM or SIGINT, stop. Exit status: 0 after an orderly shutdown, 1
 * when the program could not start or NATS refused the log-in, 2 for an invalid command line or
 * configuration.
 *
 * The shutdown takes less than 10 s, also on a slow or dead line to NATS: SERVICE_STOP_MS after the
 * signal nothing waits for the bus any more (bus_end_by).
 *
 * `--healthcheck` checks a running instance and exits: 0 when it is healthy, else 1.
 */
enum { SERVICE_STOP_MS = 5000 };

struct service {
    const char *name;
    struct settings settings;
    struct bus *bus;
};

struct service_program {
    const char *name;
    const char *summary; /* one line for --help */
    /* Creates everything on top of the bus; on failure it logs why and undoes its part. */
    enum status (*start)(struct service *service, void **state_out);
    /* Stops taking work, finishes what was accepted, frees. */
    void (*stop)(struct service *service, void *state);
    /* As in struct bus_options, with the state; called only while it is set. May be NULL. */
    void (*on_bus_connect)(void *state);
    void (*on_bus_loss)(void *state);
    /* Whether the instance on this host is healthy, with the reason in a few words. NULL:
     * healthcheck_ask_bus decides. */
    bool (*is_healthy)(const struct settings *settings, const char *name, struct buffer *why);
};

int service_main(int argc, char **argv, const struct service_program *program);

/* The URL of a store: as configured, or SQLite in the data directory. The caller frees it. */
char *service_main_store_url(const struct service *service, const char *configured,
                             const char *file_name);

#endif
