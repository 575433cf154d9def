#include "gateway/socket/session.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "gateway/socket/lock_rank.h"
#include "gateway/socket/no_auth.h"
#include "gateway/socket/outbox.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/clock.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/lock_order.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"

struct session {
    atomic_uint references;
    struct socket_loop *loop;
    struct byte_budget *budget; /* or NULL */
    uint64_t token;
    char id[SESSION_ID_SIZE];
    struct session_user user;
    char key[TAG_SIZE];
    int64_t ping_interval_ms;
    _Atomic int64_t input_ms;
    struct ws_reader reader;

    pthread_mutex_t lock; /* guards what follows */
    int socket;           /* -1 before it is open and after it is shut */
    bool in_call;         /* a text is being processed, or its answer is unread */
    bool call_ended;      /* it has been processed */
    bool more_waits;      /* the client has sent more during the call */
    bool shut;
    bool closing;
    int64_t closing_since_ms;
    int64_t measured_since_ms; /* the rate at which the socket accepts bytes; 0: nothing waits */
    size_t measured_bytes;     /* pending then, and queued since then */
    size_t charged;            /* to the budget: as many as are pending, or a little less */
    int64_t pinged_ms;
    struct outbox outbox;
};

struct session *session_create(struct socket_loop *loop, const char *id,
                               const struct session_user *user, int64_t ping_interval_ms,
                               struct byte_budget *budget)
{
    struct session *session = xcalloc(1, sizeof(*session));

    atomic_init(&session->references, 1);
    session->loop = loop;
    session->budget = budget;
    snprintf(session->id, sizeof(session->id), "%s", id);
    if (user != NULL) {
        session->user = *user;
        tag_to_key(user->claims.tag, session->key);
    }
    session->ping_interval_ms = ping_interval_ms;
    session->pinged_ms = clock_mono_ms();
    atomic_init(&session->input_ms, session->pinged_ms);
    pthread_mutex_init(&session->lock, NULL);
    session->socket = -1;
    return session;
}

struct session *session_ref(struct session *session)
{
    atomic_fetch_add(&session->references, 1);
    return session;
}

/* The frames that are pending are there already: charges them in any case, or gives back what has
 * been sent. */
static void settle_locked(struct session *session)
{
    size_t pending = session->outbox.bytes;

    if (session->budget == NULL)
        return;
    if (pending > session->charged)
        byte_budget_force(session->budget, session->key, pending - session->charged);
    else
        byte_budget_return(session->budget, session->key, session->charged - pending);
    session->charged = pending;
}

void session_unref(struct session **session)
{
    struct session *s = *session;

    *session = NULL;
    if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1)
        return;
    outbox_finish(&s->outbox);
    settle_locked(s);
    ws_reader_finish(&s->reader);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *session_id(const struct session *session)
{
    return session->id;
}

const struct token_claims *session_identity(const struct session *session)
{
    return &session->user.claims;
}

uint64_t session_epoch(const struct session *session)
{
    return session->user.epoch;
}

const char *session_network(const struct session *session)
{
    return session->user.network;
}

const char *session_key(const struct session *session)
{
    return session->key;
}

bool session_is_anonymous(const struct session *session)
{
    return session->key[0] == '\0';
}

void session_set_token(struct session *session, uint64_t token)
{
    assert(session->socket < 0 && !session->shut);
    session->token = token;
}

uint64_t session_token(const struct session *session)
{
    return session->token;
}

struct ws_reader *session_reader(struct session *session)
{
    return &session->reader;
}

void session_note_input(struct session *session)
{
    atomic_store(&session->input_ms, clock_mono_ms());
}

/* --- sending, with the lock held --------------------------------------------------------- */

/* Ends the connection at once; the socket loop reports it, and then the session is shut. */
static void cut_locked(struct session *session)
{
    if (session->socket >= 0)
        shutdown(session->socket, SHUT_RDWR);
}

/* Allows the next call once this one has ended and few enough bytes are unread. A closing session
 * drops its frames, so it need not wait for them to be read. */
static void release_locked(struct session *session)
{
    bool calm = session->outbox.bytes <= SESSION_OUTBOX_CALM;

    if (!session->call_ended || (!calm && !session->closing && !session->shut))
        return;
    session->in_call = session->call_ended = false;
    if (session->more_waits && !session->shut)
        socket_loop_resume(session->loop, session->token);
    session->more_waits = false;
}

/* Bytes that the client's system has not received. */
static size_t unread_bytes(const struct session *session)
{
    int in_kernel = 0;

    if (session->socket >= 0 && ioctl(session->socket, SIOCOUTQ, &in_kernel) != 0)
        in_kernel = 0;
    return session->outbox.bytes + (size_t)in_kernel;
}

static void measure_locked(struct session *session, int64_t now_ms)
{
    session->measured_since_ms = now_ms;
    session->measured_bytes = unread_bytes(session);
}

static void flush_locked(struct session *session)
{
    if (session->socket < 0)
        return;
    switch (outbox_flush(&session->outbox, session->socket)) {
    case OUTBOX_EMPTY:
        session->measured_since_ms = 0;
        break;
    case OUTBOX_WAITS:
        if (session->measured_since_ms == 0)
            measure_locked(session, clock_mono_ms());
        break; /* until session_writable */
    case OUTBOX_BROKEN:
        cut_locked(session);
        break;
    }
    if (session->outbox.bytes < session->charged)
        settle_locked(session);
    release_locked(session);
}

/* The original's client runs JSON.parse on the reason. One that is JSON already, or empty, is kept.
 */
static struct ws_frame_out *create_close(int code, const char *reason)
{
    struct json_writer w = { 0 };

