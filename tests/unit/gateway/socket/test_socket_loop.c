/* gateway/socket/socket_loop: what it says of sockets, on which thread, and how it lets them go. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/socket_loop.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    SOCKETS = 128,  /* of one test, at most; the last two are not sockets: */
    ASKED = 126,    /* is resumed to see that the loop has come so far */
    HOLDER = 127,   /* is resumed to know that its thread waits for the test's lock */
    ROUND_MAX = 64, /* sockets */
    HOUR_MS = 3600000,
};

/* The tests number sockets from 0; their tokens are the largest there are. */
#define TOKEN(number) ((UINT64_C(1) << 63) - SOCKETS + (number))

/* How a socket is to be dismissed; the last is given much more time than there is. */
enum manner { AT_ONCE, GENTLY, GENTLY_FOR_AN_HOUR };

struct dismissal {
    bool wanted;
    size_t number;
    int socket;
    enum manner manner;
    int64_t before_ms, after_ms;
    bool was_closed; /* at once */
};

struct fixture {
    struct socket_loop *loop;
    int ours[SOCKETS], theirs[SOCKETS]; /* -1: none, or not to be closed by the test */
    sem_t held;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t said[SOCKETS][SOCKET_GONE + 1]; /* how often */
    const void *thread_of[SOCKETS];        /* that has said something of it */
    size_t round_count, round_largest;
    const void *tick_thread; /* NULL: no tick yet */
    int64_t tick_ms;         /* the last */
    struct dismissal dismissal;
    const char *amiss; /* what no test may see */
};

static bool is_open(int socket)
{
    return fcntl(socket, F_GETFD) >= 0;
}

/* --- the loop's threads -------------------------------------------------------------------- */

static _Thread_local struct {
    bool in_round;
    size_t said_in_round;
} self; /* of which the address tells the threads from each other */

static void count_locked(struct fixture *f, size_t number, unsigned what)
{
    for (unsigned bit = SOCKET_READABLE; bit <= SOCKET_GONE; bit <<= 1)
        f->said[number][bit] += (what & bit) != 0;
    if (f->thread_of[number] != NULL && f->thread_of[number] != &self)
        f->amiss = "a token on two threads";
    f->thread_of[number] = &self;
    self.said_in_round += self.in_round;
}

static void dismiss_locked(struct fixture *f, struct dismissal *dismissal)
{
    int64_t ahead_ms = dismissal->manner == GENTLY_FOR_AN_HOUR ? HOUR_MS : 0;
    dismissal->wanted = false;
    clock_advance_for_test(ahead_ms);
    dismissal->before_ms = clock_mono_ms();
    socket_loop_dismiss(f->loop, TOKEN(dismissal->number), dismissal->socket,
                        dismissal->manner != AT_ONCE);
    dismissal->after_ms = clock_mono_ms();
    clock_advance_for_test(-ahead_ms);
    dismissal->was_closed = !is_open(dismissal->socket);
}

static void on_ready(void *ctx, uint64_t token, unsigned what)
{
    struct fixture *f = ctx;
    size_t number = (size_t)(token - TOKEN(0));
    if (number == HOLDER)
        sem_post(&f->held);
    pthread_mutex_lock(&f->lock);
    if (number >= SOCKETS)
        f->amiss = "an unknown token";
    else if (f->dismissal.wanted && f->dismissal.number == number)
        dismiss_locked(f, &f->dismissal);
    else
        count_locked(f, number, what);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void on_round(void *ctx, bool begins)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    if (begins == self.in_round)
        f->amiss = "half a round";
    self.in_round = begins;
    f->round_count += begins;
    if (self.said_in_round > f->round_largest)
        f->round_largest = self.said_in_round;
    self.said_in_round = 0;
    pthread_mutex_unlock(&f->lock);
}

/* Of one whose peer does not end the stream: is it closed in time? */
static void check_dismissal_locked(struct fixture *f, int64_t now_ms)
{
    const struct dismissal *d = &f->dismissal;
    if (d->manner != GENTLY || d->after_ms == 0 || f->thread_of[d->number] != &self)
        return;
    if (!is_open(d->socket) && now_ms < d->before_ms + SOCKET_DISMISSAL_MS)
        f->amiss = "closed too early";
    if (is_open(d->socket) && now_ms >= d->after_ms + SOCKET_DISMISSAL_MS)
        f->amiss = "closed too late";
}

