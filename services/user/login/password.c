#include "services/user/login/password.h"

#include <stdlib.h>
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

/* The number that follows a name of the encoded hash. */
static bool read_number(const char *encoded, const char *name, uint32_t *number_out)
{
    static const char kind[] = "$argon2id$";
    const char *at = strstr(encoded, name);
    char *end;

    if (strncmp(encoded, kind, sizeof(kind) - 1) != 0 || at == NULL)
        return false;
    unsigned long number = strtoul(at + strlen(name), &end, 10);
    *number_out = (uint32_t)number;
    return end > at + strlen(name) && number <= UINT32_MAX;
}

bool password_is_weaker(const char *encoded, const struct password_cost *cost)
{
    uint32_t memory_kib, passes;

    if (!read_number(encoded, "$m=", &memory_kib) || !read_number(encoded, ",t=", &passes))
        return false;
    return cost->memory_kib >= memory_kib && cost->passes >= passes &&
           (cost->memory_kib > memory_kib || cost->passes > passes);
}
