/* gateway/session: sending never blocks, and a client that does not read is told so. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/session.h"
#include "services/common/buffer.h"
#include "services/common/clock.h"
#include "services/common/log.h"

enum { PING_INTERVAL_MS = 30000, KIB = 1024 };

struct fixture {
    struct writer *writer;
    pthread_mutex_t lock; /* guards session as seen by the writer's thread */
    struct session *session;
    int ours, theirs;
    struct frame *ping;
    struct buffer heard;
    size_t looked_at; /* of what was heard */
};

/* The writer's thread: what the gateway does by way of its registry. */
static void on_writable(void *ctx, uint64_t token)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    struct session *session =
        f->session != NULL && session_token(f->session) == token ? session_ref(f->session) : NULL;
    pthread_mutex_unlock(&f->lock);
    if (session != NULL)
        session_writable(session);
    session_unref(&session);
}

static void on_tick(void *ctx, int64_t now_ms)
{
    (void)ctx;
    (void)now_ms; /* the tests tick by hand */
}

static struct token_claims bob(void)
{
    return (struct token_claims){
        .user_id = "5f7b106bbed28f24c084c440", .tag = "@Bob", .email = "bob@example.com", .jti = "j"
    };
}

static int set_up_with(void **state, const struct token_claims *identity)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct writer_options options = { on_writable, on_tick, f };
    int pair[2], size = 4 * KIB;
    if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    f->ours = pair[0];
    f->theirs = pair[1];
    setsockopt(f->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pthread_mutex_init(&f->lock, NULL);
    f->writer = writer_create(&options);
    f->session = session_create(f->writer, "gw.1", identity, PING_INTERVAL_MS);
    session_set_token(f->session, 77);
    f->ping = frame_create(FRAME_PING, NULL, 0);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    struct token_claims identity = bob();
    return set_up_with(state, &identity);
}

static int set_up_anonymous(void **state)
{
    return set_up_with(state, NULL);
}

static void shut(struct fixture *f)
{
    session_shut(f->session);
    close(f->ours);
    f->ours = -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->ours >= 0)
        shut(f);
    pthread_mutex_lock(&f->lock);
    session_unref(&f->session);
    pthread_mutex_unlock(&f->lock);
    writer_destroy(&f->writer);
    pthread_mutex_destroy(&f->lock);
    frame_unref(&f->ping);
    buffer_finish(&f->heard);
    close(f->theirs);
    free(f);
    return 0;
}

/* The client's side */

static void send_filled(struct fixture *f, char fill, size_t frame_length)
{
    size_t header = frame_length - 2 < 126 ? 2 : frame_length - 4 < 65536 ? 4 : 10;
    char *payload = malloc(frame_length);
    assert_non_null(payload);
    memset(payload, fill, frame_length);
    struct frame *frame = frame_create(FRAME_TEXT, payload, frame_length - header);
    assert_int_equal(frame->length, frame_length);
    session_send(f->session, frame);
    frame_unref(&frame);
    free(payload);
}

/* Blocks until there are `length` bytes more than were looked at. False at the end of the stream.
 */
static bool hear(struct fixture *f, size_t length)
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

static struct heard_frame next_frame(struct fixture *f)
{
    assert_true(hear(f, 2));
    const unsigned char *at = (unsigned char *)f->heard.data + f->looked_at;
    size_t length = at[1], bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    assert_true(hear(f, 2 + bytes));
    at = (unsigned char *)f->heard.data + f->looked_at;
    for (size_t i = 0; i < bytes; i++)
        length = (i == 0 ? 0 : length << 8) | at[2 + i];
    assert_true(hear(f, 2 + bytes + length));
    at = (unsigned char *)f->heard.data + f->looked_at;
    f->looked_at += 2 + bytes + length;
    struct heard_frame frame = { .opcode = at[0] & 15u,
                                 .payload = (char *)at + 2 + bytes,
                                 .length = length };
    assert_int_equal(at[0] & 0xF0, 0x80);
    if (frame.opcode == FRAME_CLOSE && length >= 2)
        frame.code = at[2] << 8 | at[3];
    return frame;
}