static void on_tick(void *ctx, int64_t now_ms)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    if (f->tick_thread != NULL && f->tick_thread != &self)
        f->amiss = "ticks on two threads";
    if (f->tick_thread != NULL && now_ms < f->tick_ms + SOCKET_LOOP_TICK_MS)
        f->amiss = "a tick before its time";
    if (now_ms > clock_mono_ms())
        f->amiss = "a tick from the future";
    f->tick_thread = &self;
    f->tick_ms = now_ms;
    check_dismissal_locked(f, now_ms);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* --- the test's ---------------------------------------------------------------------------- */

/* `state` is the number of threads. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    struct socket_loop_options options = { .threads = *(size_t *)*state,
                                           .on_ready = on_ready,
                                           .on_round = on_round,
                                           .on_tick = on_tick,
                                           .ctx = f };
    memset(f->ours, -1, sizeof(f->ours));
    memset(f->theirs, -1, sizeof(f->theirs));
    sem_init(&f->held, 0, 0);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->loop = socket_loop_create(&options);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    socket_loop_destroy(&f->loop);
    const char *amiss = f->amiss;
    for (size_t i = 0; i < SOCKETS; i++) {
        close(f->ours[i]); /* if there is one */
        close(f->theirs[i]);
    }
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    sem_destroy(&f->held);
    free(f);
    if (amiss != NULL)
        print_error("%s\n", amiss);
    return amiss != NULL ? -1 : 0;
}

static size_t times(struct fixture *f, size_t number, unsigned what)
{
    pthread_mutex_lock(&f->lock);
    size_t count = f->said[number][what];
    pthread_mutex_unlock(&f->lock);
    return count;
}

static void await(struct fixture *f, size_t number, unsigned what, size_t count)
{
    pthread_mutex_lock(&f->lock);
    while (f->said[number][what] < count)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

/* Until all has been said, by one thread, that was to be said before. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < 2; i++) { /* the first may be said in the midst of it */
        size_t before = times(f, ASKED, SOCKET_READABLE);
        socket_loop_resume(f->loop, TOKEN(ASKED));
        await(f, ASKED, SOCKET_READABLE, before + 1);
    }
}

/* As often, now that it has come so far. One thread. */
static void assert_said(struct fixture *f, size_t number, unsigned what, size_t count)
{
    await(f, number, what, count);
    settle(f);
    assert_int_equal(times(f, number, what), count);
}

/* Until the lock is left, the one thread says nothing. Settled before, or it might wait for the
 * lock to end a round, and never come to say that it waits. */
static void hold_and_lock(struct fixture *f)
{
    settle(f);
    pthread_mutex_lock(&f->lock);
    socket_loop_resume(f->loop, TOKEN(HOLDER));
    sem_wait(&f->held);
}

static void watch(struct fixture *f, size_t number, int ours, int theirs)
{
    f->ours[number] = ours;
    f->theirs[number] = theirs;
    assert_true(socket_loop_add(f->loop, ours, TOKEN(number)));
    await(f, number, SOCKET_WRITABLE, 1);
}

static void open_sockets(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        watch(f, i, pair[0], pair[1]);
    }
}

static void open_tcp(struct fixture *f, size_t number)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), theirs = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(theirs, (struct sockaddr *)&address, length), 0);
    watch(f, number, accept(listener, NULL, NULL), theirs);
    close(listener);
}

/* Blocks until all is taken. */
static void tell(struct fixture *f, size_t number, size_t length)
{
    static char bytes[32 * MIB]; /* not const, or they would lie in the file */
    assert_int_equal(sendto(f->theirs[number], bytes, length, MSG_NOSIGNAL, NULL, 0), length);
}

/* By the loop's thread; the socket is the loop's afterwards. */
static int dismiss(struct fixture *f, size_t number, enum manner manner)
{
    int socket = f->ours[number];
    f->ours[number] = -1;
    pthread_mutex_lock(&f->lock);
    f->dismissal =
        (struct dismissal){ .wanted = true, .number = number, .socket = socket, .manner = manner };
    socket_loop_resume(f->loop, TOKEN(number));
    while (f->dismissal.wanted)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    return socket;
}

