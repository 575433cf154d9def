#ifndef COMMON_BASE_TOKEN_H
#define COMMON_BASE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The JWT (RFC 7519) that identifies a client: HS256 only, claims
 * {"data":{"_id","tag","email"},"iat","exp","jti","sid"}, times in seconds since 1970. `sid` is the
 * session (proto/user.proto); a token of an older version has none, and its `jti` is the session.
 */
enum { TOKEN_MAX = 4096 };

struct token_claims {
    char user_id[25];
    char tag[34];
    char email[255];
    char jti[33];
    char session_id[33];
    int64_t issued_at;
    int64_t expires_at;
};

/* A signed token, which the caller frees; NULL when the library fails. Fills in `jti` if it is "",
 * and `session_id` likewise with the `jti`. */
char *token_sign(const char *key, struct token_claims *claims);

/* True when the token is signed with `key` and valid at `now_s`; otherwise the claims are not
 * set. */
bool token_verify(const char *key, const char *token, int64_t now_s,
                  struct token_claims *claims_out);

#endif
