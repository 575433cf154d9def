/* gateway/socket/socket_loop: while much comes, it is said in rounds, and not more often than is
 * good. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/socket_loop.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"

enum {
    SOCKETS = 16,
    ROUNDS = 200,
    /* The times of two rounds; more, and the thread did not get a processor: then little came in a
     * millisecond, and until the next count of it rounds may follow at once. */
    TWO_ROUNDS_US = 3500,
    NEXT_COUNT_US = 2000,
    SHORT_US = 600,
};

struct fixture {
    struct socket_loop *loop;
    int ours[SOCKETS], theirs[SOCKETS];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool begun;
    size_t rounds, said; /* but for those that are excused */
    size_t short_rounds; /* of them, after less than the time of a round */
    int64_t at_us[2];    /* the last two rounds, the newer one first */
    int64_t excused_until_us;
};

/* Once it has begun: whatever is heard, the same socket has more to say. */
static void on_ready(void *ctx, uint64_t token, unsigned what)
{
    struct fixture *f = ctx;
    char byte;
    (void)what;
    while (read(f->ours[token], &byte, 1) == 1)
        continue;
    pthread_mutex_lock(&f->lock);
    f->said += f->begun && clock_mono_us() >= f->excused_until_us;
    bool more = f->begun && f->rounds < ROUNDS;
    pthread_mutex_unlock(&f->lock);
    if (more && write(f->theirs[token], "x", 1) != 1)
        abort();
}

static void note_round(struct fixture *f, int64_t now_us)
{
    if (now_us - f->at_us[1] > TWO_ROUNDS_US)
        f->excused_until_us = now_us + NEXT_COUNT_US;
    if (now_us >= f->excused_until_us) {
        f->rounds++;
        f->short_rounds += now_us - f->at_us[0] < SHORT_US;
    }
    f->at_us[1] = f->at_us[0];
    f->at_us[0] = now_us;
}

static void on_round(void *ctx, bool begins)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    if (begins && f->begun)
        note_round(f, clock_mono_us());
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void on_tick(void *ctx, int64_t now_ms)
{
    (void)ctx;
    (void)now_ms;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->loop = socket_loop_create(&(struct socket_loop_options){
        .threads = 1, .on_ready = on_ready, .on_round = on_round, .on_tick = on_tick, .ctx = f });
    for (size_t i = 0; i < SOCKETS; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        f->ours[i] = pair[0];
        f->theirs[i] = pair[1];
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    socket_loop_destroy(&f->loop);
    for (size_t i = 0; i < SOCKETS; i++) {
        close(f->ours[i]);
        close(f->theirs[i]);
    }
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

/* Would each round begin when the last has ended, all would be short. */
static void many_changes_are_reported_once_a_millisecond_in_full(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SOCKETS; i++)
        assert_true(socket_loop_add(f->loop, f->ours[i], i));
    pthread_mutex_lock(&f->lock); /* nothing is heard until all have something to say */
    f->begun = true;
    for (size_t i = 0; i < SOCKETS; i++)
        assert_int_equal(write(f->theirs[i], "x", 1), 1);
    while (f->rounds < ROUNDS)
        pthread_cond_wait(&f->changed, &f->lock);
    size_t said = f->said, short_rounds = f->short_rounds;
    pthread_mutex_unlock(&f->lock);
    assert_in_range(short_rounds, 0, ROUNDS / 10);
    assert_true(said > (ROUNDS - 10) * SOCKETS * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_changes_are_reported_once_a_millisecond_in_full,
                                        set_up, tear_down),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("socket_loop_rounds", tests, NULL, NULL);
}
