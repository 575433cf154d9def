/*
 * Small parsers of text from outside, one a kind; the first byte selects it. What is accepted is in
 * bounds, and is accepted again as it was normalised.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/edge/ws_accept.h"
#include "gateway/http/http_origin.h"
#include "gateway/http/http_tokens.h"
#include "gateway/limits/client_address.h"
#include "services/common/base/buffer.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/mail_address.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/common/base/tag.h"
#include "services/common/base/text.h"
#include "services/common/base/token.h"
#include "services/message/message_rules.h"
#include "services/message/store/account_name.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/doctor/doctor_hosts.h"
#include "services/messengerctl/doctor/doctor_store_url.h"
#include "services/user/login/client_network.h"
#include "services/user/mail/mail_message.h"
#include "services/user/access/registration.h"
#include "services/user/access/sessions.h"
#include "services/user/rules/user_rules.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

/* --- addresses ---------------------------------------------------------------------------------
 */

static void check_origin(const char *text)
{
    char once[HTTP_ORIGIN_SIZE], twice[HTTP_ORIGIN_SIZE];

    if (!http_origin_normalise(text, once))
        return;
    assert(strlen(once) < sizeof(once) && !text_has_control(once));
    assert(http_origin_normalise(once, twice) && strcmp(once, twice) == 0);
}

static void check_canonical(const char *text)
{
    char once[CLIENT_ADDRESS_SIZE], twice[CLIENT_ADDRESS_SIZE], group[CLIENT_ADDRESS_SIZE];
    struct client_network network;

    if (!client_address_canonical(text, once))
        return;
    assert(client_address_canonical(once, twice) && strcmp(once, twice) == 0);
    assert(networks_is_address(once));
    client_address_is_loopback(once);
    client_address_group(once, group);
    assert(client_network_parse(group, &network) && strcmp(network.name, group) == 0);
}

/* The lines are fields of X-Forwarded-For. */
static void check_forwarded(char *text)
{
    const char *values[8];
    char bad[NETWORKS_ENTRY_SIZE], out[CLIENT_ADDRESS_SIZE], again[CLIENT_ADDRESS_SIZE];
    struct networks *trusted = networks_parse("10.0.0.0/8, fd00::/8, 192.0.2.1", bad);
    size_t count = 0;

    for (char *rest = text, *line; count < 8 && (line = strtok_r(rest, "\n", &rest)) != NULL;)
        values[count++] = line;
    client_address(trusted, "10.1.2.3", values, count, out);
    assert(client_address_canonical(out, again) && strcmp(out, again) == 0);
    client_address(trusted, "198.51.100.1", values, count, out); /* nobody's word but its own */
    assert(strcmp(out, "198.51.100.1") == 0);
    networks_destroy(&trusted);
}

static void check_networks(const char *text)
{
    char bad[NETWORKS_ENTRY_SIZE];
    struct networks *networks = networks_parse(text, bad);

    if (networks == NULL) {
        assert(strlen(bad) < sizeof(bad));
        return;
    }
    networks_contain(networks, "10.0.0.1");
    networks_contain(networks, "::ffff:10.0.0.1");
    assert(!networks_contain(networks, "no address"));
    networks_destroy(&networks);
}

static void check_client_network(const char *text)
{
    struct client_network network;

    if (client_network_parse(text, &network))
        assert(strcmp(network.name, text) == 0 && strlen(network.site) < sizeof(network.site));
    else
        assert(network.name[0] == '\0' && network.site[0] == '\0');
}

static void check_hosts(const char *text)
{
    struct doctor_store_url url;
    struct doctor_host host;

    for (const char *at = text; doctor_hosts_next(&at, &host);) {
        assert(at > text && strlen(host.name) < sizeof(host.name));
        doctor_hosts_reach_of_address(host.name);
    }
    if (doctor_store_url_read(text, &url)) {
        assert(url.hosts != NULL);
        doctor_store_url_finish(&url);
    }
}

/* --- mail --------------------------------------------------------------------------------------
 */

/* A line of a message that begins a field which was not ours would be an injection. */
static void check_mail(const char *text)
{
    struct mail_message message = { "messenger@example.com", text, "s\xC3\xA9", "text\n", "id", 1 };
    struct buffer out = { 0 };

    if (mail_address_is_valid(text)) {
        assert(strlen(text) <= 254 && strpbrk(text, " \t\r\n<>\",") == NULL);
        assert(*mail_address_domain(text) != '\0');
        assert(mail_message_write(&message, &out) == STATUS_OK);
    }
    buffer_finish(&out);
    message =
        (struct mail_message){ "messenger@example.com", "amy@example.com", text, text, "id", 1 };
    if (mail_message_write(&message, &out) == STATUS_OK) {
        const char *bytes = buffer_text(&out);
        assert(strlen(bytes) == out.length && strstr(bytes, "\r\n\r\n") != NULL);
        for (const char *at = bytes; (at = strchr(at, '\n')) != NULL; at++)
            assert(at > bytes && at[-1] == '\r');
    }
    buffer_finish(&out);
}

/* --- users -------------------------------------------------------------------------------------
 */

