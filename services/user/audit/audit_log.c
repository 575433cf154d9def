#define _GNU_SOURCE /* pthread_cond_clockwait */
#include "services/user/audit/audit_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/array.h"
#include "services/common/base/clock.h"
#include "services/common/base/hashmap.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum {
    WRITTEN_AT_ONCE_MAX = 500,
    RETRY_MS = 1000,
    PRUNE_MS = 60 * 60 * 1000,
    KEY_SIZE = 512,
};

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

/* An entry of the current minute, which events are still added to. */
struct open_entry {
    struct user_audit_entry entry;
    bool is_new;     /* it has not been written */
    bool is_changed; /* it has been repeated since */
};

struct audit_log {
    struct user_store *store;
    int64_t keep_days;
    size_t max[USER_AUDIT_SHARES];
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t cond;  /* there is a new entry, or it stops */
    bool stops;
    struct hashmap *by_key;    /* the entries by what their events have in common */
    struct open_entry **items; /* the same, the oldest first */
    size_t count, capacity;
    size_t new_count;             /* entries that have not been written */
    int64_t minute_ms;            /* of clock_mono_ms, when the minute began */
    struct open_entry dropped;    /* of this minute; count 0: none are */
    struct user_audit_list ended; /* of the minute before: what has not been written */
    size_t ended_written;         /* so many of them have been */
    int64_t repeats_ms;           /* of clock_mono_ms, when repeated entries were written */
    int64_t pruned_ms;            /* likewise, and how many were written since */
    size_t added;
};

/* --- which entry an event belongs to ------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void make_entry(const struct audit_event *event, struct user_audit_entry *entry)
{
    int64_t now_ms = clock_wall_ms();

    *entry = (struct user_audit_entry){ .place = { now_ms, id_new() },
                                        .last_ms = now_ms,
                                        .count = 1,
                                        .share = audit_kinds_share(event->by) };
    copy_text(entry->kind, sizeof(entry->kind), audit_kinds_word(event->kind));
    copy_text(entry->outcome, sizeof(entry->outcome), audit_kinds_outcome(event->outcome));
    copy_text(entry->by, sizeof(entry->by), audit_kinds_actor(event->by));
    copy_text(entry->address, sizeof(entry->address), event->address);
    copy_text(entry->device, sizeof(entry->device), event->device);
    copy_text(entry->subject, sizeof(entry->subject), event->subject);
    if (event->user != NULL) {
        entry->account = event->user->id;
        copy_text(entry->account_tag, sizeof(entry->account_tag), event->user->tag);
    }
}

static bool has_account(const struct user_audit_entry *entry)
{
    static const struct id none = { { 0 } };

    return memcmp(&entry->account, &none, sizeof(none)) != 0;
}

/* Each log-in has a session of its own: the first one's is recorded. */
static void make_key(const struct user_audit_entry *entry, char key_out[KEY_SIZE])
{
    bool is_log_in = strcmp(entry->kind, audit_kinds_word(AUDIT_LOG_IN)) == 0;
    char account[ID_HEX + 1];

    id_to_hex(&entry->account, account);
    snprintf(key_out, KEY_SIZE, "%s|%s|%s|%s|%s|%s|%s", entry->kind, entry->outcome, entry->by,
             account, entry->address, is_log_in ? "" : entry->subject,
             entry->share == USER_AUDIT_FAILURES ? "" : entry->device);
}

/* Entries of this minute and share. */
struct like {
    size_t of_account, of_others, of_nobody;
};

/* One pass, whatever is looked for: how long it takes must not show whether there is an account. */
static struct like count_like_locked(const struct audit_log *log,
                                     const struct user_audit_entry *entry)
{
    struct like like = { 0 };

    for (size_t i = 0; i < log->count; i++) {
        const struct user_audit_entry *other = &log->items[i]->entry;
        bool is_same = memcmp(&other->account, &entry->account, sizeof(other->account)) == 0;
        if (other->share == entry->share)
            ++*(!has_account(other) ? &like.of_nobody
                : is_same           ? &like.of_account
                                    : &like.of_others);
    }
    return like;
}