static void assert_next_is_text(struct fixture *f, char fill, size_t frame_length)
{
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.opcode, FRAME_TEXT);
    assert_in_range(frame.length, frame_length - 10, frame_length - 2);
    for (size_t i = 0; i < frame.length; i++)
        if (frame.payload[i] != fill)
            fail_msg("byte %zu of a frame of '%c'", i, fill);
}

static void assert_next_is_close(struct fixture *f, int code)
{
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.opcode, FRAME_CLOSE);
    assert_int_equal(frame.code, code);
}

static void assert_hears_nothing(struct fixture *f)
{
    char byte;
    assert_int_equal(f->heard.length, f->looked_at);
    assert_int_equal(recv(f->theirs, &byte, 1, MSG_DONTWAIT), -1);
}

static void assert_hears_the_end(struct fixture *f)
{
    assert_false(hear(f, 1));
}

/* Who it is */

static void a_session_knows_whose_it_is(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(session_id(f->session), "gw.1");
    assert_string_equal(session_key(f->session), "bob");
    assert_string_equal(session_identity(f->session)->tag, "@Bob");
    assert_false(session_is_anonymous(f->session));
    assert_int_equal(session_token(f->session), 77);
    struct session *other = session_ref(f->session);
    session_unref(&other);
    assert_null(other);
    session_unref(&other);
    assert_string_equal(session_key(f->session), "bob");
}

static void a_session_of_nobody_is_told_why_it_is_closed(void **state)
{
    struct fixture *f = *state;
    assert_true(session_is_anonymous(f->session));
    assert_string_equal(session_key(f->session), "");
    session_close(f->session, 1000, "no token");
    session_open(f->session, f->ours);
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.code, 1000);
    assert_memory_equal(frame.payload + 2, "no token", 8);
}

/* Sending */

static void what_is_sent_before_the_opening_goes_out_then_and_in_order(void **state)
{
    struct fixture *f = *state;
    for (char c = 'a'; c <= 'z'; c++)
        send_filled(f, c, 100);
    assert_hears_nothing(f);
    session_open(f->session, f->ours);
    send_filled(f, '!', 100);
    for (char c = 'a'; c <= 'z'; c++)
        assert_next_is_text(f, c, 100);
    assert_next_is_text(f, '!', 100);
}

static void a_client_that_reads_slowly_gets_everything(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    for (int round = 0; round < 10; round++) {
        for (char c = 'a'; c <= 'h'; c++)
            send_filled(f, c, 70 * KIB);
        for (char c = 'a'; c <= 'h'; c++)
            assert_next_is_text(f, c, 70 * KIB);
    }
    assert_hears_nothing(f);
}

struct sender {
    struct fixture *f;
    char fill;
};

static void *send_often(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < 100; i++)
        send_filled(sender->f, sender->fill, 1000);
    return NULL;
}

static void frames_of_many_threads_stay_whole(void **state)
{
    struct fixture *f = *state;
    struct sender senders[4];
    pthread_t threads[4];
    size_t heard[128] = { 0 };
    session_open(f->session, f->ours);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        senders[i] = (struct sender){ f, (char)('a' + i) };
        assert_int_equal(pthread_create(&threads[i], NULL, send_often, &senders[i]), 0);
    }
    for (int i = 0; i < 400; i++) {
        struct heard_frame frame = next_frame(f);
        assert_int_equal(frame.length, 996);
        for (size_t b = 1; b < frame.length; b++)
            assert_int_equal(frame.payload[b], frame.payload[0]);
        heard[(size_t)frame.payload[0] & 127]++;
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(heard['a' + i], 100);
    }
}

/* Overflow */

static void an_outbox_holds_its_bound(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 16; i++)
        send_filled(f, 'x', SESSION_OUTBOX_MOST / 16);
    assert_false(session_is_closing(f->session));
    session_open(f->session, f->ours);
    for (int i = 0; i < 16; i++)
        assert_next_is_text(f, 'x', SESSION_OUTBOX_MOST / 16);
    assert_hears_nothing(f);
}

