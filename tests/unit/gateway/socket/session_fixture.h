/* A session on one end of a pair of sockets, with a loop of its own; the test has the other end. */
#ifndef TESTS_UNIT_GATEWAY_SOCKET_SESSION_FIXTURE_H
#define TESTS_UNIT_GATEWAY_SOCKET_SESSION_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/session.h"
#include "gateway/socket/socket_loop.h"
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/buffer.h"
#include "services/common/base/clock.h"
#include "tests/unit/unit.h"

enum { PING_INTERVAL_MS = 30000, KIB = 1024 };

struct fixture {
    struct socket_loop *loop;
    struct byte_budget *budget; /* of 16 MiB, 8 MiB for a user */
    pthread_mutex_t lock;       /* guards session as seen by the loop's thread */
    struct session *session;
    atomic_int readable; /* how often the loop has said so of the session */
    int ours, theirs;
    struct ws_frame_out *ping;
    struct buffer heard;
    size_t looked_at; /* of what was heard */
};

/* The loop's thread: what the gateway does by way of its registry. */
static inline void on_ready(void *ctx, uint64_t token, unsigned what)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    struct session *session =
        f->session != NULL && session_token(f->session) == token ? session_ref(f->session) : NULL;
    pthread_mutex_unlock(&f->lock);
    if (session != NULL && (what & SOCKET_WRITABLE) != 0)
        session_writable(session);
    if (session != NULL && (what & SOCKET_READABLE) != 0)
        atomic_fetch_add(&f->readable, 1);
    session_unref(&session);
}

static inline void on_tick(void *ctx, int64_t now_ms)
{
    (void)ctx;
    (void)now_ms; /* the tests tick by hand */
}

static inline struct session_user bob(void)
{
    return (struct session_user){ .claims = { .user_id = "5f7b106bbed28f24c084c440",
                                              .tag = "@Bob",
                                              .email = "bob@example.com",
                                              .jti = "j" } };
}

static inline int set_up_with(void **state, const struct session_user *user)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct socket_loop_options options = {
        .threads = 1, .on_ready = on_ready, .on_tick = on_tick, .ctx = f
    };
    int pair[2], size = 4 * KIB;
    if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    f->ours = pair[0];
    f->theirs = pair[1];
    setsockopt(f->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pthread_mutex_init(&f->lock, NULL);
    f->budget = byte_budget_create((size_t)16384 * KIB, (size_t)8192 * KIB);
    f->loop = socket_loop_create(&options);
    f->session = session_create(f->loop, "gw.1", user, PING_INTERVAL_MS, f->budget);
    session_set_token(f->session, 77);
    f->ping = ws_frame_out_create(WS_OPCODE_PING, NULL, 0);
    *state = f;
    return 0;
}

static inline int set_up(void **state)
{
    struct session_user user = bob();
    return set_up_with(state, &user);
}

static inline int set_up_anonymous(void **state)
{
    return set_up_with(state, NULL);
}

/* As the gateway opens one. */
static inline void open_session(struct fixture *f)
{
    session_open(f->session, f->ours);
    assert_true(socket_loop_add(f->loop, f->ours, session_token(f->session)));
}

static inline void shut(struct fixture *f)
{
    session_shut(f->session);
    close(f->ours);
    f->ours = -1;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->ours >= 0)
        shut(f);
    pthread_mutex_lock(&f->lock);
    session_unref(&f->session);
    pthread_mutex_unlock(&f->lock);
    socket_loop_destroy(&f->loop);
    byte_budget_destroy(&f->budget);
    pthread_mutex_destroy(&f->lock);
    ws_frame_out_unref(&f->ping);
    buffer_finish(&f->heard);
    close(f->theirs);
    free(f);
    return 0;
}

/* The client's side */

static inline void send_filled(struct fixture *f, char fill, size_t frame_length)
{
    size_t header = frame_length - 2 < 126 ? 2 : frame_length - 4 < 65536 ? 4 : 10;
    char *payload = malloc(frame_length);
    assert_non_null(payload);
    memset(payload, fill, frame_length);
    struct ws_frame_out *frame =
        ws_frame_out_create(WS_OPCODE_TEXT, payload, frame_length - header);
    assert_int_equal(frame->length, frame_length);
    session_send(f->session, frame);
    ws_frame_out_unref(&frame);
    free(payload);
}

/* Blocks until there are `length` bytes more than were looked at. False at the end of the stream.
 */
static inline bool receive_bytes(struct fixture *f, size_t length)
{
    while (f->heard.length - f->looked_at < length) {
        char bytes[64 * KIB];
        ssize_t n = read(f->theirs, bytes, sizeof(bytes));
        if (n <= 0)
            return false;
        buffer_append(&f->heard, bytes, (size_t)n);
    }
    return true;
}

struct heard_frame {
    unsigned opcode;
    const char *payload; /* until the next one */
    size_t length;
    int code; /* of a close frame */
};

static inline struct heard_frame next_frame(struct fixture *f)
{
    assert_true(receive_bytes(f, 2));
    const unsigned char *at = (unsigned char *)f->heard.data + f->looked_at;
    size_t length = at[1], bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    assert_true(receive_bytes(f, 2 + bytes));
    at = (unsigned char *)f->heard.data + f->looked_at;
    for (size_t i = 0; i < bytes; i++)
        length = (i == 0 ? 0 : length << 8) | at[2 + i];
    assert_true(receive_bytes(f, 2 + bytes + length));
    at = (unsigned char *)f->heard.data + f->looked_at;
    f->looked_at += 2 + bytes + length;
    struct heard_frame frame = { .opcode = at[0] & 15u,
                                 .payload = (char *)at + 2 + bytes,
                                 .length = length };
    assert_int_equal(at[0] & 0xF0, 0x80);
    if (frame.opcode == WS_OPCODE_CLOSE && length >= 2)
        frame.code = at[2] << 8 | at[3];
    return frame;
}

static inline void assert_next_is_text(struct fixture *f, char fill, size_t frame_length)
{
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.opcode, WS_OPCODE_TEXT);
    assert_in_range(frame.length, frame_length - 10, frame_length - 2);
    for (size_t i = 0; i < frame.length; i++)
        if (frame.payload[i] != fill)
            fail_msg("byte %zu of a frame of '%c'", i, fill);
}

static inline void assert_next_is_close(struct fixture *f, int code)
{
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.opcode, WS_OPCODE_CLOSE);
    assert_int_equal(frame.code, code);
}

static inline void assert_hears_nothing(struct fixture *f)
{
    char byte;
    assert_int_equal(f->heard.length, f->looked_at);
    assert_int_equal(recv(f->theirs, &byte, 1, MSG_DONTWAIT), -1);
}

static inline void assert_hears_the_end(struct fixture *f)
{
    assert_false(receive_bytes(f, 1));
}

#endif
