/* gateway/socket/socket_loop: what else is watched by the thread that watches the sockets. */
#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/socket/socket_loop.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"

enum { WAIT_MS = 60000, TOKEN = 1 };

struct fixture {
    struct socket_loop *loop;
    int guest[2];  /* a pipe */
    int socket[2]; /* a pair, the first of which is watched */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t guest_calls, bytes_left; /* to be read, one each time */
    size_t ready_calls;
    pthread_t guest_thread, ready_thread;
};

static void on_ready(void *ctx, uint64_t token, unsigned what)
{
    struct fixture *f = ctx;
    (void)token;
    pthread_mutex_lock(&f->lock);
    f->ready_calls += (what & SOCKET_READABLE) != 0;
    f->ready_thread = pthread_self();
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void on_tick(void *ctx, int64_t now_ms)
{
    (void)ctx;
    (void)now_ms;
}

/* Reads one byte of those that are there. */
static void on_guest(void *ctx)
{
    struct fixture *f = ctx;
    char byte;
    pthread_mutex_lock(&f->lock);
    if (read(f->guest[0], &byte, 1) == 1)
        f->bytes_left--;
    f->guest_calls++;
    f->guest_thread = pthread_self();
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || pipe2(f->guest, O_NONBLOCK | O_CLOEXEC) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->socket) != 0)
        return -1;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->loop = socket_loop_create(&(struct socket_loop_options){
        .threads = 1,
        .on_ready = on_ready,
        .on_tick = on_tick,
        .on_guest = on_guest,
        .guest = f->guest[0],
        .ctx = f,
    });
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    socket_loop_destroy(&f->loop);
    for (int i = 0; i < 2; i++) {
        close(f->guest[i]);
        close(f->socket[i]);
    }
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static void put(struct fixture *f, size_t bytes)
{
    pthread_mutex_lock(&f->lock);
    f->bytes_left += bytes;
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(write(f->guest[1], "x", 1), 1);
    pthread_mutex_unlock(&f->lock);
}

/* With the lock held. */
static bool wait_locked(struct fixture *f)
{
    struct timespec until = clock_after_ms(WAIT_MS);
    return pthread_cond_clockwait(&f->changed, &f->lock, CLOCK_MONOTONIC, &until) == 0;
}

static void await_all_read(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->bytes_left > 0)
        assert_true(wait_locked(f));
    pthread_mutex_unlock(&f->lock);
}

static void the_guest_is_called_until_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    put(f, 5);
    await_all_read(f);
    assert_true(f->guest_calls >= 5);
    put(f, 1);
    await_all_read(f);
}

static void the_guest_and_the_sockets_share_one_thread(void **state)
{
    struct fixture *f = *state;
    assert_true(socket_loop_add(f->loop, f->socket[0], TOKEN));
    assert_int_equal(write(f->socket[1], "x", 1), 1);
    put(f, 1);
    await_all_read(f);
    pthread_mutex_lock(&f->lock);
    while (f->ready_calls == 0)
        assert_true(wait_locked(f));
    assert_true(pthread_equal(f->guest_thread, f->ready_thread));
    pthread_mutex_unlock(&f->lock);
}

static void after_the_end_the_guest_is_not_called(void **state)
{
    struct fixture *f = *state;
    put(f, 1);
    await_all_read(f);
    socket_loop_destroy(&f->loop);
    size_t calls = f->guest_calls;
    put(f, 1);
    assert_int_equal(f->guest_calls, calls);
    assert_int_equal(fcntl(f->guest[0], F_GETFD), FD_CLOEXEC); /* it is the owner's to close */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_guest_is_called_until_nothing_is_left),
        TEST(the_guest_and_the_sockets_share_one_thread),
        TEST(after_the_end_the_guest_is_not_called),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("socket_loop_guest", tests, NULL, NULL);
}
