/* gateway/socket/session: sending never blocks, and a client that does not read is closed with a
 * reason. */
#include <sched.h>

#include "gateway/socket/ws_protocol.h"
#include "services/common/base/log.h"
#include "tests/unit/gateway/socket/session_fixture.h"

static void wait_until_readable(struct fixture *f, int times)
{
    while (atomic_load(&f->readable) < times)
        sched_yield();
}

/* Who it is */

static void a_session_has_its_user(void **state)
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

static void a_session_without_a_user_receives_the_reason_of_its_close(void **state)
{
    struct fixture *f = *state;
    assert_true(session_is_anonymous(f->session));
    assert_string_equal(session_key(f->session), "");
    session_close(f->session, 1000, "no token");
    open_session(f);
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.code, 1000);
    static const char reason[] =
        "{\"Error\":{\"name\":\"SocketClosedError\",\"message\":\"no token\"}}";
    assert_int_equal(frame.length, 2 + strlen(reason));
    assert_memory_equal(frame.payload + 2, reason, strlen(reason));
}

static void a_reason_that_is_json_or_empty_is_sent_as_it_is(void **state)
{
    struct fixture *f = *state;
    session_close(f->session, 1000, "{}");
    open_session(f);
    struct heard_frame frame = next_frame(f);
    assert_int_equal(frame.length, 4);
    assert_memory_equal(frame.payload + 2, "{}", 2);
}

/* Sending */

static void frames_sent_before_the_opening_follow_in_order(void **state)
{
    struct fixture *f = *state;
    for (char c = 'a'; c <= 'z'; c++)
        send_filled(f, c, 100);
    assert_hears_nothing(f);
    open_session(f);
    send_filled(f, '!', 100);
    for (char c = 'a'; c <= 'z'; c++)
        assert_next_is_text(f, c, 100);
    assert_next_is_text(f, '!', 100);
}

static void a_client_that_reads_slowly_receives_everything(void **state)
{
    struct fixture *f = *state;
    open_session(f);
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
    open_session(f);
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
        send_filled(f, 'x', SESSION_OUTBOX_MAX / 16);
    assert_false(session_is_closing(f->session));
    open_session(f);
    for (int i = 0; i < 16; i++)
        assert_next_is_text(f, 'x', SESSION_OUTBOX_MAX / 16);
    assert_hears_nothing(f);
}

static void one_byte_more_than_its_bound_is_too_much(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 16; i++)
        send_filled(f, 'x', SESSION_OUTBOX_MAX / 16 + (i == 15));
    assert_true(session_is_closing(f->session));
    open_session(f);
    assert_next_is_close(f, 1013); /* and nothing else: it would be read too late anyway */
    assert_hears_nothing(f);
}

static void a_half_full_outbox_has_room(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 8; i++) {
        assert_true(session_has_space(f->session));
        send_filled(f, 'x', SESSION_OUTBOX_ROOMY / 8);
    }
    assert_true(session_has_space(f->session));
    send_filled(f, 'x', KIB);
    assert_false(session_has_space(f->session));
    open_session(f);
    for (int i = 0; i < 8; i++)
        assert_next_is_text(f, 'x', SESSION_OUTBOX_ROOMY / 8);
    assert_next_is_text(f, 'x', KIB);
    assert_true(session_has_space(f->session));
}

static void nothing_waits_for_a_closing_session(void **state)
{
    struct fixture *f = *state;
    send_filled(f, 'x', SESSION_OUTBOX_ROOMY + 1);
    assert_false(session_has_space(f->session));
    session_close(f->session, 1001, "");
    assert_true(session_has_space(f->session));
}

static void one_frame_alone_may_be_larger_than_the_bound(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'L', 2 * SESSION_OUTBOX_MAX);
    assert_false(session_is_closing(f->session));
    assert_next_is_text(f, 'L', 2 * SESSION_OUTBOX_MAX);
}

static void a_client_that_does_not_read_is_closed_with_1013(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    for (int i = 0; !session_is_closing(f->session); i++) {
        assert_true(i < 40);
        send_filled(f, 'x', 64 * KIB);
    }
    struct heard_frame frame = next_frame(f);
    while (frame.opcode ==
           WS_OPCODE_TEXT) { /* what the socket had taken, and never a half of one */
        assert_int_equal(frame.length, 64 * KIB - 4);
        frame = next_frame(f);
    }
    assert_int_equal(frame.opcode, WS_OPCODE_CLOSE);
    assert_int_equal(frame.code, 1013);
    assert_hears_nothing(f);
}

/* Closing */

