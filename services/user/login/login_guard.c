#include "services/user/login/login_guard.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/turns.h"
#include "services/user/login/login_limit.h"

enum {
    TRIES_MAX = 100,   /* of a counter that others change at the same time */
    PRUNE_EVERY = 256, /* failures */
    DAY_MS = 24 * 60 * 60 * 1000,
};

struct login_guard {
    struct user_store *store;
    struct login_limit account, network, site;
    struct turns *turns; /* by the key of the account's counter */
    atomic_uint counted;
};

struct login_guard *login_guard_create(const struct login_guard_options *options)
{
    struct login_guard *guard = xcalloc(1, sizeof(*guard));

    guard->store = options->store;
    guard->account = (struct login_limit){ options->per_account, true };
    guard->network = (struct login_limit){ options->per_network_hour, false };
    guard->site =
        (struct login_limit){ options->per_network_hour * LOGIN_GUARD_SITE_FACTOR, false };
    guard->turns = turns_create();
    return guard;
}

void login_guard_destroy(struct login_guard **guard)
{
    if (*guard == NULL)
        return;
    turns_destroy(&(*guard)->turns);
    free(*guard);
    *guard = NULL;
}

/* --- one counter ------------------------------------------------------------------------- */

static struct id network_key(const char *network)
{
    return id_from_parts("network", network);
}

/* Zeroed when the limit is off or the network unknown. */
static enum status read_wait(struct login_guard *guard, const struct login_limit *limit,
                             const struct id *key, int64_t *wait_ms_out)
{
    struct failed_logins counter;

    *wait_ms_out = 0;
    if (limit->max == 0)
        return STATUS_OK;
    enum status status = user_store_get_failed(guard->store, key, &counter);
    if (status == STATUS_OK)
        *wait_ms_out = login_limit_wait_ms(limit, &counter, clock_wall_ms());
    return status;
}

/* A full table is made smaller by who adds to it. */
static void note_counted(struct login_guard *guard)
{
    if (atomic_fetch_add(&guard->counted, 1) % PRUNE_EVERY == 0 &&
        user_store_prune_failed(guard->store, clock_wall_ms(), LOGIN_GUARD_COUNTERS_MAX) !=
            STATUS_OK)
        log_warn("counters of failed log-ins could not be pruned");
}

