/*
 * Whole requests of HTTP, through the reader, the table of routes and each handler, in front of
 * services that are doubles. "%T" in the input stands for a token that is good. Each request gets
 * one answer, whose framing is right: no header of a request can add one to the answer.
 */
#include "tests/fuzz/fuzz.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "gateway/edge/edge_connection.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_routes.h"
#include "gateway/http/http_handshake.h"
#include "gateway/http/http_server.h"
#include "gateway/http/http_site.h"
#include "gateway/http/http_tokens.h"
#include "gateway/image/image_cache.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/push/presence_reporter.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/common/base/places.h"
#include "services/common/base/text.h"
#include "services/common/base/token.h"
#include "services/common/process/settings.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/double_bus.h"
#include "tests/fuzz/wire_make.h"
#include "user.pb-c.h"

enum { REQUESTS_MAX = 4, UPLOAD_MAX = 1024 * 1024 };

/* --- doubles ---------------------------------------------------------------------------------- */

bool presence_reporter_is_settled(struct presence_reporter *reporter)
{
    (void)reporter;
    return choices_byte() % 2 == 0;
}

static enum status respond(const char *subject, const void *data, size_t length,
                           struct buffer *data_out, enum status *error_out)
{
    static const struct {
        const char *subject;
        const ProtobufCMessageDescriptor *reply;
    } calls[] = {
        { "rpc.user.Register", &messenger__account__descriptor },
        { "rpc.user.ProveEmail", &messenger__account__descriptor },
        { "rpc.user.Authenticate", &messenger__account__descriptor },
        { "rpc.user.CheckToken", &messenger__check_token_reply__descriptor },
        { "rpc.user.RenewToken", &messenger__check_token_reply__descriptor },
        { "rpc.user.GetImage", &messenger__image__descriptor },
    };
    const ProtobufCMessageDescriptor *type = &messenger__empty__descriptor;
    unsigned byte = choices_byte();

    (void)data;
    (void)length;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (strcmp(calls[i].subject, subject) == 0)
            type = calls[i].reply;
    if (byte % 8 == 7)
        return choices_status();
    if (byte % 8 == 6)
        *error_out = choices_status();
    if (byte % 8 == 5)
        buffer_append(data_out, "\x0A\x7F", 2);
    else if (byte % 8 != 0 || type != &messenger__check_token_reply__descriptor) /* 0: is good */
        wire_make(*error_out != STATUS_OK ? &messenger__error_detail__descriptor : type, data_out);
    return STATUS_OK;
}

/* --- the site --------------------------------------------------------------------------------- */

static struct settings settings;
static struct http_site site;
static char *token;

static void make_site(void)
{
    static atomic_bool stopping;
    static sem_t slots;
    static char bad[NETWORKS_ENTRY_SIZE];
    struct buffer problems = { 0 };
    struct token_claims claims = { .user_id = "65f0c100000000000000000a",
                                   .tag = "@Amy",
                                   .email = "amy@example.com" };

    log_init("fuzz", LOG_LEVEL_NONE);
    double_bus_respond(respond);
    assert(settings_load(NULL, &settings, &problems) == STATUS_OK);
    free(settings.jwt_private_key);
    settings.jwt_private_key = xstrdup("0123456789abcdef0123456789abcdef");
    claims.issued_at = clock_wall_ms() / 1000 - settings.jwt_expires_in_s / 2;
    claims.expires_at = clock_wall_ms() / 1000 + settings.jwt_expires_in_s;
    token = token_sign(settings.jwt_private_key, &claims);
    sem_init(&slots, 0, 4);
    site = (struct http_site){
        .settings = &settings, .stopping = &stopping, .bus = double_bus(), .decoding_slots = &slots
    };
    site.trusted_proxies = networks_parse("192.0.2.0/24", bad);
}

/* What is counted begins anew for each input. */
static void begin_counting(void)
{
    site.images = image_cache_create(1024 * 1024);
    site.logins = ratelimit_create(1, 60000, 1);
    site.signups = ratelimit_create(1, 60000, 1);
    site.mails = ratelimit_create(1, 60000, 1);
    site.uploads = ratelimit_create(1, 60000, 1);
    site.connections = places_create(1);
}