static void one_byte_more_than_its_bound_is_too_much(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 16; i++)
        send_filled(f, 'x', SESSION_OUTBOX_MOST / 16 + (i == 15));
    assert_true(session_is_closing(f->session));
    session_open(f->session, f->ours);
    assert_next_is_close(f, 1013); /* and nothing else: it would be read too late anyway */
    assert_hears_nothing(f);
}

static void an_outbox_that_is_half_full_has_room(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 8; i++) {
        assert_true(session_has_room(f->session));
        send_filled(f, 'x', SESSION_OUTBOX_ROOMY / 8);
    }
    assert_true(session_has_room(f->session));
    send_filled(f, 'x', KIB);
    assert_false(session_has_room(f->session));
    session_open(f->session, f->ours);
    for (int i = 0; i < 8; i++)
        assert_next_is_text(f, 'x', SESSION_OUTBOX_ROOMY / 8);
    assert_next_is_text(f, 'x', KIB);
    assert_true(session_has_room(f->session));
}

static void one_that_is_closing_is_waited_for_by_nobody(void **state)
{
    struct fixture *f = *state;
    send_filled(f, 'x', SESSION_OUTBOX_ROOMY + 1);
    assert_false(session_has_room(f->session));
    session_close(f->session, 1001, "");
    assert_true(session_has_room(f->session));
}

static void one_frame_alone_may_be_larger_than_the_bound(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    send_filled(f, 'L', 2 * SESSION_OUTBOX_MOST);
    assert_false(session_is_closing(f->session));
    assert_next_is_text(f, 'L', 2 * SESSION_OUTBOX_MOST);
}

static void a_client_that_does_not_read_is_closed_with_1013(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    for (int i = 0; !session_is_closing(f->session); i++) {
        assert_true(i < 40);
        send_filled(f, 'x', 64 * KIB);
    }
    struct heard_frame frame = next_frame(f);
    while (frame.opcode == FRAME_TEXT) { /* what the socket had taken, and never a half of one */
        assert_int_equal(frame.length, 64 * KIB - 4);
        frame = next_frame(f);
    }
    assert_int_equal(frame.opcode, FRAME_CLOSE);
    assert_int_equal(frame.code, 1013);
    assert_hears_nothing(f);
}

static void a_socket_that_takes_nothing_is_closed_after_its_time(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    send_filled(f, 'x', 400 * KIB);
    int64_t now = clock_mono_ms();
    session_tick(f->session, now + SESSION_STUCK_MS - 1000, f->ping);
    assert_false(session_is_closing(f->session));
    session_tick(f->session, now + SESSION_STUCK_MS + 1, f->ping);
    assert_true(session_is_closing(f->session));
    assert_next_is_text(f, 'x', 400 * KIB);
    assert_next_is_close(f, 1013);
}

static void a_socket_that_takes_a_little_is_not_stuck(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    send_filled(f, 'x', 900 * KIB);
    for (int i = 0; i < 8; i++) {
        size_t before = f->heard.length;
        clock_advance_for_test(SESSION_STUCK_MS - 1000);
        assert_true(hear(f, before + 100 * KIB)); /* by which the writer has sent more */
        session_writable(f->session);
        session_tick(f->session, clock_mono_ms(), f->ping);
        session_heard(f->session);
        assert_false(session_is_closing(f->session));
    }
    assert_next_is_text(f, 'x', 900 * KIB);
}

static void a_socket_that_has_taken_everything_is_not_stuck(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    send_filled(f, 'x', 400 * KIB);
    assert_next_is_text(f, 'x', 400 * KIB);
    session_tick(f->session, clock_mono_ms() + SESSION_STUCK_MS + 1000, f->ping);
    assert_false(session_is_closing(f->session));
}

/* Closing */

