/* services/common/base/workpool: a few threads and one bounded queue. */
#define _GNU_SOURCE /* getpriority of one thread */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "services/common/base/workpool.h"

/* A door at which jobs wait until the test opens it. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool open;
    size_t waiting, passed;
};

static void gate_init(struct gate *gate)
{
    memset(gate, 0, sizeof(*gate));
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->cond, NULL);
}

static void gate_finish(struct gate *gate)
{
    pthread_cond_destroy(&gate->cond);
    pthread_mutex_destroy(&gate->lock);
}

static void pass_gate(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->cond);
    while (!gate->open)
        pthread_cond_wait(&gate->cond, &gate->lock);
    gate->passed++;
    pthread_mutex_unlock(&gate->lock);
}

static void wait_until_waiting(struct gate *gate, size_t count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < count)
        pthread_cond_wait(&gate->cond, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->cond);
    pthread_mutex_unlock(&gate->lock);
}

static struct workpool *create(size_t threads, size_t queue_max)
{
    struct workpool_options options = { .name = "test",
                                        .threads = threads,
                                        .queue_max = queue_max };
    return workpool_create(&options);
}

static void count_up(void *arg)
{
    atomic_fetch_add((atomic_size_t *)arg, 1);
}

static void every_accepted_job_is_carried_out_once(void **state)
{
    (void)state;
    struct workpool *pool = create(4, 100);
    atomic_size_t done = 0;
    size_t accepted = 0;
    for (int i = 0; i < 20000; i++)
        accepted += workpool_submit(pool, count_up, &done);
    assert_true(accepted >= 100);
    workpool_destroy(&pool);
    assert_null(pool);
    assert_int_equal(done, accepted);
    workpool_destroy(&pool);
}

struct order {
    struct gate *gate;
    int *next;
    int place;
};

static void take_place(void *arg)
{
    struct order *order = arg;
    order->place = (*order->next)++;
}

static void jobs_of_one_thread_come_first_in_first_out(void **state)
{
    (void)state;
    struct workpool *pool = create(1, 50);
    struct gate gate;
    struct order orders[50];
    int next = 0;
    gate_init(&gate);
    assert_true(workpool_submit(pool, pass_gate, &gate));
    wait_until_waiting(&gate, 1);
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        orders[i] = (struct order){ .next = &next, .place = -1 };
        assert_true(workpool_submit(pool, take_place, &orders[i]));
    }
    open_gate(&gate);
    workpool_destroy(&pool);
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        assert_int_equal(orders[i].place, i);
    gate_finish(&gate);
}

static void a_full_queue_refuses_and_accepts_again_later(void **state)
{
    (void)state;
    enum { MAX = 3 };
    struct workpool *pool = create(2, MAX);
    struct gate gate;
    gate_init(&gate);
    assert_int_equal(workpool_waiting(pool), 0);
    for (size_t i = 1; i <= 2; i++) {
        assert_true(workpool_submit(pool, pass_gate, &gate));
        wait_until_waiting(&gate, i);
    }
    for (size_t i = 1; i <= MAX; i++) {
        assert_true(workpool_submit(pool, pass_gate, &gate));
        assert_int_equal(workpool_waiting(pool), i);
    }
    assert_false(workpool_submit(pool, pass_gate, &gate));
    assert_int_equal(workpool_waiting(pool), MAX);
    open_gate(&gate);
    wait_until_waiting(&gate, 2 + MAX);
    assert_true(workpool_submit(pool, pass_gate, &gate));
    workpool_destroy(&pool);
    assert_int_equal(gate.passed, 2 + MAX + 1);
    gate_finish(&gate);
}

static void all_threads_work_at_once(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    struct workpool *pool = create(THREADS, THREADS);
    struct gate gate;
    gate_init(&gate);
    for (int i = 0; i < THREADS; i++)
        assert_true(workpool_submit(pool, pass_gate, &gate));
    wait_until_waiting(&gate, THREADS);
    open_gate(&gate);
    workpool_destroy(&pool);
    assert_int_equal(gate.passed, THREADS);
    gate_finish(&gate);
}

struct destroyer {
    struct workpool *pool;
    struct gate *gate;
};

static void *destroy(void *arg)
{
    workpool_destroy(&((struct destroyer *)arg)->pool);
    return NULL;
}

static void a_pool_being_destroyed_finishes_what_it_accepted_and_refuses_more(void **state)
{
    (void)state;
    struct gate gate;
    struct workpool *pool = create(1, 100000);
    struct destroyer destroyer = { pool, &gate };
    atomic_size_t done = 0;
    size_t accepted = 0;
    pthread_t thread;
    gate_init(&gate);
    assert_true(workpool_submit(pool, pass_gate, &gate));
    wait_until_waiting(&gate, 1);
    assert_int_equal(pthread_create(&thread, NULL, destroy, &destroyer), 0);
    while (workpool_submit(pool, count_up, &done)) /* until the destruction has begun */
        accepted++;
    open_gate(&gate);
    pthread_join(thread, NULL);
    assert_int_equal(done, accepted);
    gate_finish(&gate);
}

