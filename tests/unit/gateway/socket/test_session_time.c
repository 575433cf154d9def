/* gateway/socket/session: what time does to it. Who takes nothing, answers nothing, says nothing or
 * may no longer be there is let go, and nobody else. */
#include "gateway/socket/ws_protocol.h"
#include "services/common/base/log.h"
#include "tests/unit/gateway/socket/session_fixture.h"

/* Taking and answering */

static void a_socket_that_accepts_nothing_is_closed_after_its_time_out(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'x', 400 * KIB);
    int64_t now = clock_mono_ms();
    session_tick(f->session, now + SESSION_RATE_MS - 1000, f->ping);
    assert_false(session_is_closing(f->session));
    session_tick(f->session, now + SESSION_RATE_MS + 1, f->ping);
    assert_true(session_is_closing(f->session));
    assert_next_is_text(f, 'x', 400 * KIB);
    assert_next_is_close(f, 1013);
}

static void a_socket_that_accepts_a_little_is_not_stuck(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'x', 900 * KIB);
    for (int i = 0; i < 8; i++) {
        size_t before = f->heard.length;
        clock_advance_for_test(SESSION_RATE_MS - 1000);
        assert_true(receive_bytes(f, before + 100 * KIB)); /* by which the loop has sent more */
        session_writable(f->session);
        session_tick(f->session, clock_mono_ms(), f->ping);
        session_note_input(f->session);
        assert_false(session_is_closing(f->session));
    }
    assert_next_is_text(f, 'x', 900 * KIB);
}

/* Any byte used to be enough. */
static void a_socket_that_accepts_less_than_the_least_rate_is_closed(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'x', 900 * KIB);
    for (int i = 0; i < 5 && !session_is_closing(f->session); i++) {
        char few[100];
        clock_advance_for_test(1000);
        assert_int_equal(recv(f->theirs, few, sizeof(few), MSG_WAITALL), sizeof(few));
        session_writable(f->session);
        session_tick(f->session, clock_mono_ms(), f->ping);
        session_note_input(f->session);
    }
    assert_true(session_is_closing(f->session));
}

static void a_socket_that_has_accepted_everything_is_not_stuck(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'x', 400 * KIB);
    assert_next_is_text(f, 'x', 400 * KIB);
    session_tick(f->session, clock_mono_ms() + SESSION_RATE_MS + 1000, f->ping);
    assert_false(session_is_closing(f->session));
}

static void a_client_that_does_not_answer_a_close_frame_is_disconnected(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_close(f->session, 1001, "");
    int64_t now = clock_mono_ms();
    assert_next_is_close(f, 1001);
    session_tick(f->session, now + SESSION_CLOSING_MS - 1000, f->ping);
    assert_hears_nothing(f);
    session_tick(f->session, now + SESSION_CLOSING_MS + 1, f->ping);
    assert_hears_the_end(f);
}

/* Pings */

static void a_client_is_pinged_every_interval(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    int64_t now = clock_mono_ms();
    session_tick(f->session, now + PING_INTERVAL_MS - 1000, f->ping);
    assert_hears_nothing(f);
    session_tick(f->session, now + PING_INTERVAL_MS, f->ping);
    session_tick(f->session, now + PING_INTERVAL_MS + 250, f->ping);
    assert_int_equal(next_frame(f).opcode, WS_OPCODE_PING);
    assert_hears_nothing(f);
    session_tick(f->session, now + 2 * PING_INTERVAL_MS, f->ping);
    assert_int_equal(next_frame(f).opcode, WS_OPCODE_PING);
}

static void two_pings_may_stay_unanswered(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    int64_t now = clock_mono_ms();
    for (int i = 1; i <= SESSION_PINGS_MAX; i++) {
        session_tick(f->session, now + i * PING_INTERVAL_MS, f->ping);
        assert_int_equal(next_frame(f).opcode, WS_OPCODE_PING);
    }
    session_tick(f->session, now + 3 * PING_INTERVAL_MS - 1000, f->ping);
    assert_false(session_is_closing(f->session));
    session_tick(f->session, now + 3 * PING_INTERVAL_MS + 1000, f->ping);
    assert_true(session_is_closing(f->session));
    assert_next_is_close(f, 1001);
    assert_hears_the_end(f);
}

static void a_client_that_sends_anything_is_kept(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    for (int i = 0; i < 10; i++) {
        clock_advance_for_test(PING_INTERVAL_MS);
        session_tick(f->session, clock_mono_ms(), f->ping);
        assert_int_equal(next_frame(f).opcode, WS_OPCODE_PING);
        session_note_input(f->session);
    }
    assert_false(session_is_closing(f->session));
}

static void a_socket_is_closed_when_its_token_expires(void **state)
{
    struct fixture *f = *state;
    static const char reason[] = "{\"Error\":{\"name\":\"NoAuthJWTError\"";
    struct session_user user = bob();
    user.claims.expires_at = clock_wall_ms() / 1000 + 10;
    pthread_mutex_lock(&f->lock);
    session_unref(&f->session);
    f->session = session_create(f->loop, "gw.2", &user, PING_INTERVAL_MS, NULL);
    pthread_mutex_unlock(&f->lock);
    open_session(f);
    clock_advance_for_test(8000);
    session_tick(f->session, clock_mono_ms(), f->ping);
    assert_false(session_is_closing(f->session));
    clock_advance_for_test(2000);
    session_tick(f->session, clock_mono_ms(), f->ping);
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.code, 1000);
    assert_memory_equal(frame.payload + 2, reason, sizeof(reason) - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_socket_that_accepts_nothing_is_closed_after_its_time_out),
        TEST(a_socket_that_accepts_a_little_is_not_stuck),
        TEST(a_socket_that_accepts_less_than_the_least_rate_is_closed),
        TEST(a_socket_that_has_accepted_everything_is_not_stuck),
        TEST(a_client_that_does_not_answer_a_close_frame_is_disconnected),
        TEST(a_client_is_pinged_every_interval),
        TEST(two_pings_may_stay_unanswered),
        TEST(a_client_that_sends_anything_is_kept),
        TEST(a_socket_is_closed_when_its_token_expires),
    };
    clock_stop_for_test(); /* what passes, these tests say */
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("session_time", tests, NULL, NULL);
}
