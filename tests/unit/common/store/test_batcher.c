/* services/common/store/batcher: jobs gather during a batch, and are reported in order.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/store/batcher.h"

enum { QUEUE_MAX = 8, BATCH_MAX = 4, LOG_MAX = 64 };

struct fixture {
    struct batcher *batcher;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;
    size_t batches;              /* begun */
    size_t batch_sizes[LOG_MAX]; /* of each */
    size_t may_run;              /* so many batches may go on */
    bool fails_waiting;          /* the batch fails those behind it */
    int reported[LOG_MAX];       /* numbers of jobs, in order */
    enum status outcomes[LOG_MAX];
    size_t report_count;
};

struct numbered {
    struct batch_job head;
    struct fixture *f;
    int number;
};

static void run(void *ctx, struct batch_job *jobs)
{
    struct fixture *f = ctx;
    size_t size = 0;

    for (struct batch_job *job = jobs; job != NULL; job = job->next, size++)
        job->status = STATUS_OK;
    pthread_mutex_lock(&f->lock);
    f->batch_sizes[f->batches++] = size;
    pthread_cond_broadcast(&f->cond);
    while (f->may_run < f->batches)
        pthread_cond_wait(&f->cond, &f->lock);
    bool fails = f->fails_waiting;
    pthread_mutex_unlock(&f->lock);
    if (fails)
        batcher_fail_waiting(f->batcher, STATUS_UNAVAILABLE);
}

static void report(struct batch_job *head)
{
    struct numbered *job = (struct numbered *)head;
    struct fixture *f = job->f;

    pthread_mutex_lock(&f->lock);
    f->outcomes[f->report_count] = head->status;
    f->reported[f->report_count++] = job->number;
    pthread_cond_broadcast(&f->cond);
    pthread_mutex_unlock(&f->lock);
    free(job);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return -1;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->cond, NULL);
    f->batcher = batcher_start(&(struct batcher_options){ .name = "test",
                                                          .queue_max = QUEUE_MAX,
                                                          .batch_max = BATCH_MAX,
                                                          .run = run,
                                                          .report = report,
                                                          .ctx = f });
    *state = f;
    return 0;
}

static void set_fails_waiting(struct fixture *f, bool fails)
{
    pthread_mutex_lock(&f->lock);
    f->fails_waiting = fails;
    pthread_mutex_unlock(&f->lock);
}

static void let_run(struct fixture *f, size_t batches)
{
    pthread_mutex_lock(&f->lock);
    f->may_run = batches;
    pthread_cond_broadcast(&f->cond);
    pthread_mutex_unlock(&f->lock);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    let_run(f, LOG_MAX);
    batcher_stop(&f->batcher);
    pthread_cond_destroy(&f->cond);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static enum status submit(struct fixture *f, int number)
{
    struct numbered *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->f = f;
    job->number = number;
    enum status status = batcher_submit(f->batcher, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}

static void wait_for(struct fixture *f, const size_t *count, size_t wanted)
{
    pthread_mutex_lock(&f->lock);
    while (*count < wanted)
        pthread_cond_wait(&f->cond, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

/* The first job is being carried out, alone; `more` wait behind it. */
static void begin(struct fixture *f, int more)
{
    assert_int_equal(submit(f, 0), STATUS_OK);
    wait_for(f, &f->batches, 1);
    for (int i = 1; i <= more; i++)
        assert_int_equal(submit(f, i), STATUS_OK);
}

static void jobs_that_arrive_meanwhile_form_the_next_batch(void **state)
{
    struct fixture *f = *state;
    begin(f, 6);
    let_run(f, LOG_MAX);
    wait_for(f, &f->report_count, 7);
    assert_int_equal(f->batches, 3);
    assert_int_equal(f->batch_sizes[0], 1);
    assert_int_equal(f->batch_sizes[1], BATCH_MAX);
    assert_int_equal(f->batch_sizes[2], 2);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(f->reported[i], i);
        assert_int_equal(f->outcomes[i], STATUS_OK);
    }
}

static void a_full_queue_is_busy(void **state)
{
    struct fixture *f = *state;
    begin(f, QUEUE_MAX);
    assert_int_equal(submit(f, 99), STATUS_BUSY);
    let_run(f, LOG_MAX);
    wait_for(f, &f->report_count, QUEUE_MAX + 1);
    assert_int_equal(submit(f, 100), STATUS_OK);
    wait_for(f, &f->report_count, QUEUE_MAX + 2);
    assert_int_equal(f->reported[QUEUE_MAX + 1], 100);
}

static void waiting_jobs_can_be_failed_without_being_run(void **state)
{
    struct fixture *f = *state;
    begin(f, 5);
    set_fails_waiting(f, true);
    let_run(f, LOG_MAX);
    wait_for(f, &f->report_count, 6);
    assert_int_equal(f->batches, 1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(f->outcomes[i], f->reported[i] == 0 ? STATUS_OK : STATUS_UNAVAILABLE);
    set_fails_waiting(f, false);
    assert_int_equal(submit(f, 6), STATUS_OK);
    wait_for(f, &f->report_count, 7);
    assert_int_equal(f->outcomes[6], STATUS_OK);
}

static void stopping_finishes_what_was_accepted(void **state)
{
    struct fixture *f = *state;
    begin(f, QUEUE_MAX);
    let_run(f, LOG_MAX);
    batcher_stop(&f->batcher);
    assert_null(f->batcher);
    assert_int_equal(f->report_count, QUEUE_MAX + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_that_arrive_meanwhile_form_the_next_batch),
        TEST(a_full_queue_is_busy),
        TEST(waiting_jobs_can_be_failed_without_being_run),
        TEST(stopping_finishes_what_was_accepted),
    };
    return cmocka_run_group_tests_name("batcher", tests, NULL, NULL);
}
