/* services/common/base/token: who may come in. Hostile tokens are made by hand. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/token.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define HS256_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define DATA "\"data\":{\"_id\":\"5f7b106bbed28f24c084c440\",\"tag\":\"@bob\",\"email\":\"b@x.y\"}"
#define GOOD_CLAIMS                                                                                \
    "{" DATA ",\"iat\":1000,\"exp\":2000,\"jti\":\"00112233445566778899aabbccddeeff\"}"

enum { NOW_S = 1500 };

/* Making tokens */

static void append_base64url(char *out, const void *data, size_t length)
{
    size_t at = strlen(out);
    int n = EVP_EncodeBlock((unsigned char *)out + at, data, (int)length);
    for (char *c = out + at; c < out + at + n; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
        if (*c == '=')
            *c = '\0';
    }
}

/* Caller frees. `digest` NULL: no signature. */
static char *make_token(const char *header, const char *claims, const char *key,
                        const EVP_MD *digest)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_length = 0;
    char *token = calloc(1, 2 * (strlen(header) + strlen(claims)) + 2 * EVP_MAX_MD_SIZE + 16);
    assert_non_null(token);
    append_base64url(token, header, strlen(header));
    strcat(token, ".");
    append_base64url(token, claims, strlen(claims));
    if (digest != NULL)
        assert_non_null(HMAC(digest, key, (int)strlen(key), (unsigned char *)token, strlen(token),
                             mac, &mac_length));
    strcat(token, ".");
    append_base64url(token, mac, mac_length);
    return token;
}

static bool verify_made(const char *header, const char *claims, const char *key,
                        const EVP_MD *digest)
{
    struct token_claims out = { .user_id = "untouched" };
    char *token = make_token(header, claims, key, digest);
    bool good = token_verify(KEY, token, NOW_S, &out);
    if (!good)
        assert_string_equal(out.user_id, "untouched");
    free(token);
    return good;
}

static bool verify_claims(const char *claims)
{
    return verify_made(HS256_HEADER, claims, KEY, EVP_sha256());
}

static struct token_claims some_claims(void)
{
    return (struct token_claims){ .user_id = "5f7b106bbed28f24c084c440",
                                  .tag = "@Bob",
                                  .email = "bob@example.com",
                                  .issued_at = 1000,
                                  .expires_at = 2000 };
}

/* What we sign */

static void a_signed_token_is_verified_with_all_its_claims(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out = { .tag = "" };
    char *token = token_sign(KEY, &claims);
    assert_non_null(token);
    assert_true(token_verify(KEY, token, NOW_S, &out));
    assert_string_equal(out.user_id, claims.user_id);
    assert_string_equal(out.tag, claims.tag);
    assert_string_equal(out.email, claims.email);
    assert_string_equal(out.jti, claims.jti);
    assert_int_equal(out.issued_at, 1000);
    assert_int_equal(out.expires_at, 2000);
    free(token);
}

static void every_token_has_a_jti_of_its_own(void **state)
{
    (void)state;
    struct token_claims one = some_claims(), other = some_claims();
    char *first = token_sign(KEY, &one), *second = token_sign(KEY, &other);
    assert_int_equal(strlen(one.jti), 32);
    assert_int_equal(strlen(other.jti), 32);
    assert_string_not_equal(one.jti, other.jti);
    assert_string_not_equal(first, second);
    free(first);
    free(second);
}

static void the_longest_claims_make_a_valid_token(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out;
    memset(claims.tag, 'a', sizeof(claims.tag) - 1);
    memset(claims.email, '"', sizeof(claims.email) - 1); /* needs escapes */
    char *token = token_sign(KEY, &claims);
    assert_non_null(token);
    assert_true(strlen(token) <= TOKEN_MAX);
    assert_true(token_verify(KEY, token, NOW_S, &out));
    assert_string_equal(out.tag, claims.tag);
    assert_string_equal(out.email, claims.email);
    free(token);
}

static void the_form_is_the_one_documented(void **state)
{
    (void)state;
    assert_true(verify_claims(GOOD_CLAIMS));
    assert_true(verify_made("{\"alg\":\"HS256\"}", GOOD_CLAIMS, KEY, EVP_sha256()));
}

/* Forgeries */

