#ifndef USER_LOGIN_PASSWORD_H
#define USER_LOGIN_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Argon2id (RFC 9106), one lane. Slow on purpose: call it on the slow lane only. */
struct password_cost {
    uint32_t memory_kib;
    uint32_t passes;
};

/* Writes the encoded hash ($argon2id$v=19$m=...), with a new salt. False when memory is
 * exhausted. */
bool password_hash(const struct password_cost *cost, const char *password, char *encoded_out,
                   size_t size);

/* Verifies with the parameters of the encoded hash, in time that does not depend on the data. */
bool password_verify(const char *encoded, const char *password);

/* Whether a hash with this cost takes more memory or more passes than the encoded one, and not less
 * of the other. */
bool password_is_weaker(const char *encoded, const struct password_cost *cost);

#endif