    if (reason == NULL || *reason == '\0' || *reason == '{')
        return ws_frame_out_create_close(code, reason);
    json_begin_object(&w);
    json_key(&w, "Error");
    json_begin_object(&w);
    json_put_string(&w, "name", "SocketClosedError");
    json_put_string(&w, "message", reason);
    json_end_object(&w);
    json_end_object(&w);
    assert(w.out.length <= WS_CLOSE_REASON_MAX);
    struct ws_frame_out *frame = ws_frame_out_create_close(code, buffer_text(&w.out));
    buffer_finish(&w.out);
    return frame;
}

static void close_locked(struct session *session, int code, const char *reason)
{
    if (session->closing || session->shut)
        return;
    struct ws_frame_out *frame = create_close(code, reason);
    outbox_push(&session->outbox, frame);
    ws_frame_out_unref(&frame);
    session->closing = true;
    session->closing_since_ms = clock_mono_ms();
    flush_locked(session);
    release_locked(session);
}

/* The client does not read: drops its pending frames, so that the close frame can reach it. */
static void give_up_locked(struct session *session, const char *reason)
{
    log_info("%s does not read: closing its socket (%s)", session->user.claims.tag, reason);
    outbox_drop_unsent(&session->outbox);
    close_locked(session, WS_CLOSE_TRY_AGAIN_LATER, reason);
    settle_locked(session);
}

/* Charges what the socket has not accepted. */
static void charge_locked(struct session *session)
{
    size_t pending = session->outbox.bytes;

    if (session->budget == NULL || pending <= session->charged)
        return;
    if (byte_budget_take(session->budget, session->key, pending - session->charged))
        session->charged = pending;
    else
        give_up_locked(session, "too many bytes are pending for its user, or for all");
}

/* Fewer bytes than it must accept, over the time of a measurement. */
static bool is_too_slow(struct session *session, int64_t now_ms)
{
    if (session->measured_since_ms == 0 || now_ms - session->measured_since_ms < SESSION_RATE_MS)
        return false;
    size_t unread = unread_bytes(session) + (size_t)SESSION_RATE_MIN * SESSION_RATE_MS / 1000;
    bool slow = unread > session->measured_bytes;
    measure_locked(session, now_ms);
    return slow;
}

/* --- from any thread --------------------------------------------------------------------- */

void session_open(struct session *session, int socket)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    assert(session->socket < 0 && !session->shut);
    session->socket = socket;
    flush_locked(session);
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

int session_socket(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    int socket = session->socket;
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
    return socket;
}

int session_shut(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    int socket = session->socket;
    session->socket = -1;
    session->shut = true;
    outbox_finish(&session->outbox);
    settle_locked(session);
    release_locked(session);
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
    return socket;
}

void session_send(struct session *session, struct ws_frame_out *frame)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    if (!session->closing && !session->shut) {
        /* A single frame may exceed the maximum; what counts is the queue behind it. */
        if (session->outbox.bytes > 0 &&
            session->outbox.bytes + frame->length > SESSION_OUTBOX_MAX) {
            give_up_locked(session, "too many bytes are unread");
        } else {
            outbox_push(&session->outbox, frame);
            session->measured_bytes += frame->length;
            if (session->outbox.count == 1)
                flush_locked(session);
            charge_locked(session);
        }
    }
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

void session_close(struct session *session, int code, const char *reason)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    close_locked(session, code, reason);
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

bool session_is_closing(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    bool closing = session->closing;
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
    return closing;
}

static bool holds_no_more_than(struct session *session, size_t bytes)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    bool result = session->shut || session->closing || session->outbox.bytes <= bytes;
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
    return result;
}

bool session_is_calm(struct session *session)
{
    return holds_no_more_than(session, SESSION_OUTBOX_CALM);
}

bool session_has_space(struct session *session)
{
    return holds_no_more_than(session, SESSION_OUTBOX_ROOMY);
}

/* --- calls ------------------------------------------------------------------------------- */

void session_call_begins(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    assert(!session->in_call);
    session->in_call = true;
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

bool session_call_continues(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    bool result = session->in_call;
    session->more_waits = result;
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
    return result;
}

void session_call_ends(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    assert(session->in_call && !session->call_ended);
    session->call_ended = true;
    release_locked(session);
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

/* --- from the socket loop ---------------------------------------------------------------- */

void session_writable(struct session *session)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    flush_locked(session);
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}

static void ping_locked(struct session *session, int64_t now_ms, struct ws_frame_out *ping)
{
    int64_t silent_ms = now_ms - atomic_load(&session->input_ms);

    if (silent_ms > session->ping_interval_ms * (SESSION_PINGS_MAX + 1)) {
        close_locked(session, WS_CLOSE_GOING_AWAY, "no answer to pings");
        cut_locked(session);
    } else if (now_ms - session->pinged_ms >= session->ping_interval_ms) {
        session->pinged_ms = now_ms;
        outbox_push(&session->outbox, ping);
        if (session->outbox.count == 1)
            flush_locked(session);
    }
}

void session_tick(struct session *session, int64_t now_ms, struct ws_frame_out *ping)
{
    lock_order_lock(&session->lock, LOCK_RANK_SESSION);
    if (session->closing) {
        if (now_ms - session->closing_since_ms > SESSION_CLOSING_MS)
            cut_locked(session);
    } else if (is_too_slow(session, now_ms)) {
        give_up_locked(session, "reads too slowly");
    } else if (session->user.claims.expires_at != 0 &&
               clock_wall_ms() / 1000 >= session->user.claims.expires_at) {
        close_locked(session, WS_CLOSE_NORMAL, NO_AUTH_REASON(NO_AUTH_EXPIRED));
    } else if (session->socket >= 0) {
        ping_locked(session, now_ms, ping);
    }
    lock_order_unlock(&session->lock, LOCK_RANK_SESSION);
}