static void another_key_is_refused(void **state)
{
    (void)state;
    assert_false(
        verify_made(HS256_HEADER, GOOD_CLAIMS, "another key, also of 32 bytes...", EVP_sha256()));
    assert_false(verify_made(HS256_HEADER, GOOD_CLAIMS, KEY "0", EVP_sha256()));
    assert_false(verify_made(HS256_HEADER, GOOD_CLAIMS, "", EVP_sha256()));
}

static void alg_none_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = { "{\"alg\":\"none\"}",
                                           "{\"alg\":\"None\"}",
                                           "{\"alg\":\"NONE\",\"typ\":\"JWT\"}",
                                           "{\"alg\":\"\"}",
                                           "{\"typ\":\"JWT\"}",
                                           "{\"alg\":null}",
                                           "{}" };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        assert_false(verify_made(headers[i], GOOD_CLAIMS, KEY, NULL));
        assert_false(verify_made(headers[i], GOOD_CLAIMS, KEY, EVP_sha256()));
    }
    assert_false(verify_made(HS256_HEADER, GOOD_CLAIMS, KEY, NULL));
}

static void another_algorithm_with_the_right_key_is_refused(void **state)
{
    (void)state;
    assert_false(
        verify_made("{\"alg\":\"HS512\",\"typ\":\"JWT\"}", GOOD_CLAIMS, KEY, EVP_sha512()));
    assert_false(
        verify_made("{\"alg\":\"HS384\",\"typ\":\"JWT\"}", GOOD_CLAIMS, KEY, EVP_sha384()));
    assert_false(
        verify_made("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", GOOD_CLAIMS, KEY, EVP_sha256()));
    assert_false(
        verify_made("{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD_CLAIMS, KEY, EVP_sha256()));
}

/* A changed last character of a part may be padding bits only; everything before it counts. */
static void a_token_changed_anywhere_is_refused(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out;
    char *token = token_sign(KEY, &claims);
    size_t length = strlen(token);
    for (size_t i = 0; i + 1 < length; i++) {
        char before = token[i];
        if (before == '.' || token[i + 1] == '.')
            continue;
        token[i] = before == 'A' ? 'B' : 'A';
        if (token_verify(KEY, token, NOW_S, &out))
            fail_msg("accepted with byte %zu of %zu changed", i, length);
        token[i] = before;
    }
    assert_true(token_verify(KEY, token, NOW_S, &out));
    free(token);
}

static void a_token_cut_short_is_refused(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out;
    char *token = token_sign(KEY, &claims);
    for (size_t length = strlen(token); length-- > 0;) {
        char *cut = calloc(1, length + 1);
        memcpy(cut, token, length);
        assert_false(token_verify(KEY, cut, NOW_S, &out));
        free(cut);
    }
    free(token);
}

static void anything_but_a_token_is_rejected(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         ".",
                                         "..",
                                         "...",
                                         "a.b.c",
                                         "a",
                                         "null",
                                         "{}",
                                         "\xFF.\xFF.\xFF",
                                         "eyJhbGciOiJIUzI1NiJ9..",
                                         "Bearer x.y.z",
                                         "%00.%00.%00" };
    struct token_claims out;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(token_verify(KEY, texts[i], NOW_S, &out));
}

static void an_endless_token_is_refused(void **state)
{
    (void)state;
    char *claims = calloc(1, 2 * TOKEN_MAX);
    struct token_claims out;
    int n = sprintf(claims, "{" DATA ",\"iat\":1000,\"exp\":2000,\"jti\":\"x\",\"pad\":\"");
    memset(claims + n, 'p', TOKEN_MAX);
    strcat(claims, "\"}");
    char *token = make_token(HS256_HEADER, claims, KEY, EVP_sha256());
    assert_true(strlen(token) > TOKEN_MAX);
    assert_false(token_verify(KEY, token, NOW_S, &out));
    free(token);
    free(claims);
}

/* Time */

static void a_token_is_valid_until_the_second_it_expires(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out;
    char *token = token_sign(KEY, &claims);
    assert_true(token_verify(KEY, token, 1999, &out));
    assert_false(token_verify(KEY, token, 2000, &out));
    assert_false(token_verify(KEY, token, INT64_MAX / 2, &out));
    free(token);
}

static void a_token_from_a_clock_ahead_is_valid_until_it_expires(void **state)
{
    (void)state;
    struct token_claims claims = some_claims(), out;
    char *token = token_sign(KEY, &claims);
    assert_true(token_verify(KEY, token, 500, &out));
    assert_true(token_verify(KEY, token, 1999, &out));
    assert_false(token_verify(KEY, token, 2000, &out));
    free(token);
}

/* Claims */

static void every_claim_is_needed(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{}",
        "{" DATA ",\"iat\":3000,\"exp\":2000,\"jti\":\"x\"}",
        "{" DATA ",\"iat\":1000,\"exp\":2000}",
        "{" DATA ",\"iat\":1000,\"jti\":\"x\"}",
        "{" DATA ",\"exp\":2000,\"jti\":\"x\"}",
        "{\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
        "{\"data\":{\"tag\":\"@b\",\"email\":\"e\"},\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
        "{\"data\":{\"_id\":\"i\",\"email\":\"e\"},\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
        "{\"data\":{\"_id\":\"i\",\"tag\":\"@b\"},\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
    };
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        assert_false(verify_claims(claims[i]));
    assert_true(verify_claims("{" DATA ",\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}"));
}

