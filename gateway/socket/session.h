#ifndef GATEWAY_SOCKET_SESSION_H
#define GATEWAY_SOCKET_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/socket/byte_budget.h"
#include "gateway/socket/socket_loop.h"
#include "gateway/socket/ws_frame_out.h"
#include "gateway/socket/ws_reader.h"
#include "services/common/base/tag.h"
#include "services/common/base/token.h"

/*
 * One WebSocket of one user. Counted references: the upgrade, and after it the socket's thread,
 * holds one, the registry another. One text of the client is processed at a time, and reading is
 * paused meanwhile: answers keep the order of the calls, and a client that calls has to read.
 * Sending never blocks: frames that the socket does not accept are queued in a bounded outbox. A
 * client whose outbox overflows, whose user has too much pending, or that reads fewer than
 * SESSION_RATE_MIN bytes a second while there are more, is closed with 1013.
 * All functions may be called from any thread unless they say otherwise.
 */
enum {
    SESSION_OUTBOX_MAX = 1024 * 1024,
    SESSION_OUTBOX_CALM =
        128 * 1024, /* above this no further call is read: the client has to read first */
    SESSION_OUTBOX_ROOMY =
        SESSION_OUTBOX_MAX / 2, /* above this, what can be sent later is held back by its owner */
    SESSION_RATE_MIN = 2048,
    SESSION_RATE_MS = 5000,    /* over which it is measured */
    SESSION_CLOSING_MS = 2000, /* for the client's answer to a close frame */
    SESSION_PINGS_MAX = 2,     /* unanswered ones that are tolerated */
    SESSION_ID_SIZE = 64,
    SESSION_NETWORK_SIZE = 64,
};

struct session;

/* Whose socket it is. */
struct session_user {
    struct token_claims claims;
    uint64_t epoch; /* of the account's sessions, when the token was checked (proto/user.proto) */
    char network[SESSION_NETWORK_SIZE]; /* of the client (client_address_group) */
};

/* `user` NULL: an anonymous socket, opened only to be closed with a reason. What waits to be sent
 * is taken from the budget; NULL: without one. Both are borrowed, as is the loop. */
struct session *session_create(struct socket_loop *loop, const char *id,
                               const struct session_user *user, int64_t ping_interval_ms,
                               struct byte_budget *budget);
struct session *session_ref(struct session *session);
void session_unref(struct session **session);

/* Constant after creation; borrowed. */
const char *session_id(const struct session *session);
const struct token_claims *session_identity(const struct session *session);
uint64_t session_epoch(const struct session *session);
const char *session_network(const struct session *session);
const char *session_key(const struct session *session); /* "" when anonymous */
bool session_is_anonymous(const struct session *session);

/* The socket loop's token for this session. Set by the registry, before the session is open
 * (asserted). */
void session_set_token(struct session *session, uint64_t token);
uint64_t session_token(const struct session *session);

/* The handshake has been sent: sends the frames queued before. Once (asserted). */
void session_open(struct session *session, int socket);

/* The socket's descriptor; -1 before session_open and after session_shut. */
int session_socket(struct session *session);

/* The socket is about to be closed: no thread uses it after this returns. Returns the descriptor,
 * or -1. */
int session_shut(struct session *session);

/* Sends or queues the frame; drops it when the session is closing. */
void session_send(struct session *session, struct ws_frame_out *frame);

/* Sends a close frame after the frames queued before. Only the first close counts. The client gets
 * the reason as {"Error":{"name":"SocketClosedError","message":reason}}, or as it is when it is
 * JSON or empty; NULL is empty. At most 64 bytes that need no escape. */
void session_close(struct session *session, int code, const char *reason);

/* Whether a close frame has been queued, on the request of either side. */
bool session_is_closing(struct session *session);

/* Whether at most SESSION_OUTBOX_CALM bytes are pending. */
bool session_is_calm(struct session *session);

/* Whether at most SESSION_OUTBOX_ROOMY bytes are pending. */
bool session_has_space(struct session *session);

/* --- the socket's thread ----------------------------------------------------------------- */

/* The reader of the client's frames. */
struct ws_reader *session_reader(struct session *session);

/* The client has sent something. */
void session_note_input(struct session *session);

/* The socket accepts bytes again. */
void session_writable(struct session *session);

/* The processing of a text begins. The previous one has ended (asserted). */
void session_call_begins(struct session *session);

/* Whether the call is still in progress, or too many bytes of its answer are unread. If so, the
 * socket loop reports "readable" when reading may resume. */
bool session_call_continues(struct session *session);

/* The answer has been passed to session_send. From any thread; once for each session_call_begins
 * (asserted). */
void session_call_ends(struct session *session);

/* Called by the ticking thread: pings, deadlines, expiry of the token. */
void session_tick(struct session *session, int64_t now_ms, struct ws_frame_out *ping);

#endif
