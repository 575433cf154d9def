#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/store/sqlite_checkpointer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/common/store/sqlite_paced_file.h"

enum {
    LOG_PAGES = 16384,           /* of 2 KiB; in older files of 4 */
    AGAIN_PAGES = LOG_PAGES / 4, /* more, if a reader has prevented the log from restarting */
    HURRY_PAGES = LOG_PAGES * 2,
    WAIT_PAGES = LOG_PAGES * 5 / 2,
    FEW_PAGES = 128, /* that the writer can checkpoint itself */
    ROUNDS_MAX = 5,  /* of the pages written during the last run */
    REST_MS = 1000,
    REST_PAGES = 1000, /* less is not worth a write to the file */
};

enum state { AT_REST, WANTED, RUNNING, TO_BE_FINISHED /* by the writer */ };

struct sqlite_checkpointer {
    struct sqlite_conn *conn, *writer;
    struct sqlite_paced_file *file; /* of conn */
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;  /* the state has changed, or it must stop */
    bool stopping;
    enum state state;
    int last_pages; /* of the log, at the writer's last commit */
    int next_pages; /* at which to begin */
    unsigned logs;  /* restarts of the log */
    bool watches;   /* without a write */
    int64_t last_commit_ms;
};

/* Whether what is not in the file yet, after `done` pages of the log, is little. */
static bool is_nearly_done(struct sqlite_checkpointer *checkpointer, int done)
{
    pthread_mutex_lock(&checkpointer->lock);
    bool nearly = checkpointer->stopping || checkpointer->last_pages - done <= FEW_PAGES;
    pthread_mutex_unlock(&checkpointer->lock);
    return nearly;
}

/* False when a reader prevents it, another process is checkpointing, or the log grows faster. */
static bool checkpoint(struct sqlite_checkpointer *checkpointer)
{
    int done = 0;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        int before = done;
        done = sqlite_conn_checkpoint(checkpointer->conn);
        if (done <= before)
            return false;
        if (is_nearly_done(checkpointer, done))
            return true;
    }
    return false;
}

/* With the lock. If the log has restarted meanwhile, nothing is left to do. */
static void end_run(struct sqlite_checkpointer *checkpointer, bool same_log, bool nearly_done)
{
    checkpointer->state = same_log && nearly_done ? TO_BE_FINISHED : AT_REST;
    if (same_log)
        checkpointer->next_pages = checkpointer->last_pages + AGAIN_PAGES;
}

/* Until there is something to checkpoint, or it must stop. With the lock. */
static void wait_for_work(struct sqlite_checkpointer *checkpointer)
{
    while (checkpointer->state != WANTED && !checkpointer->stopping) {
        int64_t rested_ms = clock_mono_ms() - checkpointer->last_commit_ms;
        if (!checkpointer->watches || checkpointer->last_pages < REST_PAGES) {
            checkpointer->watches = false;
            pthread_cond_wait(&checkpointer->cond, &checkpointer->lock);
        } else if (rested_ms < REST_MS) {
            struct timespec until = clock_after_ms(REST_MS - rested_ms);
            pthread_cond_clockwait(&checkpointer->cond, &checkpointer->lock, CLOCK_MONOTONIC,
                                   &until);
        } else {
            break;
        }
    }
    checkpointer->watches = false;
}

static void run_checkpointer(void *arg)
{
    struct sqlite_checkpointer *checkpointer = arg;

    pthread_mutex_lock(&checkpointer->lock);
    for (;;) {
        wait_for_work(checkpointer);
        if (checkpointer->stopping)
            break;
        checkpointer->state = RUNNING;
        sqlite_paced_file_hurry(checkpointer->file, checkpointer->last_pages >= HURRY_PAGES);
        unsigned log = checkpointer->logs;
        pthread_mutex_unlock(&checkpointer->lock);
        bool nearly_done = checkpoint(checkpointer);
        pthread_mutex_lock(&checkpointer->lock);
        end_run(checkpointer, checkpointer->logs == log, nearly_done);
        pthread_cond_broadcast(&checkpointer->cond);
    }
    pthread_mutex_unlock(&checkpointer->lock);
}

/* At this length, the log grows faster than it is checkpointed. With the lock. */
static void keep_log_short(struct sqlite_checkpointer *checkpointer, int log_pages)
{
    if (log_pages >= HURRY_PAGES)
        sqlite_paced_file_hurry(checkpointer->file, true);
    while (log_pages >= WAIT_PAGES && checkpointer->state == RUNNING)
        pthread_cond_wait(&checkpointer->cond, &checkpointer->lock);
}

/* The log has restarted: all its pages are in the file. With the lock. */
static void reset_all(struct sqlite_checkpointer *checkpointer)
{
    if (checkpointer->state == TO_BE_FINISHED)
        checkpointer->state = AT_REST;
    checkpointer->next_pages = LOG_PAGES;
    checkpointer->logs++;
}

/* The writer's thread, after a commit. */
static void handle_commit(void *ctx, int log_pages)
{
    struct sqlite_checkpointer *checkpointer = ctx;

    pthread_mutex_lock(&checkpointer->lock);
    if (log_pages < checkpointer->last_pages)
        reset_all(checkpointer);
    checkpointer->last_pages = log_pages;
    checkpointer->last_commit_ms = clock_mono_ms();
    if (log_pages >= REST_PAGES && !checkpointer->watches && checkpointer->state == AT_REST) {
        checkpointer->watches = true;
        pthread_cond_broadcast(&checkpointer->cond);
    }
    if (checkpointer->state == RUNNING)
        keep_log_short(checkpointer, log_pages);
    bool finish = checkpointer->state == TO_BE_FINISHED;
    if (finish) {
        checkpointer->state = AT_REST;
    } else if (checkpointer->state == AT_REST && log_pages >= checkpointer->next_pages) {
        checkpointer->state = WANTED;
        pthread_cond_broadcast(&checkpointer->cond);
    }
    pthread_mutex_unlock(&checkpointer->lock);
    if (finish)
        sqlite_conn_checkpoint(checkpointer->writer);
}

struct sqlite_checkpointer *sqlite_checkpointer_start(struct sqlite_db *db,
                                                      struct sqlite_conn *writer)
{
    struct sqlite_conn *conn = sqlite_conn_open(db, sqlite_paced_file_layer());

    if (conn == NULL)
        return NULL;
    struct sqlite_checkpointer *checkpointer = xcalloc(1, sizeof(*checkpointer));
    checkpointer->conn = conn;
    checkpointer->file = sqlite_paced_file_of(sqlite_conn_handle(conn));
    checkpointer->writer = writer;
    checkpointer->next_pages = LOG_PAGES;
    pthread_mutex_init(&checkpointer->lock, NULL);
    pthread_cond_init(&checkpointer->cond, NULL);
    checkpointer->thread = thread_start("checkpointer", run_checkpointer, checkpointer);
    sqlite_conn_on_commit(writer, handle_commit, checkpointer);
    return checkpointer;
}

void sqlite_checkpointer_stop(struct sqlite_checkpointer **checkpointer)
{
    struct sqlite_checkpointer *c = *checkpointer;

    if (c == NULL)
        return;
    sqlite_conn_on_commit(c->writer, NULL, NULL);
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->cond);
    pthread_mutex_unlock(&c->lock);
    sqlite3_interrupt(sqlite_conn_handle(c->conn));
    pthread_join(c->thread, NULL);
    sqlite_conn_close(&c->conn);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *checkpointer = NULL;
}
