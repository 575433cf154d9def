#include <stdlib.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/process/service_main.h"
#include "services/user/access/registration.h"
#include "services/user/handlers.h"
#include "services/user/handlers_accounts.h"
#include "services/user/handlers_admin.h"
#include "services/user/mail/mailer.h"
#include "services/user/mail/mails.h"
#include "services/user/picture_sweep.h"

enum {
    FAST_THREADS = 8,
    FAST_QUEUE = 4096,
    SLOW_QUEUE = 1024,
    ADMIN_THREADS = 1,
    ADMIN_QUEUE = 64,
    SLOW_QUEUE_PER_NETWORK = 256, /* some seconds of hashing: what waits longer is too late */
};

struct state {
    struct user_service service;
    struct picture_sweep *pictures;
    struct rpc_server *server, *admin_server;
};

static size_t hash_threads(const struct settings *settings)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (settings->password_hash_threads > 0)
        return (size_t)settings->password_hash_threads;
    return cores > 0 ? (size_t)cores : 1;
}

static enum status open_service(struct service *process, struct user_service *service)
{
    const struct settings *settings = &process->settings;

    service->store_url = service_main_store_url(process, settings->store_users, "users.db");
    service->low_disk_bytes = settings->store_low_disk_mib << 20;
    service->bus = process->bus;
    service->cost = (struct password_cost){ (uint32_t)settings->password_hash_memory_kib,
                                            (uint32_t)settings->password_hash_passes };
    service->password_min = (size_t)settings->password_min_length;
    service->token_lifetime_s = settings->jwt_expires_in_s;
    service->reserved_tags = settings->registration_reserved_tags;
    service->invites_per_user = settings->registration_invites_per_user;
    service->invite_lifetime_s = settings->registration_invite_expires_in_s;
    service->mails_per_account = settings->limit_mails_per_account;
    service->proves_email = settings->registration_prove_email;
    service->app_url = settings->app_url;
    enum status status =
        registration_mode_from_name(settings->registration_mode, &service->registration)
            ? user_store_open(service->store_url, &service->store)
            : STATUS_INVALID_ARGUMENT;
    if (status == STATUS_OK && !password_hash(&service->cost, "no such user", service->decoy_hash,
                                              sizeof(service->decoy_hash))) {
        log_error("cannot hash a password with %u KiB of memory", service->cost.memory_kib);
        status = STATUS_INVALID_ARGUMENT;
    }
    return status;
}

static void stop_user(struct service *process, void *arg)
{
    struct state *state = arg;

    (void)process;
    rpc_server_stop(&state->admin_server);
    rpc_server_stop(&state->server);
    announcer_stop(&state->service.announcer);
    picture_sweep_stop(&state->pictures);
    mailer_stop(&state->service.mailer);
    audit_log_stop(&state->service.audit);
    login_guard_destroy(&state->service.guard);
    user_store_close(&state->service.store);
    free(state->service.store_url);
    free(state);
}

static const char *problem(void *ctx)
{
    return user_store_problem(((const struct user_service *)ctx)->store);
}

/* On threads of its own: it works while users keep the others busy. */
static enum status start_admin(struct service *process, struct state *state)
{
    struct rpc_server_options options = {
        .bus = process->bus,
        .service = "admin",
        .is_unlisted = true,
        .methods = admin_methods,
        .method_count = admin_method_count,
        .problem = problem,
        .ctx = &state->service,
        .lanes = { [RPC_FAST] = { ADMIN_THREADS, ADMIN_QUEUE } },
    };

    return rpc_server_start(&options, &state->admin_server);
}

static enum status start_user(struct service *process, void **state_out)
{
    struct state *state = xcalloc(1, sizeof(*state));
    struct rpc_server_options options = {
        .bus = process->bus,
        .service = "user",
        .methods = user_methods,
        .method_count = user_method_count,
        .problem = problem,
        .ctx = &state->service,
        .lanes = {
            [RPC_FAST] = { FAST_THREADS, FAST_QUEUE },
            [RPC_SLOW] = { hash_threads(&process->settings), SLOW_QUEUE },
        },
        .turns = { RPC_SLOW, SLOW_QUEUE_PER_NETWORK, handlers_accounts_group },
    };

    enum status status = open_service(process, &state->service);
    if (status == STATUS_OK)
        state->service.guard = login_guard_create(&(struct login_guard_options){
            .store = state->service.store,
            .per_account = process->settings.limit_failed_logins_per_account,
            .per_network_hour = process->settings.limit_failed_logins_per_address,
        });
    if (status == STATUS_OK)
        state->service.audit = audit_log_start(&(struct audit_log_options){
            .store = state->service.store,
            .keep_days = process->settings.audit_keep_days,
            .max_entries = process->settings.audit_max_entries,
        });
    if (status == STATUS_OK && process->settings.mail.smtp_url[0] != '\0')
        status = mailer_start(&process->settings.mail, mails_compose, &state->service,
                              &state->service.mailer);
    if (status == STATUS_OK)
        state->service.announcer = announcer_start(process->bus, state->service.store);
    if (status == STATUS_OK)
        state->pictures = picture_sweep_start(state->service.store);
    if (status == STATUS_OK)
        status = rpc_server_start(&options, &state->server);
    if (status == STATUS_OK)
        status = start_admin(process, state);
    if (status != STATUS_OK) {
        stop_user(process, state);
        return status;
    }
    *state_out = state;
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    static const struct service_program program = {
        .name = "user",
        .summary = "accounts, profiles, avatars",
        .start = start_user,
        .stop = stop_user,
    };
    return service_main(argc, argv, &program);
}