struct self {
    char name[17];
    int niceness;
    size_t stack_bytes;
};

static void look_at_oneself(void *arg)
{
    struct self *self = arg;
    pthread_attr_t attr;
    prctl(PR_GET_NAME, self->name, 0, 0, 0);
    self->niceness = getpriority(PRIO_PROCESS, 0);
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstacksize(&attr, &self->stack_bytes);
        pthread_attr_destroy(&attr);
    }
}

static void threads_have_the_requested_name_niceness_and_stack(void **state)
{
    (void)state;
    int before = getpriority(PRIO_PROCESS, 0);
    char name[] = "hash-lane";
    struct workpool_options options = {
        .name = name, .threads = 1, .queue_max = 1, .niceness = 19, .stack_bytes = 1024 * 1024
    };
    struct workpool *pool = workpool_create(&options);
    struct self self = { .name = "" };
    memset(name, '?', sizeof(name) - 1);
    assert_true(workpool_submit(pool, look_at_oneself, &self));
    workpool_destroy(&pool);
    assert_string_equal(self.name, "hash-lane");
    assert_int_equal(self.niceness, 19);
    assert_in_range(self.stack_bytes, 1024 * 1024, 1024 * 1024 + 256 * 1024);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

static void a_long_name_is_cut(void **state)
{
    (void)state;
    struct workpool_options options = { .name = "a-name-of-more-than-15-bytes",
                                        .threads = 1,
                                        .queue_max = 1 };
    struct workpool *pool = workpool_create(&options);
    struct self self = { .name = "" };
    assert_true(workpool_submit(pool, look_at_oneself, &self));
    workpool_destroy(&pool);
    assert_string_equal(self.name, "a-name-of-more-");
}

/* Work that is shared */

enum { SHARES = 1000 };

struct tally {
    atomic_int times[SHARES];
    pthread_barrier_t *meet; /* or NULL */
};

static void tally_one(void *ctx, size_t index)
{
    struct tally *tally = ctx;
    atomic_fetch_add(&tally->times[index], 1);
    if (tally->meet != NULL)
        pthread_barrier_wait(tally->meet);
}

static void shared_work_is_done_once_each_and_then_it_returns(void **state)
{
    (void)state;
    struct workpool *pool = create(4, 100);
    struct tally tally = { .meet = NULL };
    workpool_share(pool, 0, tally_one, &tally);
    workpool_share(pool, 1, tally_one, &tally);
    assert_int_equal(atomic_load(&tally.times[0]), 1);
    workpool_share(pool, SHARES, tally_one, &tally);
    for (size_t i = 0; i < SHARES; i++)
        assert_int_equal(atomic_load(&tally.times[i]), i == 0 ? 2 : 1);
    workpool_destroy(&pool);
}

static void shared_work_is_done_side_by_side(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct workpool *pool = create(THREADS, 100);
    pthread_barrier_t meet;
    struct tally tally = { .meet = &meet };
    assert_int_equal(pthread_barrier_init(&meet, NULL, THREADS + 1), 0);
    workpool_share(pool, THREADS + 1, tally_one, &tally); /* each waits for all the others */
    workpool_destroy(&pool);
    pthread_barrier_destroy(&meet);
}

static void shared_work_is_done_though_the_pool_has_no_time(void **state)
{
    (void)state;
    struct workpool *pool = create(1, 3);
    struct gate gate;
    struct tally tally = { .meet = NULL };
    gate_init(&gate);
    assert_true(workpool_submit(pool, pass_gate, &gate));
    wait_until_waiting(&gate, 1);
    workpool_share(pool, 10, tally_one, &tally);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(atomic_load(&tally.times[i]), 1);
    open_gate(&gate);
    workpool_destroy(&pool); /* and the helper that comes too late finds nothing to do */
    gate_finish(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_accepted_job_is_carried_out_once),
        cmocka_unit_test(jobs_of_one_thread_come_first_in_first_out),
        cmocka_unit_test(a_full_queue_refuses_and_accepts_again_later),
        cmocka_unit_test(all_threads_work_at_once),
        cmocka_unit_test(a_pool_being_destroyed_finishes_what_it_accepted_and_refuses_more),
        cmocka_unit_test(threads_have_the_requested_name_niceness_and_stack),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(shared_work_is_done_once_each_and_then_it_returns),
        cmocka_unit_test(shared_work_is_done_side_by_side),
        cmocka_unit_test(shared_work_is_done_though_the_pool_has_no_time),
    };
    return cmocka_run_group_tests_name("workpool", tests, NULL, NULL);
}
