#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/common/process/service_main.h"
#include "services/message/eraser.h"
#include "services/message/expiry.h"
#include "services/message/fanout.h"
#include "services/message/handlers.h"
#include "services/message/message_service.h"
#include "services/message/usage.h"

enum { FAST_THREADS = 8, FAST_QUEUE = 16384 };

struct state {
    struct message_service service;
    struct eraser *eraser;
    struct expiry *expiry;
    struct rpc_server *server;
};

static void stop_message(struct service *process, void *arg)
{
    struct state *state = arg;

    (void)process;
    rpc_server_stop(&state->server);
    expiry_stop(&state->expiry);
    eraser_stop(&state->eraser);
    fanout_stop(&state->service.fanout);
    user_directory_stop(&state->service.users);
    usage_stop(&state->service.usage);
    message_store_close(&state->service.store);
    free(state);
}

/* Sends the messages of a batch together. */
static void send_held(void *bus)
{
    bus_release(bus);
}

static const char *problem(void *ctx)
{
    return message_store_problem(((const struct message_service *)ctx)->store);
}

/* What the store holds. */
static void start_watching(const struct service *process, struct state *state, const char *url)
{
    const struct settings *settings = &process->settings;

    state->service.usage = usage_start(&(struct usage_options){
        .store = state->service.store,
        .url = url,
        .quota_bytes = settings->limit_stored_mib_per_user << 20,
        .low_disk_bytes = settings->store_low_disk_mib << 20,
    });
    state->expiry = expiry_start(state->service.store, settings->messages_keep_days);
}

static enum status start_message(struct service *process, void **state_out)
{
    struct state *state = xcalloc(1, sizeof(*state));
    struct message_service *service = &state->service;
    char *url = service_main_store_url(process, process->settings.store_messages, "messages.db");
    struct rpc_server_options options = {
        .bus = process->bus,
        .service = "message",
        .methods = message_methods,
        .method_count = message_method_count,
        .problem = problem,
        .ctx = service,
        .lanes = { [RPC_FAST] = { FAST_THREADS, FAST_QUEUE } },
    };

    service->bus = process->bus;
    enum status status = message_store_open(url, &service->store);
    if (status == STATUS_OK) {
        start_watching(process, state, url);
        message_store_on_reported(service->store, send_held, process->bus);
        status = user_directory_start(process->bus, service->store, &service->users);
    }
    free(url);
    service->consent = process->settings.contacts_consent;
    if (status == STATUS_OK)
        status = fanout_start(process->bus, service->store, service->users, service->consent,
                              &service->fanout);
    if (status == STATUS_OK)
        status = eraser_start(process->bus, service->store, service->fanout,
                              process->settings.accounts_erase_messages, &state->eraser);
    if (status == STATUS_OK)
        status = rpc_server_start(&options, &state->server);
    if (status != STATUS_OK) {
        stop_message(process, state);
        return status;
    }
    *state_out = state;
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    static const struct service_program program = {
        .name = "message",
        .summary = "conversations and notifications",
        .start = start_message,
        .stop = stop_message,
    };
    return service_main(argc, argv, &program);
}
