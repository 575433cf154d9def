#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/common/process/service_main.h"
#include "services/presence/handlers.h"
#include "services/presence/presence.h"

enum { FAST_THREADS = 4, FAST_QUEUE = 4096 };

struct state {
    struct presence *presence;
    struct rpc_server *server;
};

static void stop_presence(struct service *process, void *arg)
{
    struct state *state = arg;

    (void)process;
    rpc_server_stop(&state->server);
    presence_stop(&state->presence);
    free(state);
}

static const char *problem(void *ctx)
{
    return presence_is_ready(ctx) ? NULL : "not ready yet";
}

static enum status start_presence(struct service *process, void **state_out)
{
    struct state *state = xcalloc(1, sizeof(*state));
    struct rpc_server_options options = {
        .bus = process->bus,
        .service = "presence",
        .methods = presence_methods,
        .method_count = presence_method_count,
        .problem = problem,
        .lanes = { [RPC_FAST] = { FAST_THREADS, FAST_QUEUE } },
    };

    enum status status =
        presence_start(process->bus, process->settings.nats_replicas, &state->presence);
    options.ctx = state->presence;
    if (status == STATUS_OK)
        status = rpc_server_start(&options, &state->server);
    if (status != STATUS_OK) {
        stop_presence(process, state);
        return status;
    }
    *state_out = state;
    return STATUS_OK;
}

static void on_bus_connect(void *arg)
{
    presence_bus_connected(((struct state *)arg)->presence);
}

int main(int argc, char **argv)
{
    static const struct service_program program = {
        .name = "presence",
        .summary = "which users are online",
        .start = start_presence,
        .stop = stop_presence,
        .on_bus_connect = on_bus_connect,
    };
    return service_main(argc, argv, &program);
}
