#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/user/mail/mailer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/backoff.h"
#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"
#include "services/user/mail/mail_message.h"
#include "services/user/mail/smtp.h"

enum { PAUSE_MIN_MS = 2000, PAUSE_MAX_MS = 5 * 60 * 1000, ID_SIZE = 33 };

struct job {
    struct job *next;
    struct mail_wish wish;
    struct mail mail;              /* once it is composed */
    struct buffer message;         /* likewise; empty before */
    int64_t due_ms, compose_by_ms; /* of clock_mono_ms */
    unsigned failures;
};

struct mailer {
    const struct mail_settings *settings;
    mailer_compose *compose;
    void *ctx;
    struct smtp *smtp; /* of the thread */
    pthread_t thread;
    atomic_llong stop_by_ms; /* of clock_mono_ms; 0: it need not stop */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t cond;
    struct job *first; /* in the order in which they came, or failed */
    size_t count;      /* with the one that is being sent */
};

/* --- jobs ---------------------------------------------------------------------------------- */

/* It holds a code. */
static void destroy_job(struct job *job)
{
    if (job->message.data != NULL)
        memory_wipe(job->message.data, job->message.capacity);
    buffer_finish(&job->message);
    if (job->mail.text != NULL)
        memory_wipe(job->mail.text, strlen(job->mail.text));
    free(job->mail.text);
    free(job->mail.subject);
    memory_wipe(&job->wish, sizeof(job->wish));
    free(job);
}

static void append_job_locked(struct mailer *mailer, struct job *job)
{
    struct job **place = &mailer->first;

    while (*place != NULL)
        place = &(*place)->next;
    job->next = NULL;
    *place = job;
}

/* The first job that is due; NULL: none is, and `*next_ms_out` is when one will be. */
static struct job *remove_due_locked(struct mailer *mailer, int64_t *next_ms_out)
{
    int64_t now_ms = clock_mono_ms();

    *next_ms_out = now_ms + PAUSE_MAX_MS;
    for (struct job **place = &mailer->first; *place != NULL; place = &(*place)->next) {
        struct job *job = *place;
        if (job->due_ms <= now_ms) {
            *place = job->next;
            return job;
        }
        if (job->due_ms < *next_ms_out)
            *next_ms_out = job->due_ms;
    }
    return NULL;
}

void mailer_enqueue(struct mailer *mailer, const struct mail_wish *wish)
{
    struct job *job = xcalloc(1, sizeof(*job));

    job->wish = *wish;
    job->due_ms = clock_mono_ms();
    job->compose_by_ms = job->due_ms + MAILER_COMPOSE_MS;
    pthread_mutex_lock(&mailer->lock);
    bool has_place = mailer->count < MAILER_PENDING_MAX;
    if (has_place) {
        append_job_locked(mailer, job);
        mailer->count++;
        pthread_cond_signal(&mailer->cond);
    }
    pthread_mutex_unlock(&mailer->lock);
    if (has_place)
        return;
    log_warn("a mail is dropped: %d wait for the SMTP server", MAILER_PENDING_MAX);
    destroy_job(job);
}

/* --- one try ------------------------------------------------------------------------------- */

static enum status compose(struct mailer *mailer, struct job *job)
{
    char id[ID_SIZE];

    if (job->message.length > 0)
        return STATUS_OK;
    enum status status = mailer->compose(mailer->ctx, &job->wish, &job->mail);
    if (status != STATUS_OK)
        return status;
    id_random_hex(id, (ID_SIZE - 1) / 2);
    struct mail_message message = {
        .from = mailer->settings->from,
        .to = job->mail.to,
        .subject = job->mail.subject,
        .text = job->mail.text,
        .id = id,
        .date_s = clock_wall_ms() / 1000,
    };
    status = mail_message_write(&message, &job->message);
    if (status != STATUS_OK)
        log_warn("a mail is not sent: its address is not one of SMTP");
    return status;
}

static bool is_of_no_use(const struct job *job)
{
    if (job->message.length == 0)
        return clock_mono_ms() >= job->compose_by_ms;
    return clock_wall_ms() / 1000 >= job->mail.expires_at_s;
}