static enum status add_failure(struct login_guard *guard, const struct login_limit *limit,
                               const struct id *key)
{
    enum status status = STATUS_CONFLICT;
    struct failed_logins counter;

    if (limit->max == 0)
        return STATUS_OK;
    for (int tries = 0; tries < TRIES_MAX && status == STATUS_CONFLICT; tries++) {
        status = user_store_get_failed(guard->store, key, &counter);
        if (status != STATUS_OK)
            return status;
        login_limit_add(limit, &counter, clock_wall_ms());
        status = user_store_put_failed(guard->store, &counter);
    }
    if (status == STATUS_OK)
        note_counted(guard);
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

static enum status take_failure_back(struct login_guard *guard, const struct id *key)
{
    enum status status = STATUS_CONFLICT;
    struct failed_logins counter;

    for (int tries = 0; tries < TRIES_MAX && status == STATUS_CONFLICT; tries++) {
        status = user_store_get_failed(guard->store, key, &counter);
        if (status != STATUS_OK || counter.version == 0)
            return status;
        login_limit_take_back(&counter);
        status = user_store_put_failed(guard->store, &counter);
    }
    return status;
}

/* Asks for the account's turn and counts the attempt, if failures of the account are counted. */
static enum status admit_account(struct login_guard *guard, struct login_attempt *attempt,
                                 int64_t *wait_ms_out)
{
    enum status status = STATUS_CONFLICT;
    struct failed_logins counter;

    *wait_ms_out = 0;
    for (int tries = 0; tries < TRIES_MAX && status == STATUS_CONFLICT; tries++) {
        int64_t now_ms = clock_wall_ms();
        status = user_store_get_failed(guard->store, &attempt->key, &counter);
        if (status != STATUS_OK || login_limit_failures(&guard->account, &counter, now_ms) == 0)
            return status;
        *wait_ms_out = login_limit_wait_ms(&guard->account, &counter, now_ms);
        if (*wait_ms_out > 0)
            return STATUS_OK;
        login_limit_add(&guard->account, &counter, now_ms);
        status = user_store_put_failed(guard->store, &counter);
    }
    attempt->is_counted = status == STATUS_OK;
    return status == STATUS_CONFLICT ? STATUS_BUSY : status;
}

/* --- whose log-in it is ------------------------------------------------------------------ */

/* Also asks for an account that does not exist, so that both take the same time. */
static enum status find_login(struct login_guard *guard, struct login_attempt *attempt)
{
    if (attempt->network.name[0] == '\0')
        return STATUS_OK;
    enum status status = user_store_get_login(guard->store, &attempt->account,
                                              attempt->network.name, &attempt->login_at_ms);
    attempt->is_known = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The first part of a key is constant, so that no e-mail makes the key of something else. */
static void choose_key(struct login_attempt *attempt, const char *email)
{
    char hex[ID_HEX + 1], place[ID_HEX + 1 + CLIENT_NETWORK_SIZE];

    id_to_hex(&attempt->account, hex);
    snprintf(place, sizeof(place), "%s.%s", hex, attempt->network.name);
    if (attempt->is_known)
        attempt->key = id_from_parts("account", place);
    else
        attempt->key = id_from_parts("e-mail", email);
}

static void log_refusal(const struct login_attempt *attempt, const char *what, int64_t wait_ms)
{
    const char *network = attempt->network.name;

    log_info("a log-in from %s is refused for %lld s: too many failures %s",
             network[0] != '\0' ? network : "an unknown network", (long long)(wait_ms + 999) / 1000,
             what);
}

/* Whether its network has failed too often. */
static enum status admit_network(struct login_guard *guard, const struct login_attempt *attempt,
                                 int64_t *wait_ms_out)
{
    struct id name = network_key(attempt->network.name), site = network_key(attempt->network.site);
    int64_t site_ms = 0;

    *wait_ms_out = 0;
    if (attempt->is_known || attempt->network.name[0] == '\0')
        return STATUS_OK;
    enum status status = read_wait(guard, &guard->network, &name, wait_ms_out);
    if (status == STATUS_OK && attempt->network.site[0] != '\0')
        status = read_wait(guard, &guard->site, &site, &site_ms);
    if (site_ms > *wait_ms_out)
        *wait_ms_out = site_ms;
    return status;
}

/* --- log-ins ----------------------------------------------------------------------------- */

static void leave_turn(struct login_guard *guard, struct login_attempt *attempt)
{
    if (attempt->turn[0] != '\0')
        turns_leave(guard->turns, attempt->turn);
    attempt->turn[0] = '\0';
}

static enum status take_turn(struct login_guard *guard, struct login_attempt *attempt,
                             int64_t deadline_us)
{
    char turn[ID_HEX + 1];

    if (guard->account.max == 0)
        return STATUS_OK;
    id_to_hex(&attempt->key, turn);
    if (!turns_take(guard->turns, turn, deadline_us))
        return STATUS_DEADLINE_EXCEEDED;
    memcpy(attempt->turn, turn, sizeof(turn));
    return STATUS_OK;
}

/* With the turn of the account. */
static enum status admit(struct login_guard *guard, struct login_attempt *attempt,
                         int64_t *retry_after_ms_out)
{
    const char *what = "in that network";

    enum status status = admit_network(guard, attempt, retry_after_ms_out);
    if (status == STATUS_OK && *retry_after_ms_out == 0 && guard->account.max > 0) {
        what = "of that account";
        status = admit_account(guard, attempt, retry_after_ms_out);
    }
    if (status != STATUS_OK || *retry_after_ms_out == 0)
        return status;
    log_refusal(attempt, what, *retry_after_ms_out);
    return STATUS_LIMITED;
}

enum status login_guard_begin(struct login_guard *guard, const char *email,
                              const struct id *account, const struct client_network *network,
                              int64_t deadline_us, struct login_attempt *attempt_out,
                              int64_t *retry_after_ms_out)
{
    *attempt_out = (struct login_attempt){ .network = *network };
    if (account != NULL)
        attempt_out->account = *account;
    enum status status = find_login(guard, attempt_out);
    if (status != STATUS_OK)
        return status;
    choose_key(attempt_out, email);
    status = take_turn(guard, attempt_out, deadline_us);
    if (status == STATUS_OK)
        status = admit(guard, attempt_out, retry_after_ms_out);
    if (status != STATUS_OK)
        leave_turn(guard, attempt_out);
    return status;
}

void login_guard_pass(struct login_guard *guard, struct login_attempt *attempt)
{
    enum status status = STATUS_OK;

    if (attempt->is_counted && attempt->is_known)
        status = user_store_clear_failed(guard->store, &attempt->key);
    else if (attempt->is_counted)
        status = take_failure_back(guard, &attempt->key);
    leave_turn(guard, attempt);
    if (status != STATUS_OK)
        log_warn("failed log-ins could not be cleared: %s", status_name(status));
    if (attempt->login_at_ms + DAY_MS <= clock_wall_ms())
        login_guard_note(guard, &attempt->account, &attempt->network);
}

enum status login_guard_fail(struct login_guard *guard, struct login_attempt *attempt)
{
    struct id name = network_key(attempt->network.name), site = network_key(attempt->network.site);
    enum status status = STATUS_OK;

    if (!attempt->is_counted)
        status = add_failure(guard, &guard->account, &attempt->key);
    leave_turn(guard, attempt);
    if (attempt->is_known || attempt->network.name[0] == '\0')
        return status;
    if (status == STATUS_OK)
        status = add_failure(guard, &guard->network, &name);
    if (status == STATUS_OK && attempt->network.site[0] != '\0')
        status = add_failure(guard, &guard->site, &site);
    return status;
}

void login_guard_note(struct login_guard *guard, const struct id *account,
                      const struct client_network *network)
{
    if (network->name[0] == '\0' || (guard->account.max == 0 && guard->network.max == 0))
        return;
    enum status status =
        user_store_put_login(guard->store, account, network->name, clock_wall_ms());
    if (status != STATUS_OK)
        log_warn("the network of a log-in could not be recorded: %s", status_name(status));
}