static void the_close_frame_follows_everything_sent_and_is_the_last(void **state)
{
    struct fixture *f = *state;
    open_session(f);
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

static void after_shutdown_nothing_touches_the_socket(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_shut(f->session);
    send_filled(f, 'x', 100);
    session_close(f->session, 1000, "");
    session_writable(f->session);
    session_tick(f->session, clock_mono_ms() + 1000 * PING_INTERVAL_MS, f->ping);
    assert_hears_nothing(f);
}

static void a_client_that_has_disconnected_is_closed_without_an_error(void **state)
{
    struct fixture *f = *state;
    char byte;
    open_session(f);
    assert_int_equal(shutdown(f->theirs, SHUT_RDWR), 0);
    send_filled(f, 'x', 100);
    assert_int_equal(read(f->ours, &byte, 1), 0); /* as the loop finds it */
    send_filled(f, 'x', 100);
    session_close(f->session, 1000, "");
}

/* Calls, one at a time */

static void the_next_call_is_admitted_when_the_previous_has_ended(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    assert_false(session_call_continues(f->session));
    session_call_begins(f->session);
    session_call_ends(f->session);
    assert_false(session_call_continues(f->session));
    session_call_begins(f->session);
    assert_true(session_call_continues(f->session)); /* more has come meanwhile */
    assert_int_equal(atomic_load(&f->readable), 0);
    session_call_ends(f->session);
    wait_until_readable(f, 1);
    assert_false(session_call_continues(f->session));
}

static void a_caller_waits_until_the_client_reads(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_call_begins(f->session);
    send_filled(f, 'x', 900 * KIB);
    session_call_ends(f->session);
    assert_true(receive_bytes(f, 500 * KIB)); /* at least 300 KiB still wait */
    assert_true(session_call_continues(f->session));
    assert_int_equal(atomic_load(&f->readable), 0);
    assert_next_is_text(f, 'x', 900 * KIB);
    wait_until_readable(f, 1);
    assert_false(session_call_continues(f->session));
}

static void a_closing_session_reads_on_after_its_call(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_call_begins(f->session);
    send_filled(f, 'x', 900 * KIB);
    session_call_ends(f->session);
    assert_true(session_call_continues(f->session));
    session_close(f->session, 1001, "");
    wait_until_readable(f, 1);
    assert_false(session_call_continues(f->session));
}

static void a_session_closes_only_after_its_asynchronous_call(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_call_begins(f->session);
    session_close(f->session, 1001, "");
    assert_true(session_call_continues(f->session));
    session_call_ends(f->session);
    wait_until_readable(f, 1);
}

static void no_callback_follows_the_shutdown_of_a_session(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    session_call_begins(f->session);
    assert_true(session_call_continues(f->session));
    shut(f);
    session_call_ends(f->session);
    assert_false(session_call_continues(f->session));
    socket_loop_destroy(&f->loop); /* which would have said so by now */
    assert_int_equal(atomic_load(&f->readable), 0);
}

/* The budget */

static void pending_frames_are_taken_from_the_budget_until_they_are_sent(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    send_filled(f, 'x', 900 * KIB);
    assert_in_range(byte_budget_used(f->budget), 500 * KIB, 900 * KIB + 16);
    assert_next_is_text(f, 'x', 900 * KIB);
    session_writable(f->session);
    assert_int_equal(byte_budget_used(f->budget), 0);
    send_filled(f, 'x', 900 * KIB);
    assert_true(byte_budget_used(f->budget) > 0);
    session_shut(f->session);
    assert_int_equal(byte_budget_used(f->budget), 0);
}

static void a_session_whose_user_has_too_much_pending_is_closed(void **state)
{
    struct fixture *f = *state;
    open_session(f);
    byte_budget_force(f->budget, "bob", (size_t)8100 * KIB); /* by other sockets */
    send_filled(f, 'x', 50 * KIB);
    assert_false(session_is_closing(f->session));
    send_filled(f, 'y', 100 * KIB);
    assert_true(session_is_closing(f->session));
    assert_next_is_text(f, 'x', 50 * KIB); /* a part had been sent; the other frame was dropped */
    assert_next_is_close(f, 1013);
    session_writable(f->session);
    assert_int_equal(byte_budget_used(f->budget), (size_t)8100 * KIB);
    byte_budget_return(f->budget, "bob", (size_t)8100 * KIB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_has_its_user),
        cmocka_unit_test_setup_teardown(a_session_without_a_user_receives_the_reason_of_its_close,
                                        set_up_anonymous, tear_down),
        cmocka_unit_test_setup_teardown(a_reason_that_is_json_or_empty_is_sent_as_it_is,
                                        set_up_anonymous, tear_down),
        TEST(frames_sent_before_the_opening_follow_in_order),
        TEST(a_client_that_reads_slowly_receives_everything),
        TEST(frames_of_many_threads_stay_whole),
        TEST(an_outbox_holds_its_bound),
        TEST(one_byte_more_than_its_bound_is_too_much),
        TEST(a_half_full_outbox_has_room),
        TEST(nothing_waits_for_a_closing_session),
        TEST(one_frame_alone_may_be_larger_than_the_bound),
        TEST(a_client_that_does_not_read_is_closed_with_1013),
        TEST(the_close_frame_follows_everything_sent_and_is_the_last),
        TEST(pending_frames_are_taken_from_the_budget_until_they_are_sent),
        TEST(a_session_whose_user_has_too_much_pending_is_closed),
        TEST(after_shutdown_nothing_touches_the_socket),
        TEST(a_client_that_has_disconnected_is_closed_without_an_error),
        TEST(the_next_call_is_admitted_when_the_previous_has_ended),
        TEST(a_caller_waits_until_the_client_reads),
        TEST(a_closing_session_reads_on_after_its_call),
        TEST(a_session_closes_only_after_its_asynchronous_call),
        TEST(no_callback_follows_the_shutdown_of_a_session),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
