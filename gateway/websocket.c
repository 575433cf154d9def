#include "gateway/websocket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "gateway/frame_gate.h"
#include "gateway/http_auth.h"
#include "gateway/jsonrpc.h"
#include "gateway/logouts.h"
#include "gateway/methods.h"
#include "gateway/service_call.h"
#include "services/common/clock.h"
#include "services/common/log.h"

/* --- upgrade ----------------------------------------------------------------------------- */

/* Does `origin` ("https://host:port") name the host that the request was sent to? */
static bool is_own_origin(const struct http_request *request, const char *origin)
{
    const char *host = http_header(request, "Host");
    const char *authority = strstr(origin, "://");

    return host != NULL && authority != NULL && strcasecmp(authority + 3, host) == 0;
}

static bool is_in_list(const char *list, const char *origin)
{
    size_t length = strlen(origin);

    while (*list != '\0') {
        list += strspn(list, ", ");
        size_t item = strcspn(list, ", ");
        if (item > 0 && list[item - 1] == '/' && item == length + 1)
            item--; /* "http://localhost:3000/" means the same origin */
        if (item == length && length > 0 && strncasecmp(list, origin, length) == 0)
            return true;
        list += strcspn(list, ", ");
    }
    return false;
}

/* Browsers say which page opens a socket; cookies go along whoever it is. Others send no Origin. */
static bool is_origin_allowed(const struct gateway *gateway, const struct http_request *request)
{
    const char *origin = http_header(request, "Origin");

    return origin == NULL || is_own_origin(request, origin) ||
           is_in_list(gateway->settings->client_url, origin) ||
           is_in_list(gateway->settings->websocket_allowed_origins, origin);
}

static bool answer_full(struct http_request *request, enum registry_result result)
{
    if (result == REGISTRY_USER_FULL)
        http_respond_too_many(request, "TooManySocketsError", 1000);
    else
        http_respond_unavailable(request);
    return false;
}

static bool add_session(struct gateway *gateway, struct http_request *request,
                        const struct token_claims *claims, void **socket_out)
{
    char id[SESSION_ID_SIZE];

    snprintf(id, sizeof(id), "%s.%llu", gateway->id,
             atomic_fetch_add(&gateway->next_session, 1ULL));
    struct session *session = session_create(gateway->writer, id, claims,
                                             gateway->settings->websocket_ping_interval_s * 1000);
    enum registry_result result = registry_add(gateway->registry, session);
    if (result != REGISTRY_OK) {
        session_unref(&session);
        return answer_full(request, result);
    }
    *socket_out = session;
    return true;
}

static bool handle_upgrade(void *ctx, struct http_request *request, void **socket_out)
{
    struct gateway *gateway = ctx;
    const char *path = http_path(request);
    struct token_claims claims;

    if (strcmp(path, gateway->settings->websocket_path) != 0 && strcmp(path, "/") != 0) {
        http_respond_error(request, 404, "NotFoundError", "There is no socket here.");
        return false;
    }
    if (!is_origin_allowed(gateway, request)) {
        http_respond_error(request, 403, "OriginError", "This origin may not open sockets.");
        return false;
    }
    if (atomic_load(&gateway->stopping)) {
        http_respond_unavailable(request);
        return false;
    }
    switch (http_identify(gateway, request, &claims)) {
    case HTTP_KNOWN:
        return add_session(gateway, request, &claims, socket_out);
    case HTTP_NOBODY: /* let in to be told why: browsers show a close reason, but no status */
        return add_session(gateway, request, NULL, socket_out);
    default:
        http_respond_unavailable(request);
        return false;
    }
}

/* What the kernel keeps beside the outbox, about twice this. Left alone, it grows to megabytes for
 * one who does not read. */
enum { SEND_BUFFER_BYTES = 128 * 1024 };

static void handle_open(void *ctx, void *socket, int fd)
{
    struct gateway *gateway = ctx;
    struct session *session = socket;
    int bytes = SEND_BUFFER_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) != 0)
        log_warn("cannot bound a socket's buffer: errno %d", errno);

    if (session_is_anonymous(session) || logouts_is_recent(gateway, session_identity(session)->jti))
        session_close(session, WS_CLOSE_NORMAL, HTTP_NO_AUTH_REASON);
    else if (atomic_load(&gateway->stopping))
        session_close(session, WS_CLOSE_GOING_AWAY, "the server is going down");
    session_open(session, fd);
}

/* --- frames ------------------------------------------------------------------------------ */

static bool admit(void *ctx, int64_t *retry_after_ms_out)
{
    struct caller *caller = ctx;

    return ratelimit_take(caller->gateway->calls, session_key(caller->session), retry_after_ms_out);
}

static void carry_out(struct gateway *gateway, struct session *session,
                      const struct ws_input *input)
{
    struct caller caller = { gateway, session };
    struct jsonrpc_options options = {
        .methods = api_methods,
        .method_count = api_method_count,
        .numeric_version = gateway->settings->rpc_numeric_version,
        .admit = admit,
        .ctx = &caller,
    };
    struct buffer answer = { 0 };

    jsonrpc_handle(&options, input->data, input->length, &answer);
    if (answer.length > 0) {
        struct frame *frame = frame_create(FRAME_TEXT, answer.data, answer.length);
        buffer_finish(&answer);
        session_send(session, frame);
        frame_unref(&frame);
        session_wait_until_calm(session);
    }
    buffer_finish(&answer);
}

static void answer_ping(struct session *session, const struct ws_input *input)
{
    struct frame *pong = frame_create(FRAME_PONG, input->data, input->length);

    session_send(session, pong);
    frame_unref(&pong);
}

static bool handle_frame(void *ctx, void *socket, unsigned first_byte, const char *data,
                         size_t length)
{
    struct session *session = socket;

    session_heard(session);
    struct ws_input input = ws_assemble(session_assembly(session), first_byte, data, length);
    switch (input.event) {
    case WS_TEXT:
        if (!session_is_closing(session))
            carry_out(ctx, session, &input);
        return true;
    case WS_PING:
        answer_ping(session, &input);
        return true;
    case WS_CLOSE:
        session_close(session, input.code, "");
        return false;
    case WS_REFUSE:
        session_close(session, input.code, input.reason);
        return false;
    default:
        return true;
    }
}

static bool handle_close(void *ctx, void *socket, int broken)
{
    struct gateway *gateway = ctx;
    struct session *session = socket;

    if (broken != 0)
        session_close(session, broken,
                      broken == WS_CLOSE_TOO_BIG ? "message too big" : "protocol error");
    bool ours = session_is_closing(session);
    session_shut(session);
    registry_remove(gateway->registry, session);
    session_unref(&session);
    return ours;
}

const struct http_websocket_handlers websocket_handlers = {
    .upgrade = handle_upgrade,
    .open = handle_open,
    .frame = handle_frame,
    .close = handle_close,
};

/* --- the end ----------------------------------------------------------------------------- */

void websocket_close_all(struct gateway *gateway)
{
    enum { WAIT_MS = 3000, LOOK_MS = 10 };
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct timespec look = { .tv_nsec = LOOK_MS * 1000000 };

    struct registry_list sessions = registry_all(gateway->registry);
    for (size_t i = 0; i < sessions.count; i++)
        session_close(sessions.items[i], WS_CLOSE_GOING_AWAY, "the server is going down");
    registry_list_finish(&sessions);
    while (registry_count(gateway->registry) > 0 && clock_mono_ms() < until_ms)
        nanosleep(&look, NULL);
    if (registry_count(gateway->registry) > 0)
        log_warn("%zu sockets did not close in time", registry_count(gateway->registry));
}
