#include "gateway/client_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "gateway/api/client_calls.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_identity.h"
#include "gateway/http/http_origin.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_tokens.h"
#include "gateway/push/logouts.h"
#include "gateway/socket/no_auth.h"
#include "gateway/socket/registry.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"

/* --- upgrade ----------------------------------------------------------------------------- */

/* Browsers send the origin of the page that opens a socket, and the cookie for any page. Other
 * clients send no Origin. */
static bool is_origin_allowed(const struct client_socket_context *context,
                              const struct http_request *request)
{
    const char *origin = http_header(request, "Origin");

    return origin == NULL || http_origin_is_allowed(context->settings, request, origin);
}

static bool answer_full(struct http_request *request, enum registry_result result)
{
    if (result == REGISTRY_USER_FULL || result == REGISTRY_ADDRESS_FULL)
        http_answers_too_many(request, "TooManySocketsError", 1000);
    else
        http_answers_unavailable(request);
    return false;
}

static bool add_session(struct client_socket_context *context, struct http_request *request,
                        const struct http_token *token, void **socket_out)
{
    char id[SESSION_ID_SIZE], group[CLIENT_ADDRESS_SIZE];
    struct session_user user = { .claims = token->claims, .epoch = token->epoch };

    _Static_assert(sizeof(user.network) == CLIENT_ADDRESS_SIZE, "both hold a network");
    http_client_network(context->site, request, user.network);
    http_client_group(context->site, request, group);
    snprintf(id, sizeof(id), "%s.%llu", context->gateway_id,
             atomic_fetch_add(&context->next_session, 1ULL));
    struct session *session =
        session_create(context->loop, id, &user,
                       context->settings->websocket_ping_interval_s * 1000, context->budget);
    enum registry_result result = registry_add(context->registry, session, group);
    if (result != REGISTRY_OK) {
        session_unref(&session);
        return answer_full(request, result);
    }
    /* The user service has just confirmed that this account has the tag. */
    logouts_close_others(context->logouts, token->claims.tag, token->claims.user_id);
    *socket_out = session;
    return true;
}

/* Accepted and closed with a reason: browsers show that, but not an HTTP status. Such a socket is
 * no session, so it takes no place of one. */
static bool turn_away(struct http_request *request)
{
    struct ws_frame_out *close =
        ws_frame_out_create_close(WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));

    http_respond_upgrade(request, close->bytes, close->length);
    ws_frame_out_unref(&close);
    return false;
}

/* A browser that opens a socket gets a new token when half of the old one's time has passed. If
 * that fails, the old one is good still. */
static void renew_cookie(struct client_socket_context *context, struct http_request *request,
                         struct http_token *token)
{
    int64_t expires_at_s = http_tokens_expiry(context->site);
    struct token_claims claims = token->claims;

    if (!token->is_cookie || !http_tokens_is_due(&token->claims) ||
        http_identity_renew(context->site, request, expires_at_s, token) != HTTP_KNOWN)
        return;
    claims.jti[0] = '\0';
    claims.expires_at = expires_at_s;
    if (http_tokens_issue(context->site, request, &claims))
        token->claims = claims;
}

static bool handle_upgrade(void *ctx, struct http_request *request, void **socket_out)
{
    struct client_socket_context *context = ctx;
    const char *path = http_path(request);
    struct http_token token;

    if (strcmp(path, context->settings->websocket_path) != 0 && strcmp(path, "/") != 0) {
        http_respond_error(request, 404, "NotFoundError", "There is no socket here.");
        return false;
    }
    if (!is_origin_allowed(context, request)) {
        http_respond_error(request, 403, "OriginError", "This origin may not open sockets.");
        return false;
    }
    if (atomic_load(context->stopping)) {
        http_answers_unavailable(request);
        return false;
    }
    switch (http_identity_find(context->site, request, &token)) {
    case HTTP_KNOWN:
        renew_cookie(context, request, &token);
        return add_session(context, request, &token, socket_out);
    case HTTP_NOBODY:
        return turn_away(request);
    default:
        http_answers_unavailable(request);
        return false;
    }
}

/* --- the beginning and the end of a socket ----------------------------------------------- */

/* Ends the session, with a close frame unless `code` is 0 or one was sent. On the socket's thread,
 * or before it has one. */
static void end_socket(struct client_socket_context *context, struct session *session, int code,
                       const char *reason)
{
    struct session *made = session; /* the reference of session_create */

    if (code != 0)
        session_close(session, code, reason);
    bool gently = session_is_closing(session);
    int socket = session_shut(session);
    registry_remove(context->registry, session);
    if (socket >= 0)
        socket_loop_dismiss(context->loop, session_token(session), socket, gently);
    session_unref(&made);
}