static void wait_until_closed(int socket)
{
    while (is_open(socket))
        sched_yield();
}

static void *resume_all(void *arg)
{
    struct fixture *f = arg;
    for (size_t i = 0; i < ASKED; i++)
        socket_loop_resume(f->loop, TOKEN(i));
    return NULL;
}

/* --- what is said of a socket -------------------------------------------------------------- */

static void the_readiness_of_a_socket_is_reported_when_it_is_added(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    f->theirs[0] = pair[1];
    tell(f, 0, 1);
    watch(f, 0, pair[0], pair[1]);
    assert_said(f, 0, SOCKET_READABLE, 1);
    assert_said(f, 0, SOCKET_WRITABLE, 1);
    assert_said(f, 0, SOCKET_GONE, 0);
}

static void bytes_are_reported_once_and_again_when_more_arrive(void **state)
{
    struct fixture *f = *state;
    open_sockets(f, 1);
    assert_said(f, 0, SOCKET_READABLE, 0);
    for (size_t round = 1; round <= 3; round++) { /* though nobody reads them */
        tell(f, 0, 10);
        assert_said(f, 0, SOCKET_READABLE, round);
    }
}

static void the_end_of_the_stream_is_reported_as_readable(void **state)
{
    struct fixture *f = *state;
    char byte;
    open_sockets(f, 1);
    shutdown(f->theirs[0], SHUT_WR);
    assert_said(f, 0, SOCKET_READABLE, 1);
    assert_said(f, 0, SOCKET_GONE, 0); /* it may be written to */
    assert_int_equal(read(f->ours[0], &byte, 1), 0);
}

static void a_full_socket_is_reported_writable_when_the_peer_reads(void **state)
{
    struct fixture *f = *state;
    static char bytes[64 * KIB];
    open_sockets(f, 1);
    while (sendto(f->ours[0], bytes, sizeof(bytes), MSG_DONTWAIT, NULL, 0) > 0)
        continue;
    assert_said(f, 0, SOCKET_WRITABLE, 1); /* from before */
    while (recvfrom(f->theirs[0], bytes, sizeof(bytes), MSG_DONTWAIT, NULL, NULL) > 0)
        continue;
    await(f, 0, SOCKET_WRITABLE, 2);
    assert_said(f, 0, SOCKET_READABLE, 0);
}

static void a_socket_shut_in_both_directions_is_reported_gone(void **state)
{
    struct fixture *f = *state;
    open_sockets(f, 3);
    shutdown(f->ours[0], SHUT_RDWR);
    assert_said(f, 0, SOCKET_GONE, 1);
    shutdown(f->theirs[1], SHUT_RDWR);
    assert_said(f, 1, SOCKET_GONE, 1);
    assert_said(f, 2, SOCKET_GONE, 0);
}

static void a_socket_that_cannot_be_watched_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_false(socket_loop_add(f->loop, -1, TOKEN(0)));
    open_sockets(f, 1);
    assert_false(socket_loop_add(f->loop, f->ours[0], TOKEN(1))); /* it is already */
}

static void a_resumed_token_is_reported_readable_once_more(void **state)
{
    struct fixture *f = *state;
    open_sockets(f, 1);
    for (size_t count = 1; count <= 3; count++) {
        socket_loop_resume(f->loop, TOKEN(0));
        assert_said(f, 0, SOCKET_READABLE, count);
    }
    assert_said(f, 0, SOCKET_WRITABLE, 1);
}

static void resumes_of_many_threads_all_arrive(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];
    for (size_t round = 1; round <= 20; round++) {
        hold_and_lock(f);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, resume_all, f), 0);
        pthread_join(threads[0], NULL);
        pthread_mutex_unlock(&f->lock); /* the others may go on or not */
        for (size_t i = 1; i < COUNT_OF(threads); i++)
            pthread_join(threads[i], NULL);
        for (size_t i = 0; i < ASKED; i++)
            await(f, i, SOCKET_READABLE, round * COUNT_OF(threads));
    }
    for (size_t i = 0; i < ASKED; i++)
        assert_said(f, i, SOCKET_READABLE, 20 * COUNT_OF(threads));
}

