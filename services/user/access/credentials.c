#include "services/user/access/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/user/rules/user_rules.h"

static void free_password(char *prepared)
{
    if (prepared != NULL)
        memory_wipe(prepared, strlen(prepared));
    free(prepared);
}

enum status credentials_hash(const struct user_service *service, const char *password,
                             char hash_out[USER_HASH_SIZE])
{
    char *prepared = user_rules_prepare_password(password);
    enum status status = STATUS_INVALID_ARGUMENT;

    if (prepared != NULL)
        status = password_hash(&service->cost, prepared, hash_out, USER_HASH_SIZE)
                     ? STATUS_OK
                     : STATUS_UNAVAILABLE;
    free_password(prepared);
    return status;
}

bool credentials_verify(const char *hash, const char *password)
{
    char *prepared = user_rules_prepare_password(password);
    bool right = false;

    if (prepared != NULL)
        right = password_verify(hash, prepared);
    if (prepared == NULL || strcmp(prepared, password) != 0)
        right |= password_verify(hash, password);
    free_password(prepared);
    return right;
}

void credentials_strengthen(struct user_service *service, const struct user *user,
                            const char *password)
{
    char hash[USER_HASH_SIZE];
    struct user_credentials change = { .before = user, .password_hash = hash };

    if (!password_is_weaker(user->password_hash, &service->cost))
        return;
    enum status status = credentials_hash(service, password, hash);
    if (status == STATUS_OK)
        status = user_store_set_credentials(service->store, &change);
    if (status != STATUS_OK && status != STATUS_CONFLICT)
        log_warn("a password's hash stays at its former cost: %s", status_name(status));
    memory_wipe(hash, sizeof(hash));
}