/* The entries of failures that have an account are as many as are allowed. */
static bool is_flood(const struct user_audit_entry *entry, const struct like *like)
{
    return entry->share == USER_AUDIT_FAILURES && has_account(entry) &&
           like->of_account + like->of_others >= AUDIT_LOG_FAILURES_MAX;
}

/* Whether the minute has as many such entries as are allowed. The administrator is trusted. */
static bool is_beyond(const struct user_audit_entry *entry, const struct like *like)
{
    if (entry->share == USER_AUDIT_ADMINISTRATOR)
        return false;
    if (!has_account(entry))
        return like->of_nobody >= AUDIT_LOG_UNKNOWN_MAX;
    return like->of_account >= AUDIT_LOG_ACCOUNT_MAX || is_flood(entry, like);
}

static void remove_details(struct user_audit_entry *entry)
{
    entry->address[0] = entry->device[0] = '\0';
    copy_text(entry->subject, sizeof(entry->subject), AUDIT_LOG_MANY);
}

static void remove_account(struct user_audit_entry *entry)
{
    memset(&entry->account, 0, sizeof(entry->account));
    entry->account_tag[0] = '\0';
}

static struct open_entry *find_locked(const struct audit_log *log,
                                      const struct user_audit_entry *entry)
{
    char key[KEY_SIZE];

    make_key(entry, key);
    return hashmap_get(log->by_key, key);
}

/* The entry for such an event; NULL: a new one is to be opened. Once there are many, what they
 * differ in is removed from `entry`. */
static struct open_entry *choose_locked(const struct audit_log *log, struct user_audit_entry *entry)
{
    struct open_entry *open = find_locked(log, entry);

    if (open != NULL)
        return open;
    struct like like = count_like_locked(log, entry);
    if (!is_beyond(entry, &like))
        return NULL;
    remove_details(entry);
    open = find_locked(log, entry);
    if (open != NULL || !is_flood(entry, &like))
        return open;
    remove_account(entry);
    return find_locked(log, entry);
}

/* --- adding events to it ------------------------------------------------------------------- */

static void repeat_locked(struct open_entry *open, int64_t now_ms)
{
    open->entry.count++;
    if (now_ms > open->entry.last_ms)
        open->entry.last_ms = now_ms;
    open->is_changed = true;
}

static void drop_locked(struct audit_log *log)
{
    static const struct audit_event event = { .kind = AUDIT_ENTRIES_DROPPED };

    log->dropped.is_changed = true;
    if (log->dropped.entry.count > 0) {
        repeat_locked(&log->dropped, clock_wall_ms());
        return;
    }
    make_entry(&event, &log->dropped.entry);
    log->dropped.entry.share = USER_AUDIT_ADMINISTRATOR; /* it concerns the log itself */
}

static void open_locked(struct audit_log *log, const struct user_audit_entry *entry)
{
    struct open_entry *open = xcalloc(1, sizeof(*open));
    char key[KEY_SIZE];

    open->entry = *entry;
    open->is_new = true;
    log->new_count++;
    make_key(entry, key);
    hashmap_put(log->by_key, key, open);
    log->items = array_reserve(log->items, log->count, &log->capacity, sizeof(*log->items));
    log->items[log->count++] = open;
    pthread_cond_signal(&log->cond);
}

static void add_locked(struct audit_log *log, struct user_audit_entry *entry)
{
    struct open_entry *open = choose_locked(log, entry);

    if (open != NULL)
        repeat_locked(open, entry->last_ms);
    else if (log->ended.count - log->ended_written + log->count < AUDIT_LOG_PENDING_MAX)
        open_locked(log, entry);
    else
        drop_locked(log);
}

void audit_log_note(struct audit_log *log, const struct audit_event *event)
{
    struct user_audit_entry entry;

    if (log->keep_days == 0)
        return;
    make_entry(event, &entry);
    pthread_mutex_lock(&log->lock);
    add_locked(log, &entry);
    pthread_mutex_unlock(&log->lock);
}

/* --- the thread: writing ------------------------------------------------------------------- */