static void the_good_bye_comes_after_what_was_sent_and_is_the_last(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    send_filled(f, 'a', 300 * KIB);
    assert_false(session_is_closing(f->session));
    session_close(f->session, 1001, "first");
    assert_true(session_is_closing(f->session));
    session_close(f->session, 1000, "second");
    send_filled(f, 'b', 100);
    assert_next_is_text(f, 'a', 300 * KIB);
    assert_next_is_close(f, 1001);
    assert_hears_nothing(f);
}

static void a_client_that_does_not_answer_a_good_bye_is_cut_off(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    session_close(f->session, 1001, "");
    int64_t now = clock_mono_ms();
    assert_next_is_close(f, 1001);
    session_tick(f->session, now + SESSION_CLOSING_MS - 1000, f->ping);
    assert_hears_nothing(f);
    session_tick(f->session, now + SESSION_CLOSING_MS + 1, f->ping);
    assert_hears_the_end(f);
}

static void after_it_is_shut_nothing_touches_the_socket(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    session_shut(f->session);
    send_filled(f, 'x', 100);
    session_close(f->session, 1000, "");
    session_writable(f->session);
    session_tick(f->session, clock_mono_ms() + 1000 * PING_INTERVAL_MS, f->ping);
    session_wait_until_calm(f->session);
    assert_hears_nothing(f);
}

static void a_client_that_has_gone_is_cut_off_without_a_fuss(void **state)
{
    struct fixture *f = *state;
    char byte;
    session_open(f->session, f->ours);
    assert_int_equal(shutdown(f->theirs, SHUT_RDWR), 0);
    send_filled(f, 'x', 100);
    assert_int_equal(read(f->ours, &byte, 1), 0); /* its thread wakes up */
    send_filled(f, 'x', 100);
    session_close(f->session, 1000, "");
}

/* Pings */

static void a_client_is_pinged_every_interval(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    int64_t now = clock_mono_ms();
    session_tick(f->session, now + PING_INTERVAL_MS - 1000, f->ping);
    assert_hears_nothing(f);
    session_tick(f->session, now + PING_INTERVAL_MS, f->ping);
    session_tick(f->session, now + PING_INTERVAL_MS + 250, f->ping);
    assert_int_equal(next_frame(f).opcode, FRAME_PING);
    assert_hears_nothing(f);
    session_tick(f->session, now + 2 * PING_INTERVAL_MS, f->ping);
    assert_int_equal(next_frame(f).opcode, FRAME_PING);
}

static void two_pings_may_stay_unanswered(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    int64_t now = clock_mono_ms();
    for (int i = 1; i <= SESSION_PINGS_MOST; i++) {
        session_tick(f->session, now + i * PING_INTERVAL_MS, f->ping);
        assert_int_equal(next_frame(f).opcode, FRAME_PING);
    }
    session_tick(f->session, now + 3 * PING_INTERVAL_MS - 1000, f->ping);
    assert_false(session_is_closing(f->session));
    session_tick(f->session, now + 3 * PING_INTERVAL_MS + 1000, f->ping);
    assert_true(session_is_closing(f->session));
    assert_next_is_close(f, 1001);
    assert_hears_the_end(f);
}

static void a_client_that_was_heard_lives_on(void **state)
{
    struct fixture *f = *state;
    session_open(f->session, f->ours);
    for (int i = 0; i < 10; i++) {
        clock_advance_for_test(PING_INTERVAL_MS);
        session_tick(f->session, clock_mono_ms(), f->ping);
        assert_int_equal(next_frame(f).opcode, FRAME_PING);
        session_heard(f->session);
    }
    assert_false(session_is_closing(f->session));
}

static void a_socket_is_closed_when_its_token_expires(void **state)
{
    struct fixture *f = *state;
    static const char reason[] = "{\"Error\":{\"name\":\"NoAuthJWTError\"";
    struct token_claims identity = bob();
    identity.expires_at = clock_wall_ms() / 1000 + 10;
    pthread_mutex_lock(&f->lock);
    session_unref(&f->session);
    f->session = session_create(f->writer, "gw.2", &identity, PING_INTERVAL_MS);
    pthread_mutex_unlock(&f->lock);
    session_open(f->session, f->ours);
    clock_advance_for_test(8000);
    session_tick(f->session, clock_mono_ms(), f->ping);
    assert_false(session_is_closing(f->session));
    clock_advance_for_test(2000);
    session_tick(f->session, clock_mono_ms(), f->ping);
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.code, 1000);
    assert_memory_equal(frame.payload + 2, reason, sizeof(reason) - 1);
}