static void check_tag(const char *text)
{
    char tag_key[TAG_SIZE], name_key[ACCOUNT_NAME_SIZE], again[TAG_SIZE];

    if (tag_to_key(text, tag_key)) {
        assert(tag_is_valid(text) && tag_same(text, text));
        assert(strspn(tag_key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(tag_key));
    }
    if (account_name_to_key(text, name_key)) {
        account_name_strip(name_key, again);
        assert(strlen(again) < TAG_SIZE);
        assert(account_name_same(text, text));
    }
    registration_is_reserved(text, "@admin");
    registration_is_reserved("admin, @root", text);
    user_rules_check_tag(text);
}

static void check_name(const char *text)
{
    char once[USER_NAME_SIZE], twice[USER_NAME_SIZE];

    if (!text_is_utf8(text, strlen(text)) || user_rules_check_name("firstName", text, once) != NULL)
        return;
    assert(text_is_utf8(once, strlen(once)) && !text_has_control(once));
    assert(text_code_points(once) >= 1 && text_code_points(once) <= 64);
    assert(user_rules_check_name("firstName", once, twice) == NULL && strcmp(once, twice) == 0);
}

static void check_email(const char *text)
{
    char once[USER_EMAIL_SIZE], twice[USER_EMAIL_SIZE];

    if (!text_is_utf8(text, strlen(text)) || user_rules_check_email(text, once) != NULL)
        return;
    if (user_rules_check_email(once, twice) == NULL)
        assert(strcmp(once, twice) == 0);
}

static void check_password(const char *text)
{
    char *once = user_rules_prepare_password(text);

    if (once != NULL) {
        char *twice = user_rules_prepare_password(once);
        assert(twice != NULL && strcmp(once, twice) == 0);
        assert(text_is_utf8(once, strlen(once)));
        free(twice);
        user_rules_check_password("password", text, 8);
    }
    free(once);
}

/* --- texts -------------------------------------------------------------------------------------
 */

static void check_text(const char *text)
{
    int64_t number;
    struct id id;
    char hex[ID_HEX + 1];

    if (text_to_int(text, -1000, 1000, &number))
        assert(number >= -1000 && number <= 1000);
    if (text_to_seconds(text, &number))
        assert(number >= 1 && number <= INT64_C(3660) * 86400);
    if (id_from_hex(text, &id)) {
        id_to_hex(&id, hex);
        assert(strcasecmp(hex, text) == 0);
    }
    char *nfc = text_nfc(text), *folded = text_casefold(text);
    bool valid = text_is_utf8(text, strlen(text));
    assert((nfc != NULL) == valid && (folded != NULL) == valid);
    if (valid) {
        char *again = text_casefold(folded);
        assert(text_is_utf8(nfc, strlen(nfc)) && again != NULL);
        free(again);
    }
    text_columns(text);
    message_rules_check_text(text);
    message_rules_check_client_id(text);
    sessions_is_id(text);
    http_tokens_is_device(text);
    free(nfc);
    free(folded);
}

static void check_console(char *text)
{
    size_t length = strlen(text);

    console_clean(text);
    assert(strlen(text) <= length && text_is_utf8(text, strlen(text)) && !text_has_control(text));
}

static void check_key(const char *text)
{
    char out[WS_ACCEPT_SIZE];

    if (!ws_accept_is_key(text))
        return;
    assert(strlen(text) == 24);
    ws_accept(text, out);
    assert(strlen(out) == WS_ACCEPT_SIZE - 1);
}

/* --- tokens ------------------------------------------------------------------------------------
 */

static void append_base64url(struct buffer *out, const void *data, size_t length)
{
    char *text = xmalloc(4 * (length / 3 + 2));
    int n = EVP_EncodeBlock((unsigned char *)text, data, (int)length);

    while (n > 0 && text[n - 1] == '=')
        n--;
    for (int i = 0; i < n; i++)
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    buffer_append(out, text, (size_t)n);
    free(text);
}

static void check_claims(const char *token)
{
    struct token_claims claims;

    if (!token_verify(key, token, 1, &claims))
        return;
    /* What they name is checked by the user service: only that it fits. */
    assert(memchr(claims.user_id, '\0', sizeof(claims.user_id)) != NULL);
    assert(memchr(claims.tag, '\0', sizeof(claims.tag)) != NULL);
    assert(memchr(claims.email, '\0', sizeof(claims.email)) != NULL);
    assert(memchr(claims.jti, '\0', sizeof(claims.jti)) != NULL);
    assert(memchr(claims.session_id, '\0', sizeof(claims.session_id)) != NULL);
    assert(claims.expires_at > 1);
}

/* The header and the claims, by a line end between, signed as ours are. */
static void check_signed(const char *text)
{
    const char *claims = strchr(text, '\n');
    struct buffer token = { 0 };
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length;

    if (claims == NULL || strlen(text) > TOKEN_MAX / 2)
        return;
    append_base64url(&token, text, (size_t)(claims - text));
    buffer_append_char(&token, '.');
    append_base64url(&token, claims + 1, strlen(claims + 1));
    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)token.data, token.length, mac,
         &length);
    buffer_append_char(&token, '.');
    append_base64url(&token, mac, length);
    check_claims(buffer_text(&token));
    buffer_finish(&token);
}

/* -----------------------------------------------------------------------------------------------
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const borrowing[])(const char *) = {
        check_origin, check_canonical, check_networks, check_client_network, check_hosts,
        check_mail,   check_tag,       check_name,     check_email,          check_password,
        check_text,   check_key,       check_claims,   check_signed,
    };
    static void (*const changing[])(char *) = { check_forwarded, check_console };
    enum { BORROWING = sizeof(borrowing) / sizeof(*borrowing), KINDS = BORROWING + 2 };

    log_init("fuzz", LOG_LEVEL_NONE);
    if (size < 1)
        return 0;
    char *text = xstrndup((const char *)data + 1, size - 1);
    unsigned kind = data[0] % KINDS;
    if (kind < BORROWING)
        borrowing[kind](text);
    else
        changing[kind - BORROWING](text);
    free(text);
    return 0;
}
