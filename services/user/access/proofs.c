#include "services/user/access/proofs.h"

#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"

static struct id key_of(const char *secret)
{
    return id_from_parts("proof", secret);
}

enum status proofs_begin(struct user_service *service, const struct user *user,
                         const struct user_code *invite, char secret_out[CODES_SECRET_SIZE])
{
    struct user_pending pending = { .user = *user, .invite = invite->key };
    int64_t now_s = clock_wall_ms() / 1000;

    id_random_hex(secret_out, (CODES_SECRET_SIZE - 1) / 2);
    pending.key = key_of(secret_out);
    pending.expires_at_s = now_s + PROOFS_LIFETIME_S;
    return user_store_add_pending(service->store, &pending, now_s);
}

enum status proofs_find(struct user_service *service, const char *secret,
                        struct user_pending *pending_out)
{
    struct id key = key_of(secret);

    if (strnlen(secret, CODES_SECRET_SIZE) != CODES_SECRET_SIZE - 1)
        return STATUS_FORBIDDEN;
    enum status status = user_store_get_pending(service->store, &key, pending_out);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && pending_out->expires_at_s <= clock_wall_ms() / 1000))
        return STATUS_FORBIDDEN;
    return status;
}

void proofs_end(struct user_service *service, const struct user_pending *pending)
{
    enum status status = user_store_delete_pending(service->store, &pending->key);

    if (status != STATUS_OK)
        log_warn("a sign-up stays pending until it expires: %s", status_name(status));
}