static bool send_mail(struct mailer *mailer, struct job *job)
{
    char problem[SMTP_PROBLEM_SIZE];

    enum smtp_outcome outcome = smtp_send(mailer->smtp, job->mail.to, &job->message, problem);
    if (outcome == SMTP_SENT)
        log_debug("a mail was sent");
    else if (outcome == SMTP_REFUSED)
        log_warn("a mail was not sent, and is given up: %s", problem);
    else
        log_warn("a mail was not sent: %s; next try later", problem);
    return outcome != SMTP_TRY_LATER;
}

/* False: to be tried again. */
static bool try_job(struct mailer *mailer, struct job *job)
{
    enum status status = compose(mailer, job);

    if (status != STATUS_OK && status != STATUS_UNAVAILABLE && status != STATUS_BUSY)
        return true;
    if (!is_of_no_use(job) && status == STATUS_OK && send_mail(mailer, job))
        return true;
    if (++job->failures < MAILER_TRIES_MAX && !is_of_no_use(job))
        return false;
    log_warn("a mail is given up: it was not sent in time");
    return true;
}

/* --- the thread ---------------------------------------------------------------------------- */

static bool must_end(void *ctx)
{
    struct mailer *mailer = ctx;
    int64_t stop_by_ms = atomic_load(&mailer->stop_by_ms);

    return stop_by_ms != 0 && clock_mono_ms() >= stop_by_ms;
}

/* The next job that is due; NULL: it has to stop. */
static struct job *wait_for_job(struct mailer *mailer)
{
    struct job *job = NULL;
    int64_t next_ms;

    pthread_mutex_lock(&mailer->lock);
    while (!must_end(mailer) && (job = remove_due_locked(mailer, &next_ms)) == NULL &&
           atomic_load(&mailer->stop_by_ms) == 0) {
        struct timespec until = clock_at_us(next_ms * 1000);
        pthread_cond_clockwait(&mailer->cond, &mailer->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&mailer->lock);
    return job;
}

static void finish_job(struct mailer *mailer, struct job *job, bool is_done)
{
    pthread_mutex_lock(&mailer->lock);
    if (is_done) {
        mailer->count--;
    } else {
        job->due_ms = clock_mono_ms() + backoff_pause(job->failures, PAUSE_MIN_MS, PAUSE_MAX_MS);
        append_job_locked(mailer, job);
    }
    pthread_mutex_unlock(&mailer->lock);
    if (is_done)
        destroy_job(job);
}

static void run_mailer(void *arg)
{
    struct mailer *mailer = arg;
    struct job *job;

    while ((job = wait_for_job(mailer)) != NULL)
        finish_job(mailer, job, try_job(mailer, job));
}

/* --- life ---------------------------------------------------------------------------------- */

enum status mailer_start(const struct mail_settings *settings, mailer_compose *compose_mail,
                         void *ctx, struct mailer **mailer_out)
{
    if (settings->ca_file[0] != '\0' && access(settings->ca_file, R_OK) != 0) {
        log_error("mail.caFile: %s: %s", settings->ca_file, strerror(errno));
        return STATUS_INVALID_ARGUMENT;
    }
    struct mailer *mailer = xcalloc(1, sizeof(*mailer));
    mailer->settings = settings;
    mailer->compose = compose_mail;
    mailer->ctx = ctx;
    mailer->smtp = smtp_create(settings, must_end, mailer);
    pthread_mutex_init(&mailer->lock, NULL);
    pthread_cond_init(&mailer->cond, NULL);
    mailer->thread = thread_start("mailer", run_mailer, mailer);
    *mailer_out = mailer;
    return STATUS_OK;
}

void mailer_stop(struct mailer **mailer)
{
    struct mailer *m = *mailer;
    struct job *job;

    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    atomic_store(&m->stop_by_ms, clock_mono_ms() + MAILER_STOP_MS);
    pthread_cond_signal(&m->cond);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    if (m->count > 0)
        log_warn("%zu mails were not sent before the end", m->count);
    while ((job = m->first) != NULL) {
        m->first = job->next;
        destroy_job(job);
    }
    smtp_destroy(&m->smtp);
    pthread_cond_destroy(&m->cond);
    pthread_mutex_destroy(&m->lock);
    free(m);
    *mailer = NULL;
}
