#ifndef COMMON_PROCESS_SERVICE_MAIN_H
#define COMMON_PROCESS_SERVICE_MAIN_H

#include "services/common/bus/bus.h"
#include "services/common/process/settings.h"

/*
 * The life that all programs share: read the command line and the settings, connect to the bus,
 * start, wait for SIGTERM or SIGINT, stop. Exit codes: 0 after an orderly end, 1 when it could not
 * start or NATS refuses the log-in, 2 for a wrong command line or configuration.
 *
 * `--healthcheck` asks an instance that runs already, and ends: 0 when that one is well, 1 when
 * not.
 */
struct service {
    const char *name;
    struct settings settings;
    struct bus *bus;
};

struct service_program {
    const char *name;
    const char *summary; /* one line for --help */
    /* Sets up everything on top of the bus; on failure it has logged why and undone its part. */
    enum status (*start)(struct service *service, void **state_out);
    /* Stops taking work, finishes what was accepted, frees. */
    void (*stop)(struct service *service, void *state);
    /* As in struct bus_options, with the state; called only while it is set. May be NULL. */
    void (*on_bus_connect)(void *state);
    void (*on_bus_loss)(void *state);
    /* Is the instance of this host well? Says why, or why not, in a few words. NULL: it is asked
     * over the bus (healthcheck_ask_bus). */
    bool (*is_healthy)(const struct settings *settings, const char *name, struct buffer *why);
};

int service_main(int argc, char **argv, const struct service_program *program);

/* The URL of a store: as configured, or SQLite in the data directory. The caller frees it. */
char *service_main_store_url(const struct service *service, const char *configured,
                             const char *file_name);

#endif
