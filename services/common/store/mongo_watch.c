#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/common/store/mongo_watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum { ASK_MS = 1000, SILENT_MS = 5000 /* a question that takes longer is a failure */ };

struct mongo_watch {
    struct mongo_db *db;
    void (*answered)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;  /* it must stop */
    bool stopping;
    bool answers;
    int64_t asked_ms; /* the last question that is answered, or the first one */
};

static void note(struct mongo_watch *watch, bool answers, int64_t asked_ms)
{
    if (answers && !watch->answers)
        log_info("mongo: the database server answers");
    else if (!answers && watch->answers)
        log_error("mongo: the database server does not answer");
    watch->answers = answers;
    if (answers)
        watch->asked_ms = asked_ms;
}

static void run_watch(void *arg)
{
    struct mongo_watch *watch = arg;

    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        int64_t asked_ms = clock_mono_ms();
        pthread_mutex_unlock(&watch->lock);
        bool answers = mongo_ping(watch->db) == STATUS_OK;
        if (answers && watch->answered != NULL)
            watch->answered(watch->ctx);
        pthread_mutex_lock(&watch->lock);
        note(watch, answers, asked_ms);
        struct timespec until = clock_after_ms(ASK_MS);
        if (!watch->stopping)
            pthread_cond_clockwait(&watch->cond, &watch->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&watch->lock);
}

struct mongo_watch *mongo_watch_start(struct mongo_db *db, void (*answered)(void *ctx), void *ctx)
{
    struct mongo_watch *watch = xcalloc(1, sizeof(*watch));

    watch->db = db;
    watch->answered = answered;
    watch->ctx = ctx;
    watch->answers = true; /* the store was just opened */
    watch->asked_ms = clock_mono_ms();
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->cond, NULL);
    watch->thread = thread_start("mongo-watch", run_watch, watch);
    return watch;
}

void mongo_watch_stop(struct mongo_watch **watch)
{
    struct mongo_watch *w = *watch;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *watch = NULL;
}

const char *mongo_watch_problem(struct mongo_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool fine = watch->answers && clock_mono_ms() - watch->asked_ms < ASK_MS + SILENT_MS;
    pthread_mutex_unlock(&watch->lock);
    return fine ? NULL : "the database server does not answer";
}
