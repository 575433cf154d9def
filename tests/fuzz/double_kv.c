#define _GNU_SOURCE /* pthread_cond_clockwait, gettid */
#include "tests/fuzz/double_kv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/bus/bus_kv.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/fuzz.h"

enum { KEYS_MAX = 512, KEY_SIZE = 64, VALUE_MAX = 64 * 1024 };

struct bus_kv {
    int unused;
};

struct row {
    char key[KEY_SIZE];
    uint64_t revision;
    struct buffer value;
};

/* Reports the rows in the order of their revisions. */
struct bus_kv_watch {
    uint64_t reported;
    uint64_t initial; /* the newest revision at the begin */
    bool initial_ended;
    struct row current;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct row rows[KEYS_MAX];
static size_t row_count;
static uint64_t newest;

static bool is_main_thread(void)
{
    return gettid() == getpid();
}

/* The threads of the program must go on. */
static enum status fail_or_not(void)
{
    enum status status = is_main_thread() ? choices_status() : STATUS_OK;

    return status == STATUS_OK || status == STATUS_CONFLICT || status == STATUS_NOT_FOUND ||
                   status == STATUS_DEADLINE_EXCEEDED
               ? status
               : STATUS_UNAVAILABLE;
}

void double_kv_clear(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < row_count; i++)
        buffer_finish(&rows[i].value);
    row_count = 0;
    newest = 0;
    pthread_mutex_unlock(&lock);
}

static struct row *find_locked(const char *key)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

enum status bus_kv_open(struct bus *bus, const char *bucket, int64_t replicas,
                        struct bus_kv **kv_out)
{
    (void)bus;
    (void)bucket;
    (void)replicas;
    *kv_out = xcalloc(1, sizeof(**kv_out));
    return STATUS_OK;
}

void bus_kv_close(struct bus_kv **kv)
{
    free(*kv);
    *kv = NULL;
}

enum status bus_kv_get(struct bus_kv *kv, const char *key, struct buffer *value_out,
                       uint64_t *revision_out)
{
    (void)kv;
    enum status status = fail_or_not();
    bool is_broken = is_main_thread() && choices_byte() % 8 == 7;

    buffer_clear(value_out);
    if (status != STATUS_OK)
        return status == STATUS_CONFLICT ? STATUS_UNAVAILABLE : status;
    pthread_mutex_lock(&lock);
    const struct row *row = find_locked(key);
    if (row != NULL) {
        *revision_out = row->revision;
        buffer_append(value_out, row->value.data, row->value.length);
    }
    pthread_mutex_unlock(&lock);
    if (is_broken)
        buffer_append(value_out, "\x0A\x7F", 2);
    return row != NULL ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The subject of a key may not be another one's, nor a wildcard. */
static void check_key(const char *key)
{
    assert(*key != '\0' && strlen(key) < KEY_SIZE);
    assert(strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key));
}

enum status bus_kv_swap(struct bus_kv *kv, const char *key, uint64_t revision, const void *value,
                        size_t length, uint64_t *revision_out)
{
    (void)kv;
    enum status status = fail_or_not();

    check_key(key);
    assert(length <= VALUE_MAX);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_UNAVAILABLE : status;
    pthread_mutex_lock(&lock);
    struct row *row = find_locked(key);
    if ((row != NULL ? row->revision : 0) != revision) {
        status = STATUS_CONFLICT;
    } else if (row == NULL && row_count == KEYS_MAX) {
        status = STATUS_UNAVAILABLE;
    } else {
        if (row == NULL) {
            row = &rows[row_count++];
            *row = (struct row){ .key = "" };
            snprintf(row->key, sizeof(row->key), "%s", key);
        }
        buffer_clear(&row->value);
        buffer_append(&row->value, value, length);
        row->revision = *revision_out = ++newest;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

/* --- watching ------------------------------------------------------------------------------ */

enum status bus_kv_watch(struct bus_kv *kv, struct bus_kv_watch **watch_out)
{
    (void)kv;
    *watch_out = xcalloc(1, sizeof(**watch_out));
    pthread_mutex_lock(&lock);
    (*watch_out)->initial = newest;
    pthread_mutex_unlock(&lock);
    return STATUS_OK;
}

void bus_kv_unwatch(struct bus_kv_watch **watch)
{
    if (*watch != NULL)
        buffer_finish(&(*watch)->current.value);
    free(*watch);
    *watch = NULL;
}

static const struct row *next_locked(const struct bus_kv_watch *watch)
{
    const struct row *next = NULL;

    for (size_t i = 0; i < row_count; i++)
        if (rows[i].revision > watch->reported &&
            (next == NULL || rows[i].revision < next->revision))
            next = &rows[i];
    return next;
}

static void report(struct bus_kv_watch *watch, const struct row *row,
                   struct bus_kv_change *change_out)
{
    snprintf(watch->current.key, sizeof(watch->current.key), "%s", row->key);
    buffer_clear(&watch->current.value);
    buffer_append(&watch->current.value, row->value.data, row->value.length);
    watch->reported = row->revision;
    *change_out = (struct bus_kv_change){ .key = watch->current.key,
                                          .value = watch->current.value.data,
                                          .length = watch->current.value.length,
                                          .revision = row->revision };
}

enum status bus_kv_watch_next(struct bus_kv_watch *watch, int64_t timeout_ms,
                              struct bus_kv_change *change_out)
{
    struct timespec until = clock_after_ms(timeout_ms);
    enum status status = STATUS_OK;
    const struct row *row;
    int waited = 0;

    pthread_mutex_lock(&lock);
    bool ends = !watch->initial_ended && watch->reported >= watch->initial;
    while (!ends && (row = next_locked(watch)) == NULL && waited == 0)
        waited = pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
    if (ends) {
        watch->initial_ended = true;
        *change_out = (struct bus_kv_change){ .is_initial_end = true };
    } else if (row != NULL) {
        report(watch, row, change_out);
    } else {
        status = STATUS_DEADLINE_EXCEEDED;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

enum status bus_kv_look(struct bus_kv *kv, struct bus_kv_state *state_out)
{
    (void)kv;
    enum status status = fail_or_not();

    pthread_mutex_lock(&lock);
    *state_out = (struct bus_kv_state){ .created_ns = 1, .last = newest, .count = row_count };
    for (size_t i = 0; i < row_count; i++)
        if (state_out->first == 0 || rows[i].revision < state_out->first)
            state_out->first = rows[i].revision;
    pthread_mutex_unlock(&lock);
    return status == STATUS_CONFLICT ? STATUS_UNAVAILABLE : status;
}