/* --- threads, rounds, ticks ---------------------------------------------------------------- */

static void a_token_keeps_to_one_thread(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 30, ROUNDS = 10 };
    pthread_t thread;
    open_sockets(f, COUNT);
    for (size_t round = 1; round <= ROUNDS; round++) {
        assert_int_equal(pthread_create(&thread, NULL, resume_all, f), 0);
        for (size_t i = 0; i < COUNT; i++)
            tell(f, i, 1);
        pthread_join(thread, NULL);
        for (size_t i = 0; i < COUNT; i++)
            await(f, i, SOCKET_READABLE, 2 * round);
    }
    for (size_t i = 0; i < 3; i++) /* and they share the work */
        assert_ptr_not_equal(f->thread_of[i], f->thread_of[(i + 1) % 3]);
}

/* So many become readable while the loop's thread is busy. */
static void check_rounds(struct fixture *f, size_t sockets, size_t rounds, size_t largest)
{
    open_sockets(f, sockets);
    hold_and_lock(f);
    f->round_count = f->round_largest = 0;
    for (size_t i = 0; i < sockets; i++)
        tell(f, i, 1);
    pthread_mutex_unlock(&f->lock);
    for (size_t i = 0; i < sockets; i++)
        assert_said(f, i, SOCKET_READABLE, 1);
    assert_int_equal(f->round_count, rounds);
    assert_int_equal(f->round_largest, largest);
}

static void a_round_encloses_the_events_of_many_sockets(void **state)
{
    check_rounds(*state, 10, 1, 10);
}

static void one_socket_alone_makes_no_round(void **state)
{
    check_rounds(*state, 1, 0, 0);
}

static void a_round_ends_although_more_sockets_are_ready(void **state)
{
    check_rounds(*state, ROUND_MAX + 2, 2, ROUND_MAX);
}

