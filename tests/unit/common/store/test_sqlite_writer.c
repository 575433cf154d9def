/* services/common/store/sqlite_writer: many jobs, one transaction, outcomes in order. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "services/common/base/log.h"
#include "services/common/store/sqlite_writer.h"
#include "tests/unit/capture.h"
#include "tests/unit/process.h"
#include "tests/unit/temp_dir.h"

enum { QUEUE_MAX = 3000, PROCESS_JOBS = 300 };

static const char *const migrations[] = { "CREATE TABLE entry (name TEXT UNIQUE)" };

struct fixture {
    char dir[TEMP_PATH_SIZE];
    char path[TEMP_PATH_SIZE + 16];
    struct sqlite_db *db;
    struct sqlite_writer *writer;
    /* What the jobs of a test share. */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool open;       /* the gate at which a job with `at_gate` waits */
    bool gate_taken; /* by such a job */
    int runs, reports;
};

struct entry_job {
    struct sqlite_job head;
    struct fixture *f;
    char name[32];
    enum status outcome; /* of run, after it has written */
    bool at_gate;
    bool commit_seen; /* at the report, a reader saw the entry */
    int run_place, report_place, reports;
    enum status reported;
};

static void start(struct fixture *f, size_t queue_max)
{
    assert_int_equal(sqlite_db_open(f->path, migrations, 1, &f->db), STATUS_OK);
    assert_int_equal(sqlite_writer_start(f->db, queue_max, &f->writer), STATUS_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(f->path, sizeof(f->path), "%s/test.db", f->dir);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->cond, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sqlite_writer_stop(&f->writer);
    sqlite_db_close(&f->db);
    pthread_cond_destroy(&f->cond);
    pthread_mutex_destroy(&f->lock);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

/* Jobs */

static enum status insert(struct sqlite_conn *conn, const char *name)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO entry VALUES (?)");
    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void wait_at_gate(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->gate_taken = true;
    pthread_cond_broadcast(&f->cond);
    while (!f->open)
        pthread_cond_wait(&f->cond, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static enum status run_entry(struct sqlite_job *head, struct sqlite_conn *conn)
{
    struct entry_job *job = (struct entry_job *)head;
    pthread_mutex_lock(&job->f->lock);
    job->run_place = ++job->f->runs;
    pthread_mutex_unlock(&job->f->lock);
    if (job->at_gate)
        wait_at_gate(job->f);
    if (job->outcome == STATUS_CONFLICT) /* such a job has written nothing */
        return STATUS_CONFLICT;
    enum status status = insert(conn, job->name);
    return status == STATUS_OK ? job->outcome : status;
}

static bool is_there(struct sqlite_db *db, const char *name)
{
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    if (conn == NULL)
        return false;
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT 1 FROM entry WHERE name = ?");
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    bool there = sqlite_step(s) == SQLITE_ROW;
    sqlite3_reset(s);
    sqlite_db_give_back(db, conn);
    return there;
}

static void report_entry(struct sqlite_job *head, enum status status)
{
    struct entry_job *job = (struct entry_job *)head;
    job->commit_seen = is_there(job->f->db, job->name);
    pthread_mutex_lock(&job->f->lock);
    job->report_place = ++job->f->reports;
    job->reported = status;
    job->reports++;
    pthread_cond_broadcast(&job->f->cond);
    pthread_mutex_unlock(&job->f->lock);
}

static struct entry_job make_job(struct fixture *f, int number)
{
    struct entry_job job = { .head = { .run = run_entry, .done = report_entry },
                             .f = f,
                             .outcome = STATUS_OK,
                             .reported = STATUS_INTERNAL };
    snprintf(job.name, sizeof(job.name), "entry-%d", number);
    return job;
}

static void submit(struct fixture *f, struct entry_job *job)
{
    assert_int_equal(sqlite_writer_submit(f->writer, &job->head), STATUS_OK);
}

/* Holds the writer in a transaction of its own, so that what comes after gathers. */
static void hold_writer(struct fixture *f, struct entry_job *holder)
{
    *holder = make_job(f, -1);
    holder->at_gate = true;
    submit(f, holder);
    pthread_mutex_lock(&f->lock);
    while (!f->gate_taken)
        pthread_cond_wait(&f->cond, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void release_writer(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->open = true;
    pthread_cond_broadcast(&f->cond);
    pthread_mutex_unlock(&f->lock);
}

static void wait_for_reports(struct fixture *f, int count)
{
    pthread_mutex_lock(&f->lock);
    while (f->reports < count)
        pthread_cond_wait(&f->cond, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static int64_t ask_number(struct fixture *f, const char *query)
{
    struct sqlite_conn *conn = sqlite_db_borrow(f->db);
    sqlite3_stmt *s = sqlite_conn_prepare(conn, query);
    assert_int_equal(sqlite_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    sqlite_db_give_back(f->db, conn);
    return number;
}

static int64_t count_entries(struct fixture *f)
{
    return ask_number(f, "SELECT count(*) FROM entry");
}

/* Order and commits */

static void jobs_are_run_and_reported_in_the_order_they_came(void **state)
{
    struct fixture *f = *state;
    static struct entry_job jobs[QUEUE_MAX];
    struct entry_job holder;
    start(f, QUEUE_MAX);
    hold_writer(f, &holder);
    for (int i = 0; i < QUEUE_MAX; i++) {
        jobs[i] = make_job(f, i);
        submit(f, &jobs[i]);
    }
    release_writer(f);
    wait_for_reports(f, QUEUE_MAX + 1);
    for (int i = 0; i < QUEUE_MAX; i++) {
        assert_int_equal(jobs[i].run_place, i + 2);
        assert_int_equal(jobs[i].report_place, i + 2);
        assert_int_equal(jobs[i].reported, STATUS_OK);
        assert_int_equal(jobs[i].reports, 1);
    }
    assert_int_equal(count_entries(f), QUEUE_MAX + 1);
}

static void a_report_comes_after_the_commit(void **state)
{
    struct fixture *f = *state;
    struct entry_job jobs[40];
    start(f, QUEUE_MAX);
    for (int i = 0; i < (int)COUNT_OF(jobs); i++) {
        jobs[i] = make_job(f, i);
        submit(f, &jobs[i]);
    }
    wait_for_reports(f, COUNT_OF(jobs));
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        assert_true(jobs[i].commit_seen);
}

static void a_failing_commit_undoes_its_batch_and_nothing_before(void **state)
{
    struct fixture *f = *state;
    struct entry_job holder, jobs[5], later = make_job(f, 1);
    start(f, QUEUE_MAX);
    hold_writer(f, &holder);
    for (int i = 0; i < 5; i++) {
        jobs[i] = make_job(f, i);
        jobs[i].outcome = i == 2 ? STATUS_UNAVAILABLE : STATUS_OK;
        submit(f, &jobs[i]);
    }
    release_writer(f);
    wait_for_reports(f, 6);
    assert_int_equal(holder.reported, STATUS_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].reported, STATUS_UNAVAILABLE);
        assert_int_equal(jobs[i].report_place, i + 2);
    }
    assert_int_equal(count_entries(f), 1);
    submit(f, &later); /* a name that the undone transaction had taken */
    wait_for_reports(f, 7);
    assert_int_equal(later.reported, STATUS_OK);
    assert_int_equal(count_entries(f), 2);
}

static void any_other_failure_concerns_its_job_alone(void **state)
{
    struct fixture *f = *state;
    struct entry_job holder, jobs[5];
    start(f, QUEUE_MAX);
    hold_writer(f, &holder);
    for (int i = 0; i < 5; i++) {
        jobs[i] = make_job(f, i);
        jobs[i].outcome = i == 2 ? STATUS_CONFLICT : STATUS_OK;
        submit(f, &jobs[i]);
    }
    release_writer(f);
    wait_for_reports(f, 6);
    for (int i = 0; i < 5; i++)
        assert_int_equal(jobs[i].reported, i == 2 ? STATUS_CONFLICT : STATUS_OK);
    assert_int_equal(count_entries(f), 5);
}

/* A disk that is full, as far as this process can tell. */
static void a_full_disk_fails_the_batch_and_the_store_recovers_later(void **state)
{
    struct fixture *f = *state;
    struct entry_job before = make_job(f, 0), failing = make_job(f, 1), after = make_job(f, 2);
    struct rlimit usual, tight;
    struct stat wal;
    char wal_path[TEMP_PATH_SIZE + 32];
    start(f, QUEUE_MAX);
    assert_int_equal(sqlite_writer_run(f->writer, &before.head), STATUS_OK);
    snprintf(wal_path, sizeof(wal_path), "%s-wal", f->path);
    assert_int_equal(stat(wal_path, &wal), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    tight = usual;
    tight.rlim_cur = (rlim_t)wal.st_size;
    signal(SIGXFSZ, SIG_IGN);
    struct capture capture = capture_begin();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum status status = sqlite_writer_run(f->writer, &failing.head);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    free(capture_end(&capture));
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_false(is_there(f->db, failing.name));
    assert_int_equal(sqlite_writer_run(f->writer, &after.head), STATUS_OK);
    assert_int_equal(sqlite_writer_run(f->writer, &failing.head), STATUS_OK);
    assert_int_equal(count_entries(f), 3);
}

/* The log */

static enum status run_big(struct sqlite_job *job, struct sqlite_conn *conn)
{
    (void)job;
    return sqlite_conn_exec(conn, "CREATE TABLE IF NOT EXISTS big (data BLOB);"
                                  "INSERT INTO big VALUES (zeroblob(200000))");
}

static void the_log_is_restarted_although_writing_never_stops(void **state)
{
    enum { JOBS = 1200, LOG_MAX = 96 * 1024 * 1024 }; /* 240 MB are written */
    struct fixture *f = *state;
    char wal_path[TEMP_PATH_SIZE + 32];
    struct stat wal, file;
    start(f, QUEUE_MAX);
    for (int i = 0; i < JOBS; i++) {
        struct sqlite_job job = { .run = run_big };
        assert_int_equal(sqlite_writer_run(f->writer, &job), STATUS_OK);
    }
    snprintf(wal_path, sizeof(wal_path), "%s-wal", f->path);
    assert_int_equal(stat(wal_path, &wal), 0); /* as long as it ever was */
    assert_int_equal(stat(f->path, &file), 0);
    assert_in_range(wal.st_size, 1, LOG_MAX);
    assert_true(file.st_size > 2 * LOG_MAX / 3);
}

static void the_log_is_checkpointed_when_writing_pauses(void **state)
{
    enum { JOBS = 20 }; /* 4 MB */
    struct fixture *f = *state;
    struct stat file;
    start(f, QUEUE_MAX);
    for (int i = 0; i < JOBS; i++) {
        struct sqlite_job job = { .run = run_big };
        assert_int_equal(sqlite_writer_run(f->writer, &job), STATUS_OK);
    }
    assert_int_equal(stat(f->path, &file), 0);
    assert_true(file.st_size < JOBS * 100000);
    do {
        sched_yield();
        assert_int_equal(stat(f->path, &file), 0);
    } while (file.st_size < JOBS * 200000);
}

static void stopping_during_a_checkpoint_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct stat file = { 0 };
    int written = 0;
    start(f, QUEUE_MAX);
    for (; file.st_size < 1000000; written++) { /* it has begun */
        struct sqlite_job job = { .run = run_big };
        assert_int_equal(sqlite_writer_run(f->writer, &job), STATUS_OK);
        assert_int_equal(stat(f->path, &file), 0);
    }
    sqlite_writer_stop(&f->writer);
    sqlite_db_close(&f->db);
    assert_int_equal(sqlite_db_open(f->path, migrations, 1, &f->db), STATUS_OK);
    assert_int_equal(ask_number(f, "SELECT count(*) FROM big"), written);
    assert_int_equal(ask_number(f, "SELECT count(*) FROM pragma_integrity_check"
                                   " WHERE integrity_check = 'ok'"),
                     1);
}

/* The queue */

static void a_full_queue_is_busy_and_does_not_touch_the_job(void **state)
{
    struct fixture *f = *state;
    enum { MAX = 3 };
    struct entry_job holder, jobs[MAX], refused = make_job(f, 100), before;
    memcpy(&before, &refused, sizeof(before));
    start(f, MAX);
    hold_writer(f, &holder);
    for (int i = 0; i < MAX; i++) {
        jobs[i] = make_job(f, i);
        submit(f, &jobs[i]);
    }
    assert_int_equal(sqlite_writer_submit(f->writer, &refused.head), STATUS_BUSY);
    assert_memory_equal(&refused, &before, sizeof(refused));
    assert_int_equal(sqlite_writer_run(f->writer, &refused.head), STATUS_BUSY);
    assert_int_equal(refused.run_place, 0);
    release_writer(f);
    wait_for_reports(f, MAX + 1);
    assert_int_equal(sqlite_writer_run(f->writer, &refused.head), STATUS_OK);
    assert_int_equal(count_entries(f), MAX + 2);
}

static void stopping_finishes_what_was_accepted(void **state)
{
    struct fixture *f = *state;
    static struct entry_job jobs[1000];
    struct entry_job holder;
    start(f, QUEUE_MAX);
    hold_writer(f, &holder);
    for (int i = 0; i < (int)COUNT_OF(jobs); i++) {
        jobs[i] = make_job(f, i);
        submit(f, &jobs[i]);
    }
    release_writer(f);
    sqlite_writer_stop(&f->writer);
    assert_null(f->writer);
    sqlite_writer_stop(&f->writer);
    assert_int_equal(f->reports, COUNT_OF(jobs) + 1);
    assert_int_equal(count_entries(f), COUNT_OF(jobs) + 1);
}

/* Waiting for the outcome */

static void *run_and_wait(void *arg)
{
    struct fixture *f = arg;
    static atomic_int number;
    for (int i = 0; i < 50; i++) {
        struct entry_job job = make_job(f, atomic_fetch_add(&number, 1));
        if (sqlite_writer_run(f->writer, &job.head) != STATUS_OK || !is_there(f->db, job.name))
            return NULL;
    }
    return f;
}

static void threads_wait_each_for_its_own_outcome(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[8];
    start(f, QUEUE_MAX);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_and_wait, f), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, f);
    }
    assert_int_equal(count_entries(f), 400);
}

static void the_outcome_of_a_waited_job_is_its_own(void **state)
{
    struct fixture *f = *state;
    struct entry_job good = make_job(f, 1), conflict = make_job(f, 2), down = make_job(f, 3);
    conflict.outcome = STATUS_CONFLICT;
    down.outcome = STATUS_UNAVAILABLE;
    start(f, QUEUE_MAX);
    assert_int_equal(sqlite_writer_run(f->writer, &good.head), STATUS_OK);
    assert_int_equal(sqlite_writer_run(f->writer, &conflict.head), STATUS_CONFLICT);
    assert_int_equal(sqlite_writer_run(f->writer, &down.head), STATUS_UNAVAILABLE);
    assert_int_equal(count_entries(f), 1);
}

/* Several processes */

static enum status run_named(struct sqlite_job *head, struct sqlite_conn *conn)
{
    return insert(conn, ((struct entry_job *)head)->name);
}

static int write_from_a_process(void *arg)
{
    struct fixture *f = arg;
    if (sqlite_db_open(f->path, migrations, 1, &f->db) != STATUS_OK ||
        sqlite_writer_start(f->db, QUEUE_MAX, &f->writer) != STATUS_OK)
        return 1;
    for (int i = 0; i < PROCESS_JOBS; i++) {
        struct entry_job job = { .head.run = run_named };
        snprintf(job.name, sizeof(job.name), "%d-%d", (int)getpid(), i);
        if (sqlite_writer_run(f->writer, &job.head) != STATUS_OK)
            return 2;
    }
    sqlite_writer_stop(&f->writer);
    sqlite_db_close(&f->db);
    return 0;
}

static void processes_take_turns_in_one_file(void **state)
{
    struct fixture *f = *state;
    pid_t pids[3];
    for (size_t i = 0; i < COUNT_OF(pids); i++)
        pids[i] = process_start(write_from_a_process, f);
    assert_processes_went_well(pids, COUNT_OF(pids));
    start(f, QUEUE_MAX);
    assert_int_equal(count_entries(f), PROCESS_JOBS * COUNT_OF(pids));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processes_take_turns_in_one_file),
        TEST(jobs_are_run_and_reported_in_the_order_they_came),
        TEST(a_report_comes_after_the_commit),
        TEST(a_failing_commit_undoes_its_batch_and_nothing_before),
        TEST(any_other_failure_concerns_its_job_alone),
        TEST(a_full_disk_fails_the_batch_and_the_store_recovers_later),
        TEST(the_log_is_restarted_although_writing_never_stops),
        TEST(the_log_is_checkpointed_when_writing_pauses),
        TEST(stopping_during_a_checkpoint_loses_nothing),
        TEST(a_full_queue_is_busy_and_does_not_touch_the_job),
        TEST(stopping_finishes_what_was_accepted),
        TEST(threads_wait_each_for_its_own_outcome),
        TEST(the_outcome_of_a_waited_job_is_its_own),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("sqlite_writer", tests, NULL, NULL);
}