/* The kernel's buffer besides the outbox is about twice this. By default it grows to megabytes for
 * a client that does not read. */
enum { SEND_BUFFER_BYTES = 128 * 1024 };

static void handle_open(void *ctx, void *socket, int fd)
{
    struct client_socket_context *context = ctx;
    struct session *session = socket;
    int bytes = SEND_BUFFER_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) != 0)
        log_warn("cannot bound a socket's buffer: errno %d", errno);

    if (logouts_has_ended(context->logouts, session))
        session_close(session, WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_MISSING));
    else if (logouts_may_have_ended(context->logouts, session)) /* it will be checked again */
        session_close(session, WS_CLOSE_SERVICE_RESTART, "log-ins have changed");
    else if (atomic_load(context->stopping))
        session_close(session, WS_CLOSE_GOING_AWAY, "the server is going down");
    session_open(session, fd);
    /* Once watched, the session may end at any moment. */
    if (!socket_loop_add(context->loop, fd, session_token(session)))
        end_socket(context, session, 0, "");
}

/* The library could not finish the handshake. */
static void handle_abandon(void *ctx, void *socket)
{
    end_socket(ctx, socket, 0, "");
}

struct http_websocket_handlers client_socket_handlers(struct client_socket_context *context)
{
    return (struct http_websocket_handlers){
        .upgrade = handle_upgrade,
        .open = handle_open,
        .abandon = handle_abandon,
        .ctx = context,
    };
}

/* --- what the client sends --------------------------------------------------------------- */

static void answer_ping(struct session *session, const struct ws_input *input)
{
    struct ws_frame_out *pong = ws_frame_out_create(WS_OPCODE_PONG, input->data, input->length);

    session_send(session, pong);
    ws_frame_out_unref(&pong);
}

/* False: the session has ended. */
static bool handle_input(struct client_socket_context *context, struct session *session,
                         const struct ws_input *input)
{
    switch (input->event) {
    case WS_TEXT:
        if (!session_is_closing(session))
            client_calls_begin(context->calls, session, input->data, input->length);
        return true;
    case WS_PING:
        answer_ping(session, input);
        return true;
    case WS_CLOSE:
    case WS_REFUSE:
        end_socket(context, session, input->code, input->event == WS_CLOSE ? "" : input->reason);
        return false;
    default:
        return true;
    }
}

/* Until nothing is left, a call is in progress, or READS_MAX reads have been done. */
static void read_on(struct client_socket_context *context, struct session *session)
{
    enum { READ_BYTES = 16 * 1024, READS_MAX = 8 };
    struct ws_reader *reader = session_reader(session);
    char scratch[READ_BYTES];
    int reads = 0;

    session_note_input(session);
    while (ws_reader_has_more(reader) && !session_call_continues(session)) {
        struct ws_input input = ws_reader_next(reader);
        if (input.event != WS_NOTHING) {
            if (!handle_input(context, session, &input))
                return;
            continue;
        }
        if (!reader->socket_has_more)
            break;
        if (reads++ == READS_MAX) {
            socket_loop_resume(context->loop, session_token(session));
            break;
        }
        if (!ws_reader_fill(reader, session_socket(session), scratch, sizeof(scratch))) {
            end_socket(context, session, 0, "");
            return;
        }
    }
    ws_reader_keep(reader);
}

void client_socket_ready(struct client_socket_context *context, uint64_t token, unsigned what)
{
    struct session *session = registry_find(context->registry, token);

    if (session == NULL)
        return;
    if ((what & SOCKET_WRITABLE) != 0)
        session_writable(session);
    if ((what & SOCKET_GONE) != 0) {
        end_socket(context, session, 0, "");
    } else if ((what & SOCKET_READABLE) != 0) {
        session_reader(session)->socket_has_more = true;
        session_reader(session)->socket_ended |= (what & SOCKET_ENDED) != 0;
        read_on(context, session);
    }
    session_unref(&session);
}

/* --- the end ----------------------------------------------------------------------------- */

void client_socket_close_all(struct client_socket_context *context)
{
    enum { WAIT_MS = 3000, LOOK_MS = 10 };
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct timespec look = { .tv_nsec = LOOK_MS * 1000000 };

    struct registry_list sessions = registry_all(context->registry);
    for (size_t i = 0; i < sessions.count; i++)
        session_close(sessions.items[i], WS_CLOSE_GOING_AWAY, "the server is going down");
    registry_list_finish(&sessions);
    while (registry_count(context->registry) > 0 && clock_mono_ms() < until_ms)
        nanosleep(&look, NULL);
    if (registry_count(context->registry) > 0)
        log_warn("%zu sockets did not close in time", registry_count(context->registry));
}