/* Until one with this time or a later one. */
static void await_tick(struct fixture *f, int64_t time_ms)
{
    for (size_t i = 0; i < 3; i++) /* each thread wakes and looks at the clock */
        socket_loop_resume(f->loop, TOKEN(ASKED - i));
    pthread_mutex_lock(&f->lock);
    while (f->tick_thread == NULL || f->tick_ms < time_ms)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

/* Not before its time, and on one thread: on_tick sees to that. */
static void ticks_have_an_increasing_time(void **state)
{
    struct fixture *f = *state;
    await_tick(f, clock_mono_ms() + SOCKET_LOOP_TICK_MS); /* though nobody wakes the loop then */
    for (int i = 0; i < 5; i++) {
        clock_advance_for_test(SOCKET_LOOP_TICK_MS - 20);
        await_tick(f, clock_mono_ms());
    }
}

/* --- letting go ---------------------------------------------------------------------------- */

static void a_socket_dismissed_at_once_is_closed_at_once(void **state)
{
    struct fixture *f = *state;
    char byte;
    open_sockets(f, 1);
    dismiss(f, 0, AT_ONCE);
    assert_true(f->dismissal.was_closed);
    assert_int_equal(read(f->theirs[0], &byte, 1), 0);
}

/* A reset would be the answer to what nobody reads, and might overtake the last word. */
static void a_peer_that_keeps_sending_receives_the_last_bytes_and_the_end(void **state)
{
    struct fixture *f = *state;
    char bytes[8];
    open_tcp(f, 0);
    tell(f, 0, 64 * KIB);
    await(f, 0, SOCKET_READABLE, 1);
    assert_int_equal(sendto(f->ours[0], "last", 4, MSG_NOSIGNAL, NULL, 0), 4);
    int socket = dismiss(f, 0, GENTLY_FOR_AN_HOUR);
    size_t notified = times(f, 0, SOCKET_READABLE);
    tell(f, 0, 16 * MIB); /* more than the kernel keeps for who does not read */
    assert_int_equal(read(f->theirs[0], bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, "last", 4);
    assert_int_equal(read(f->theirs[0], bytes, sizeof(bytes)), 0);
    tell(f, 0, 1);
    assert_true(is_open(socket));
    shutdown(f->theirs[0], SHUT_WR);
    wait_until_closed(socket);
    assert_said(f, 0, SOCKET_READABLE, notified); /* it is not spoken of any more */
    assert_said(f, 0, SOCKET_GONE, 0);
}

static void each_is_closed_when_its_peer_ends_the_stream_or_with_the_loop(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 40, STEP = 7 }; /* which come in another order than they were dismissed */
    int sockets[COUNT];
    open_sockets(f, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++)
        sockets[i * STEP % COUNT] = dismiss(f, i * STEP % COUNT, GENTLY_FOR_AN_HOUR);
    for (size_t i = 0; i < COUNT / 2; i++) {
        tell(f, i, 100 * KIB);
        settle(f);
        for (size_t j = i; j < COUNT; j++)
            assert_true(is_open(sockets[j]));
        shutdown(f->theirs[i], i % 2 == 0 ? SHUT_WR : SHUT_RDWR);
        wait_until_closed(sockets[i]);
    }
    socket_loop_destroy(&f->loop);
    assert_null(f->loop);
    for (size_t i = COUNT / 2; i < COUNT; i++)
        assert_false(is_open(sockets[i]));
    assert_true(is_open(f->ours[COUNT])); /* the others are whose they were */
}

/* Neither earlier nor later: on_tick sees to that, of the last. */
static void a_peer_that_does_not_end_the_stream_is_closed_after_its_time(void **state)
{
    struct fixture *f = *state;
    int sockets[3];
    open_sockets(f, COUNT_OF(sockets));
    for (size_t i = COUNT_OF(sockets); i-- > 0;)
        sockets[i] = dismiss(f, i, GENTLY);
    clock_advance_for_test(SOCKET_DISMISSAL_MS - 50);
    await_tick(f, clock_mono_ms());
    clock_advance_for_test(50 + SOCKET_LOOP_TICK_MS);
    await_tick(f, clock_mono_ms());
    pthread_mutex_lock(&f->lock);
    assert_ptr_equal(f->thread_of[0], f->tick_thread);
    pthread_mutex_unlock(&f->lock);
    for (size_t i = 0; i < COUNT_OF(sockets); i++)
        wait_until_closed(sockets[i]);
}

static void a_peer_that_sends_too_much_is_closed(void **state)
{
    struct fixture *f = *state;
    int waiting = 1;
    open_sockets(f, 1);
    int socket = dismiss(f, 0, GENTLY_FOR_AN_HOUR);
    tell(f, 0, 32 * MIB);
    while (waiting > 0)
        assert_int_equal(ioctl(f->theirs[0], TIOCOUTQ, &waiting), 0);
    settle(f);
    assert_true(is_open(socket));
    tell(f, 0, 1);
    wait_until_closed(socket);
}

#define TEST(name, threads)                                                                        \
    cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, threads)

int main(void)
{
    static size_t one = 1, three = 3;
    const struct CMUnitTest tests[] = {
        TEST(the_readiness_of_a_socket_is_reported_when_it_is_added, &one),
        TEST(bytes_are_reported_once_and_again_when_more_arrive, &one),
        TEST(the_end_of_the_stream_is_reported_as_readable, &one),
        TEST(a_full_socket_is_reported_writable_when_the_peer_reads, &one),
        TEST(a_socket_shut_in_both_directions_is_reported_gone, &one),
        TEST(a_socket_that_cannot_be_watched_is_refused, &one),
        TEST(a_resumed_token_is_reported_readable_once_more, &one),
        TEST(resumes_of_many_threads_all_arrive, &one),
        TEST(a_token_keeps_to_one_thread, &three),
        TEST(a_round_encloses_the_events_of_many_sockets, &one),
        TEST(one_socket_alone_makes_no_round, &one),
        TEST(a_round_ends_although_more_sockets_are_ready, &one),
        TEST(ticks_have_an_increasing_time, &three),
        TEST(a_socket_dismissed_at_once_is_closed_at_once, &one),
        TEST(a_peer_that_keeps_sending_receives_the_last_bytes_and_the_end, &one),
        TEST(each_is_closed_when_its_peer_ends_the_stream_or_with_the_loop, &one),
        TEST(a_peer_that_does_not_end_the_stream_is_closed_after_its_time, &three),
        TEST(a_peer_that_sends_too_much_is_closed, &one),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("socket_loop", tests, NULL, NULL);
}