static void end_counting(void)
{
    image_cache_destroy(&site.images);
    ratelimit_destroy(&site.logins);
    ratelimit_destroy(&site.signups);
    ratelimit_destroy(&site.mails);
    ratelimit_destroy(&site.uploads);
    places_destroy(&site.connections);
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* Lines end with CRLF, each has a name that is a token, and the length is that of the body. */
static void check_answer(const struct buffer *answer, bool has_body)
{
    const char *at = buffer_text((struct buffer *)(uintptr_t)answer), *end;
    int64_t length = -1;
    int status = 0;

    assert(sscanf(at, "HTTP/1.1 %3d ", &status) == 1 && status >= 200 && status <= 599);
    const char *body = strstr(at, "\r\n\r\n");
    assert(body != NULL);
    body += 4;
    for (at = strstr(at, "\r\n") + 2; strncmp(at, "\r\n", 2) != 0; at = end + 2) {
        const char *colon = strchr(at, ':');
        end = strstr(at, "\r\n");
        assert(end != NULL && colon != NULL && colon < end);
        assert(http_head_is_token(at, (size_t)(colon - at)));
        for (const char *c = colon; c < end; c++)
            assert((unsigned char)*c >= ' ' || *c == '\t');
        if (strncmp(at, "Content-Length: ", 16) == 0)
            length = strtoll(at + 16, NULL, 10);
    }
    size_t sent = answer->length - (size_t)(body - answer->data);
    assert(has_body ? length < 0 || sent == (size_t)length : sent == 0);
    assert(length >= 0 || sent == 0);
}

/* --- a connection ------------------------------------------------------------------------------
 */

/* As http_server.c does. */
static void serve(struct edge_connection *c, struct http_request *request)
{
    enum http_next next = http_routes_begin(&site, request);

    if (next == HTTP_NEXT_NOTHING)
        return;
    if (http_handshake_is_wanted(request)) {
        if (http_handshake_check(request))
            http_respond_error(request, 403, "ForbiddenError", "no sockets here");
        return;
    }
    if (next == HTTP_NEXT_ASK) {
        http_routes_handle(&site, request);
        if (http_request_is_answered(request))
            return;
        c->body_max = UPLOAD_MAX;
    }
    int result = edge_connection_take_body(c);
    if (result == EDGE_MORE) /* the client goes on no more */
        http_routes_refuse(&site, request, 408);
    else if (result != EDGE_COMPLETE)
        http_routes_refuse(&site, request, result);
    else
        http_routes_handle(&site, request);
}

static void serve_all(struct buffer *bytes)
{
    struct edge_connection *c =
        edge_connection_create(-1, choices_byte() % 2 == 0 ? "192.0.2.7" : "198.51.100.7");

    buffer_append(&c->in, bytes->data, bytes->length);
    for (int i = 0, result = EDGE_COMPLETE; i < REQUESTS_MAX && result == EDGE_COMPLETE; i++) {
        c->body_max = HTTP_SERVER_BODY_MAX;
        result = edge_connection_take_head(c);
        if (result == EDGE_MORE)
            break;
        struct http_request *request = http_request_create(c);
        bool has_body = result != EDGE_COMPLETE || strcmp(http_method(request), "HEAD") != 0;
        if (result != EDGE_COMPLETE)
            http_routes_refuse(&site, request, result);
        else
            serve(c, request);
        assert(http_request_is_answered(request));
        check_answer(&c->out, has_body);
        http_routes_end(&site, request);
        http_request_destroy(&request);
        buffer_clear(&c->out);
        if (c->closes || !c->body_is_complete)
            break;
        edge_connection_next(c);
    }
    edge_connection_destroy(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices_input input;
    struct buffer bytes = { 0 };

    if (site.settings == NULL)
        make_site();
    if (!choices_begin(data, size, &input))
        return 0;
    for (size_t i = 0; i < input.payload_size; i++) {
        if (i + 1 < input.payload_size && memcmp(input.payload + i, "%T", 2) == 0) {
            buffer_append(&bytes, token, strlen(token));
            i++;
        } else {
            buffer_append(&bytes, input.payload + i, 1);
        }
    }
    settings.cookie_secure = input.method % 2 != 0;
    begin_counting();
    if (bytes.length > 0)
        serve_all(&bytes);
    end_counting();
    buffer_finish(&bytes);
    return 0;
}
