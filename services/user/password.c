#include "services/user/password.h"

#include <stdio.h>
#include <string.h>

#include <argon2.h>

#include "services/common/base/id.h"

enum { SALT_BYTES = 16, HASH_BYTES = 32, LANES = 1 };

bool password_hash(const struct password_cost *cost, const char *password, char *encoded_out,
                   size_t size)
{
    unsigned char salt[SALT_BYTES];

    id_random_bytes(salt, sizeof(salt));
    return argon2id_hash_encoded(cost->passes, cost->memory_kib, LANES, password, strlen(password),
                                 salt, sizeof(salt), HASH_BYTES, encoded_out, size) == ARGON2_OK;
}

bool password_verify(const char *encoded, const char *password)
{
    return argon2id_verify(encoded, password, strlen(password)) == ARGON2_OK;
}

bool password_is_weaker(const char *encoded, const struct password_cost *cost)
{
    unsigned version, memory_kib, passes;

    if (sscanf(encoded, "$argon2id$v=%u$m=%u,t=%u,", &version, &memory_kib, &passes) != 3)
        return false;
    return cost->memory_kib >= memory_kib && cost->passes >= passes &&
           (cost->memory_kib > memory_kib || cost->passes > passes);
}
