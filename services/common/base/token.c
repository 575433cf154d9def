#include "services/common/base/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "services/common/base/id.h"
#include "services/common/base/json.h"
#include "services/common/base/json_writer.h"

static void claims_to_json(const struct token_claims *claims, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "data");
    json_begin_object(w);
    json_put_string(w, "_id", claims->user_id);
    json_put_string(w, "tag", claims->tag);
    json_put_string(w, "email", claims->email);
    json_end_object(w);
    json_put_int(w, "iat", claims->issued_at);
    json_put_int(w, "exp", claims->expires_at);
    json_put_string(w, "jti", claims->jti);
    json_put_string(w, "sid", claims->session_id);
    json_end_object(w);
}

char *token_sign(const char *key, struct token_claims *claims)
{
    struct json_writer w = { 0 };
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (claims->jti[0] == '\0')
        id_random_hex(claims->jti, 16);
    if (claims->session_id[0] == '\0')
        snprintf(claims->session_id, sizeof(claims->session_id), "%s", claims->jti);
    claims_to_json(claims, &w);
    if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, buffer_text(&w.out)) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key, (int)strlen(key)) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    buffer_finish(&w.out);
    return token;
}

static bool copy_text(const struct json *value, char *out, size_t size)
{
    const char *text = json_text(value);

    if (text == NULL || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_data(jwt_t *jwt, struct token_claims *claims)
{
    char *text = jwt_get_grants_json(jwt, "data");
    struct json *data = text != NULL ? json_parse(text, strlen(text)) : NULL;

    bool good = copy_text(json_member(data, "_id"), claims->user_id, sizeof(claims->user_id)) &&
                copy_text(json_member(data, "tag"), claims->tag, sizeof(claims->tag)) &&
                copy_text(json_member(data, "email"), claims->email, sizeof(claims->email));
    json_destroy(&data);
    free(text);
    return good;
}

bool token_verify(const char *key, const char *token, int64_t now_s,
                  struct token_claims *claims_out)
{
    struct token_claims claims = { .user_id = "" };
    jwt_t *jwt = NULL;

    if (strlen(token) > TOKEN_MAX ||
        jwt_decode(&jwt, token, (const unsigned char *)key, (int)strlen(key)) != 0)
        return false;
    const char *jti = jwt_get_grant(jwt, "jti"), *alg = jwt_get_header(jwt, "alg");
    const char *session = jwt_get_grant(jwt, "sid");
    claims.issued_at = jwt_get_grant_int(jwt, "iat");
    claims.expires_at = jwt_get_grant_int(jwt, "exp");
    /* An `iat` in the future is accepted: only we sign, so it means that our clocks differ, and
     * refusing all users would not correct them (RFC 7519, section 4.1.6, requires no check). The
     * library verifies the signature with the algorithm that the token names, in any spelling. */
    bool good = jwt_get_alg(jwt) == JWT_ALG_HS256 && alg != NULL && strcmp(alg, "HS256") == 0 &&
                claims.expires_at > now_s && claims.issued_at > 0 &&
                claims.issued_at < claims.expires_at && jti != NULL &&
                strlen(jti) < sizeof(claims.jti) && *jti != '\0' && read_data(jwt, &claims);
    if (session == NULL || *session == '\0')
        session = jti;
    good = good && strlen(session) < sizeof(claims.session_id);
    if (good) {
        snprintf(claims.jti, sizeof(claims.jti), "%s", jti);
        snprintf(claims.session_id, sizeof(claims.session_id), "%s", session);
        *claims_out = claims;
    }
    jwt_free(jwt);
    return good;
}