/* Copies of entries to write, with or without those that were only repeated. */
static struct user_audit_list take_locked(struct audit_log *log, bool with_repeats)
{
    struct user_audit_list list = { .items =
                                        xcalloc(WRITTEN_AT_ONCE_MAX + 1, sizeof(*list.items)) };

    for (size_t i = 0; i < log->count && list.count < WRITTEN_AT_ONCE_MAX; i++) {
        struct open_entry *open = log->items[i];
        if (!open->is_new && !(with_repeats && open->is_changed))
            continue;
        log->added += open->is_new;
        log->new_count -= open->is_new;
        open->is_new = open->is_changed = false;
        list.items[list.count++] = open->entry;
    }
    if (log->dropped.is_changed)
        list.items[list.count++] = log->dropped.entry;
    log->dropped.is_changed = false;
    return list;
}

/* They were not stored: they are written again, and it does no harm if they were. */
static void put_back_locked(struct audit_log *log, const struct user_audit_list *list)
{
    size_t at = 0;

    for (size_t i = 0; i < log->count && at < list->count; i++) {
        if (memcmp(&log->items[i]->entry.place.id, &list->items[at].place.id, ID_BYTES) != 0)
            continue;
        log->new_count += !log->items[i]->is_new;
        log->items[i]->is_new = true;
        at++;
    }
    log->dropped.is_changed = log->dropped.entry.count > 0;
}

/* False when the store does not answer. The lock is released meanwhile. */
static bool write_some_locked(struct audit_log *log, bool with_repeats, bool *more_out)
{
    struct user_audit_list list = take_locked(log, with_repeats);

    *more_out = list.count >= WRITTEN_AT_ONCE_MAX;
    pthread_mutex_unlock(&log->lock);
    enum status status = user_store_put_audit(log->store, list.items, list.count);
    pthread_mutex_lock(&log->lock);
    if (status != STATUS_OK)
        put_back_locked(log, &list);
    free(list.items);
    return status == STATUS_OK;
}

/* What has not been written of the minute goes to `ended`, which is empty. */
static void end_minute_locked(struct audit_log *log, int64_t now_ms)
{
    log->ended = (struct user_audit_list){ xcalloc(log->count + 1, sizeof(*log->ended.items)), 0 };
    for (size_t i = 0; i < log->count; i++) {
        struct open_entry *open = log->items[i];
        if (open->is_new || open->is_changed)
            log->ended.items[log->ended.count++] = open->entry;
        log->added += open->is_new;
        free(open);
    }
    if (log->dropped.is_changed)
        log->ended.items[log->ended.count++] = log->dropped.entry;
    log->count = log->new_count = 0;
    log->dropped = (struct open_entry){ .is_new = false };
    hashmap_destroy(&log->by_key);
    log->by_key = hashmap_create();
    log->minute_ms = now_ms;
}

/* As write_some_locked. */
static bool write_ended_locked(struct audit_log *log)
{
    struct user_audit_list *ended = &log->ended;

    while (log->ended_written < ended->count) {
        size_t count = ended->count - log->ended_written;
        if (count > WRITTEN_AT_ONCE_MAX)
            count = WRITTEN_AT_ONCE_MAX;
        pthread_mutex_unlock(&log->lock);
        enum status status =
            user_store_put_audit(log->store, ended->items + log->ended_written, count);
        pthread_mutex_lock(&log->lock);
        if (status != STATUS_OK)
            return false;
        log->ended_written += count;
    }
    free(ended->items);
    *ended = (struct user_audit_list){ NULL, 0 };
    log->ended_written = 0;
    return true;
}

/* All that is due. False when the store does not answer. A minute ends at once, whatever is noted
 * while its end is written: otherwise a flood would make it last, and with it what is allowed. */
static bool write_locked(struct audit_log *log)
{
    int64_t now_ms = clock_mono_ms();
    bool with_repeats = log->stops || now_ms - log->repeats_ms >= AUDIT_LOG_REPEAT_MS;
    bool more = true;

    if (log->ended.count == 0 && now_ms - log->minute_ms >= AUDIT_LOG_MINUTE_MS)
        end_minute_locked(log, now_ms);
    if (!write_ended_locked(log))
        return false;
    while (more)
        if (!write_some_locked(log, with_repeats, &more))
            return false;
    if (with_repeats)
        log->repeats_ms = now_ms;
    return true;
}

