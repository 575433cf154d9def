#ifndef GATEWAY_SOCKET_SESSION_H
#define GATEWAY_SOCKET_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/socket/ws_frame_out.h"
#include "gateway/socket/socket_loop.h"
#include "gateway/socket/ws_reader.h"
#include "services/common/base/tag.h"
#include "services/common/base/token.h"

/*
 * One WebSocket of one user. Counted references: whoever made it, and then the thread that says
 * what becomes of its socket, holds one, the registry another. Of what the client sends, one text
 * at a time is carried out, and reading stops meanwhile: so answers keep the order of the calls,
 * and a client that calls has to read. Sending never blocks: what the socket does not take waits in
 * a bounded outbox; a client whose outbox overflows, or that takes nothing for SESSION_STUCK_MS, is
 * closed with 1013. All functions may be called from any thread unless they say otherwise.
 */
enum {
    SESSION_OUTBOX_MAX = 1024 * 1024,
    SESSION_OUTBOX_CALM =
        128 * 1024, /* above this no further call is read, so that who calls also reads */
    SESSION_OUTBOX_ROOMY = SESSION_OUTBOX_MAX / 2, /* what can wait, waits elsewhere above this */
    SESSION_STUCK_MS = 5000,
    SESSION_CLOSING_MS = 2000, /* for the client's answer to a close frame */
    SESSION_PINGS_MAX = 2,     /* that may stay unanswered */
    SESSION_ID_SIZE = 64,
};

struct session;

/* `identity` NULL: nobody, a socket that is only told why it is closed. */
struct session *session_create(struct socket_loop *loop, const char *id,
                               const struct token_claims *identity, int64_t ping_interval_ms);
struct session *session_ref(struct session *session);
void session_unref(struct session **session);

/* Constant after creation; borrowed. */
const char *session_id(const struct session *session);
const struct token_claims *session_identity(const struct session *session);
const char *session_key(const struct session *session); /* "" for nobody */
bool session_is_anonymous(const struct session *session);

/* The registry's: how the socket loop names this session. Set before the session is open. */
void session_set_token(struct session *session, uint64_t token);
uint64_t session_token(const struct session *session);

/* The handshake is done: what has gathered goes out. */
void session_open(struct session *session, int socket);

/* The socket's number; -1 before it is open and after it is shut. */
int session_socket(struct session *session);

/* The socket is about to be closed: nothing touches it after this returns. Returns it, or -1. */
int session_shut(struct session *session);

/* Queues or sends. A frame for a session that is closing is dropped. */
void session_send(struct session *session, struct ws_frame_out *frame);

/* Says good-bye; what was queued before goes first. Only the first close counts. */
void session_close(struct session *session, int code, const char *reason);

/* Has a close frame been queued, by whichever side's wish? */
bool session_is_closing(struct session *session);

/* Does little enough wait for the client that a good deal more may be sent? */
bool session_is_calm(struct session *session);

/* Is there room for what could also be sent later? */
bool session_has_space(struct session *session);

/* --- the socket's thread ----------------------------------------------------------------- */

/* What the client sends. */
struct ws_reader *session_reader(struct session *session);

/* The client was heard. */
void session_note_input(struct session *session);

/* The socket takes bytes again. */
void session_writable(struct session *session);

/* A text begins to be carried out. */
void session_call_begins(struct session *session);

/* Is it still under way, or so much unread that the next must wait? Then the socket loop says
 * "readable" when reading may go on. */
bool session_call_continues(struct session *session);

/* From any thread, once for each beginning: the answer has been given to session_send. */
void session_call_ends(struct session *session);

/* The ticking thread. */
void session_tick(struct session *session, int64_t now_ms, struct ws_frame_out *ping);

#endif