/* Back-pressure */

struct reader {
    struct session *session;
    atomic_bool calm;
};

static void *wait_until_calm(void *arg)
{
    struct reader *reader = arg;
    session_wait_until_calm(reader->session);
    atomic_store(&reader->calm, true);
    return NULL;
}

static void who_calls_waits_until_the_client_reads(void **state)
{
    struct fixture *f = *state;
    struct reader reader = { .session = f->session };
    pthread_t thread;
    session_open(f->session, f->ours);
    session_wait_until_calm(f->session);
    send_filled(f, 'x', 900 * KIB);
    assert_int_equal(pthread_create(&thread, NULL, wait_until_calm, &reader), 0);
    assert_true(hear(f, 500 * KIB)); /* at least 300 KiB still wait */
    assert_false(atomic_load(&reader.calm));
    assert_next_is_text(f, 'x', 900 * KIB);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&reader.calm));
}

static void assert_waiting_ends_at(struct fixture *f, void (*end)(struct fixture *f))
{
    struct reader reader = { .session = f->session };
    pthread_t thread;
    session_open(f->session, f->ours);
    send_filled(f, 'x', 900 * KIB);
    assert_int_equal(pthread_create(&thread, NULL, wait_until_calm, &reader), 0);
    assert_true(hear(f, 100 * KIB));
    assert_false(atomic_load(&reader.calm));
    end(f);
    pthread_join(thread, NULL);
}

static void close_and_tick(struct fixture *f)
{
    session_close(f->session, 1001, "");
    session_tick(f->session, clock_mono_ms(), f->ping); /* wakes whoever waits */
}

static void who_calls_stops_waiting_when_the_session_closes(void **state)
{
    assert_waiting_ends_at(*state, close_and_tick);
}

static void who_calls_stops_waiting_when_the_session_is_shut(void **state)
{
    assert_waiting_ends_at(*state, shut);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_knows_whose_it_is),
        cmocka_unit_test_setup_teardown(a_session_of_nobody_is_told_why_it_is_closed,
                                        set_up_anonymous, tear_down),
        TEST(what_is_sent_before_the_opening_goes_out_then_and_in_order),
        TEST(a_client_that_reads_slowly_gets_everything),
        TEST(frames_of_many_threads_stay_whole),
        TEST(an_outbox_holds_its_bound),
        TEST(one_byte_more_than_its_bound_is_too_much),
        TEST(an_outbox_that_is_half_full_has_room),
        TEST(one_that_is_closing_is_waited_for_by_nobody),
        TEST(one_frame_alone_may_be_larger_than_the_bound),
        TEST(a_client_that_does_not_read_is_closed_with_1013),
        TEST(a_socket_that_takes_nothing_is_closed_after_its_time),
        TEST(a_socket_that_takes_a_little_is_not_stuck),
        TEST(a_socket_that_has_taken_everything_is_not_stuck),
        TEST(the_good_bye_comes_after_what_was_sent_and_is_the_last),
        TEST(a_client_that_does_not_answer_a_good_bye_is_cut_off),
        TEST(after_it_is_shut_nothing_touches_the_socket),
        TEST(a_client_that_has_gone_is_cut_off_without_a_fuss),
        TEST(a_client_is_pinged_every_interval),
        TEST(two_pings_may_stay_unanswered),
        TEST(a_client_that_was_heard_lives_on),
        TEST(a_socket_is_closed_when_its_token_expires),
        TEST(who_calls_waits_until_the_client_reads),
        TEST(who_calls_stops_waiting_when_the_session_closes),
        TEST(who_calls_stops_waiting_when_the_session_is_shut),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