static void claims_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{" DATA ",\"iat\":1000,\"exp\":\"2000\",\"jti\":\"x\"}",
        "{" DATA ",\"iat\":1000,\"exp\":true,\"jti\":\"x\"}",
        "{" DATA ",\"iat\":1000,\"exp\":null,\"jti\":\"x\"}",
        "{" DATA ",\"iat\":1000,\"exp\":{},\"jti\":\"x\"}",
        "{" DATA ",\"iat\":\"1000\",\"exp\":2000,\"jti\":\"x\"}",
        "{" DATA ",\"iat\":-5,\"exp\":2000,\"jti\":\"x\"}",
        "{" DATA ",\"iat\":1000,\"exp\":2000,\"jti\":7}",
        "{" DATA ",\"iat\":1000,\"exp\":2000,\"jti\":null}",
        "{" DATA ",\"iat\":1000,\"exp\":-1,\"jti\":\"x\"}",
        "{\"data\":\"text\",\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
        "{\"data\":[],\"iat\":1000,\"exp\":2000,\"jti\":\"x\"}",
        "{\"data\":{\"_id\":1,\"tag\":\"@b\",\"email\":\"e\"},\"iat\":1000,\"exp\":2000,"
        "\"jti\":\"x\"}",
        "[]",
        "\"text\"",
        "7",
        "not json"
    };
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        if (verify_claims(claims[i]))
            fail_msg("accepted: %s", claims[i]);
}

static bool verify_lengths(size_t id, size_t tag, size_t email, size_t jti)
{
    char text[1024], fill[300];
    memset(fill, 'f', sizeof(fill));
    snprintf(text, sizeof(text),
             "{\"data\":{\"_id\":\"%.*s\",\"tag\":\"%.*s\",\"email\":\"%.*s\"},\"iat\":1000,"
             "\"exp\":2000,\"jti\":\"%.*s\"}",
             (int)id, fill, (int)tag, fill, (int)email, fill, (int)jti, fill);
    return verify_claims(text);
}

static void claims_that_are_too_long_are_rejected_and_not_truncated(void **state)
{
    (void)state;
    assert_true(verify_lengths(24, 33, 254, 32));
    assert_false(verify_lengths(25, 33, 254, 32));
    assert_false(verify_lengths(24, 34, 254, 32));
    assert_false(verify_lengths(24, 33, 255, 32));
    assert_false(verify_lengths(24, 33, 254, 33));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_token_is_verified_with_all_its_claims),
        cmocka_unit_test(every_token_has_a_jti_of_its_own),
        cmocka_unit_test(the_longest_claims_make_a_valid_token),
        cmocka_unit_test(the_form_is_the_one_documented),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(alg_none_is_refused),
        cmocka_unit_test(another_algorithm_with_the_right_key_is_refused),
        cmocka_unit_test(a_token_changed_anywhere_is_refused),
        cmocka_unit_test(a_token_cut_short_is_refused),
        cmocka_unit_test(anything_but_a_token_is_rejected),
        cmocka_unit_test(an_endless_token_is_refused),
        cmocka_unit_test(a_token_is_valid_until_the_second_it_expires),
        cmocka_unit_test(a_token_from_a_clock_ahead_is_valid_until_it_expires),
        cmocka_unit_test(every_claim_is_needed),
        cmocka_unit_test(claims_of_a_wrong_type_are_refused),
        cmocka_unit_test(claims_that_are_too_long_are_rejected_and_not_truncated),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