/* --- the thread: pruning ------------------------------------------------------------------- */

/* The lock is released meanwhile. */
static void prune_locked(struct audit_log *log)
{
    int64_t now_ms = clock_mono_ms();
    /* With nothing to keep, also entries that another clock has dated ahead. */
    int64_t before_ms = log->keep_days > 0 ? clock_wall_ms() - log->keep_days * DAY_MS : INT64_MAX;

    if (log->pruned_ms != 0 && log->added < AUDIT_LOG_PRUNE_EVERY &&
        now_ms - log->pruned_ms < PRUNE_MS)
        return;
    log->pruned_ms = now_ms;
    log->added = 0;
    pthread_mutex_unlock(&log->lock);
    enum status status = user_store_prune_audit(log->store, before_ms, log->max);
    pthread_mutex_lock(&log->lock);
    if (status != STATUS_OK)
        log_warn("the audit log could not be pruned: %s", status_name(status));
}

/* --- the thread: when ---------------------------------------------------------------------- */

static void wait_ms_locked(struct audit_log *log, int64_t ms)
{
    struct timespec until = clock_after_ms(ms);

    if (!log->stops)
        pthread_cond_clockwait(&log->cond, &log->lock, CLOCK_MONOTONIC, &until);
}

/* Other events of the same moment go into the same write. */
static void wait_for_work_locked(struct audit_log *log)
{
    if (log->ended.count > 0)
        return; /* after a failure */
    if (log->new_count == 0)
        wait_ms_locked(log, log->count > 0 ? AUDIT_LOG_REPEAT_MS : PRUNE_MS);
    struct timespec until = clock_after_ms(AUDIT_LOG_WRITE_MS);
    while (!log->stops && log->new_count > 0)
        if (pthread_cond_clockwait(&log->cond, &log->lock, CLOCK_MONOTONIC, &until) != 0)
            return;
}

static void run(void *arg)
{
    struct audit_log *log = arg;
    bool done = false, warned = false;

    pthread_mutex_lock(&log->lock);
    while (!log->stops || !done) {
        prune_locked(log);
        wait_for_work_locked(log);
        done = log->stops;
        if (write_locked(log)) {
            warned = false;
            continue;
        }
        if (!warned)
            log_warn("the audit log cannot be written; it is tried again");
        warned = true;
        wait_ms_locked(log, RETRY_MS);
    }
    pthread_mutex_unlock(&log->lock);
}

/* --- life ---------------------------------------------------------------------------------- */

struct audit_log *audit_log_start(const struct audit_log_options *options)
{
    struct audit_log *log = xcalloc(1, sizeof(*log));
    size_t fifth = (size_t)options->max_entries / 5;

    log->store = options->store;
    log->keep_days = options->keep_days;
    log->max[USER_AUDIT_FAILURES] = log->max[USER_AUDIT_USERS] = 2 * fifth;
    log->max[USER_AUDIT_ADMINISTRATOR] = fifth;
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->cond, NULL);
    log->by_key = hashmap_create();
    log->minute_ms = log->repeats_ms = clock_mono_ms();
    log->thread = thread_start("audit", run, log);
    return log;
}

void audit_log_stop(struct audit_log **log)
{
    if (*log == NULL)
        return;
    pthread_mutex_lock(&(*log)->lock);
    (*log)->stops = true;
    pthread_cond_signal(&(*log)->cond);
    pthread_mutex_unlock(&(*log)->lock);
    pthread_join((*log)->thread, NULL);
    for (size_t i = 0; i < (*log)->count; i++)
        free((*log)->items[i]);
    free((*log)->ended.items);
    hashmap_destroy(&(*log)->by_key);
    free((*log)->items);
    pthread_cond_destroy(&(*log)->cond);
    pthread_mutex_destroy(&(*log)->lock);
    free(*log);
    *log = NULL;
}
