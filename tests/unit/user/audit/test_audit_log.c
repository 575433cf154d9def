/* services/user/audit/audit_log: what is recorded of events, however many there are. */
#include "tests/unit/unit.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/user/audit/audit_log.h"
#include "services/user/store/user_store_kind.h"
#include "tests/unit/capture.h"
#include "tests/unit/user/store/user_store_fixture.h"

enum { LISTED_MAX = 20000, DAY_MS = 24 * 60 * 60 * 1000 };

static struct user_store_kind watched; /* the kind of the store, whose writes are watched */
static const struct user_store_kind *real;
static atomic_int writes_failing; /* so many more writes of entries fail */
static atomic_int writes;
static atomic_bool holds_writes; /* each waits for `released` after it has posted `arrived` */
static sem_t arrived, released, failed;

static enum status put_audit(struct user_store *store, const struct user_audit_entry *entries,
                             size_t count)
{
    writes++;
    if (holds_writes) {
        sem_post(&arrived);
        sem_wait(&released);
    }
    if (writes_failing > 0) {
        writes_failing--;
        sem_post(&failed);
        return STATUS_UNAVAILABLE;
    }
    return real->put_audit(store, entries, count);
}

struct logged {
    struct fixture *store;
    struct audit_log *log;
};

static int begin(void **state)
{
    struct logged *l = calloc(1, sizeof(*l));
    void *store;
    if (l == NULL || set_up(&store) != 0)
        return -1;
    l->store = store;
    real = l->store->store->kind;
    watched = *real;
    watched.put_audit = put_audit;
    l->store->store->kind = &watched;
    writes = writes_failing = 0;
    holds_writes = false;
    sem_init(&arrived, 0, 0);
    sem_init(&released, 0, 0);
    sem_init(&failed, 0, 0);
    *state = l;
    return 0;
}

static int end(void **state)
{
    struct logged *l = *state;
    void *store = l->store;
    audit_log_stop(&l->log);
    tear_down(&store);
    sem_destroy(&arrived);
    sem_destroy(&released);
    sem_destroy(&failed);
    free(l);
    return 0;
}

static void start_with(struct logged *l, int64_t keep_days, int64_t max_entries)
{
    l->log =
        audit_log_start(&(struct audit_log_options){ l->store->store, keep_days, max_entries });
}

static void start(struct logged *l)
{
    start_with(l, 90, 100000);
}

static void note(struct logged *l, enum audit_kind kind, enum audit_actor by,
                 const struct user *user, const char *address, const char *device)
{
    audit_log_note(
        l->log, &(struct audit_event){
                    .kind = kind, .by = by, .user = user, .address = address, .device = device });
}

static void note_failure(struct logged *l, const struct user *user, int host)
{
    char address[32];
    snprintf(address, sizeof(address), "10.0.%d.%d", host / 256, host % 256);
    note(l, AUDIT_LOG_IN_FAILED, AUDIT_BY_ANYBODY, user, address, "a device");
}

static void note_admin(struct logged *l, int number)
{
    char subject[32];
    snprintf(subject, sizeof(subject), "%d", number);
    audit_log_note(l->log, &(struct audit_event){ .kind = AUDIT_INVITE_CREATED,
                                                  .by = AUDIT_BY_ADMINISTRATOR,
                                                  .subject = subject });
}

/* Free `items`. */
static struct user_audit_list list_of(struct logged *l, const char *kind)
{
    struct user_audit_filter filter = { .kind = kind, .address = "", .network = "" };
    struct user_audit_list list;
    assert_int_equal(user_store_list_audit(l->store->store, &filter, LISTED_MAX, &list), STATUS_OK);
    return list;
}

/* All events are written once it has stopped. */
static struct user_audit_list list_at_end(struct logged *l, const char *kind)
{
    audit_log_stop(&l->log);
    return list_of(l, kind);
}

static int64_t sum_of(const struct user_audit_list *list)
{
    int64_t sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += list->items[i].count;
    return sum;
}

static size_t count_many(const struct user_audit_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += strcmp(list->items[i].subject, AUDIT_LOG_MANY) == 0;
    return count;
}

static void an_event_is_recorded_with_all_that_is_known(void **state)
{
    struct logged *l = *state;
    struct user ann = user_of("@Ann");
    int64_t before_ms = clock_wall_ms();
    start(l);
    audit_log_note(l->log, &(struct audit_event){ .kind = AUDIT_LOG_IN,
                                                  .by = AUDIT_BY_USER,
                                                  .user = &ann,
                                                  .address = "192.0.2.1",
                                                  .device = "a browser",
                                                  .subject = "0123" });
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 1);
    const struct user_audit_entry *entry = &list.items[0];
    assert_true(entry->place.at_ms >= before_ms && entry->place.at_ms <= clock_wall_ms());
    assert_int_equal(entry->last_ms, entry->place.at_ms);
    assert_int_equal(entry->count, 1);
    assert_int_equal(entry->share, USER_AUDIT_USERS);
    assert_string_equal(entry->kind, "log_in");
    assert_string_equal(entry->outcome, "ok");
    assert_string_equal(entry->by, "user");
    assert_memory_equal(entry->account.bytes, ann.id.bytes, ID_BYTES);
    assert_string_equal(entry->account_tag, "@Ann");
    assert_string_equal(entry->address, "192.0.2.1");
    assert_string_equal(entry->device, "a browser");
    assert_string_equal(entry->subject, "0123");
    free(list.items);
}

static void events_that_differ_in_time_only_are_one_entry(void **state)
{
    struct logged *l = *state;
    struct user ann = user_of("@ann"), bob = user_of("@bob");
    start(l);
    for (int i = 0; i < 3; i++) {
        const char *const sessions[] = { "first", "second", "third" }; /* one each, of course */
        audit_log_note(l->log, &(struct audit_event){ .kind = AUDIT_LOG_IN,
                                                      .by = AUDIT_BY_USER,
                                                      .user = &ann,
                                                      .address = "192.0.2.1",
                                                      .device = "one",
                                                      .subject = sessions[i] });
        clock_advance_for_test(10);
    }
    note(l, AUDIT_LOG_IN, AUDIT_BY_USER, &ann, "192.0.2.1", "another");
    note(l, AUDIT_LOG_IN, AUDIT_BY_USER, &ann, "192.0.2.2", "one");
    note(l, AUDIT_LOG_OUT, AUDIT_BY_USER, &ann, "192.0.2.1", "one");
    note(l, AUDIT_LOG_IN, AUDIT_BY_USER, &bob, "192.0.2.1", "one");
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 5);
    assert_int_equal(sum_of(&list), 7);
    for (size_t i = 0; i < list.count; i++) {
        bool is_first = strcmp(list.items[i].kind, "log_in") == 0 &&
                        memcmp(&list.items[i].account, &ann.id, ID_BYTES) == 0 &&
                        strcmp(list.items[i].address, "192.0.2.1") == 0 &&
                        strcmp(list.items[i].device, "one") == 0;
        assert_int_equal(list.items[i].count, is_first ? 3 : 1);
        int64_t lasted_ms = list.items[i].last_ms - list.items[i].place.at_ms;
        assert_true(is_first ? lasted_ms >= 20 : lasted_ms == 0);
    }
    free(list.items);
}

static void failures_that_differ_in_the_device_are_one_entry(void **state)
{
    struct logged *l = *state;
    char device[32];
    start(l);
    for (int i = 0; i < 100; i++) {
        snprintf(device, sizeof(device), "device %d", i);
        note(l, AUDIT_LOG_IN_FAILED, AUDIT_BY_ANYBODY, NULL, "192.0.2.1", device);
    }
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].count, 100);
    assert_string_equal(list.items[0].device, "device 0");
    free(list.items);
}

static void wait_for_entries(struct logged *l, size_t count)
{
    struct user_audit_list list = { NULL, 0 };
    do {
        free(list.items);
        list = list_of(l, "");
    } while (list.count != count);
    free(list.items);
}

/* Also while the end of the minute is being written, during a flood. */
static void the_next_minute_has_entries_of_its_own(void **state)
{
    struct logged *l = *state;
    start(l);
    note_failure(l, NULL, 1);
    wait_for_entries(l, 1);
    note_failure(l, NULL, 1);
    holds_writes = true;
    clock_advance_for_test(AUDIT_LOG_MINUTE_MS);
    note_failure(l, NULL, 2); /* a new one wakes the thread; the last of the minute */
    sem_wait(&arrived);
    note_failure(l, NULL, 1);
    holds_writes = false;
    sem_post(&released);
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 3);
    assert_int_equal(sum_of(&list), 4);
    free(list.items);
}

static void what_a_minute_left_is_written_once_the_store_answers(void **state)
{
    struct logged *l = *state;
    start(l);
    for (int minute = 0; minute < 3; minute++) {
        writes_failing = 2;
        note_failure(l, NULL, 1);
        note_failure(l, NULL, 2);
        clock_advance_for_test(AUDIT_LOG_MINUTE_MS);
        note_failure(l, NULL, 1);
        sem_wait(&failed);
        sem_wait(&failed);
    }
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(sum_of(&list), 9);
    assert_true(list.count > 2);
    free(list.items);
}

static void addresses_without_an_account_are_counted_together_when_they_are_many(void **state)
{
    struct logged *l = *state;
    start(l);
    for (int i = 0; i < 5000; i++)
        note_failure(l, NULL, i);
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, AUDIT_LOG_UNKNOWN_MAX + 1);
    assert_int_equal(sum_of(&list), 5000);
    assert_int_equal(count_many(&list), 1);
    free(list.items);
}

static void one_account_has_few_entries_a_minute_and_its_owner_has_his_own(void **state)
{
    struct logged *l = *state;
    struct user ann = user_of("@ann");
    char address[32];
    start(l);
    for (int i = 0; i < 1000; i++)
        note_failure(l, &ann, i);
    note(l, AUDIT_LOG_IN, AUDIT_BY_USER, &ann, "192.0.2.1", "hers");
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
        note(l, AUDIT_LOG_OUT, AUDIT_BY_USER, &ann, address, "hers");
    }
    struct user_audit_list list = list_at_end(l, "log_in_failed");
    assert_int_equal(list.count, AUDIT_LOG_ACCOUNT_MAX + 1);
    assert_int_equal(sum_of(&list), 1000);
    assert_int_equal(count_many(&list), 1);
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.items[i].account_tag, "@ann");
    free(list.items);
    list = list_of(l, "log_in");
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].address, "192.0.2.1");
    free(list.items);
    list = list_of(l, "log_out");
    assert_int_equal(list.count, AUDIT_LOG_ACCOUNT_MAX); /* with the one that is "many" */
    assert_int_equal(sum_of(&list), 1000);
    free(list.items);
}

static void failures_of_very_many_accounts_are_counted_together(void **state)
{
    struct logged *l = *state;
    struct user user = user_of("@user");
    start(l);
    for (int i = 0; i < 3000; i++) {
        user.id = id_new();
        note_failure(l, &user, i);
    }
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, AUDIT_LOG_FAILURES_MAX + 1);
    assert_int_equal(sum_of(&list), 3000);
    assert_int_equal(count_many(&list), 1);
    free(list.items);
}

static void nobody_waits_for_the_store_and_what_is_too_much_is_counted(void **state)
{
    struct logged *l = *state;
    enum { EXCESS = 7 };
    holds_writes = true;
    start(l);
    note_admin(l, 0);
    sem_wait(&arrived);
    for (int i = 1; i < AUDIT_LOG_PENDING_MAX + EXCESS; i++)
        note_admin(l, i);
    holds_writes = false;
    sem_post(&released);
    struct user_audit_list list = list_at_end(l, "invite_created");
    assert_int_equal(list.count, AUDIT_LOG_PENDING_MAX);
    free(list.items);
    list = list_of(l, "entries_dropped");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].count, EXCESS);
    assert_int_equal(list.items[0].share, USER_AUDIT_ADMINISTRATOR);
    assert_string_equal(list.items[0].by, "");
    free(list.items);
}

static void entries_are_written_once_the_store_answers(void **state)
{
    struct logged *l = *state;
    struct user ann = user_of("@ann");
    writes_failing = 2;
    struct capture capture = capture_begin();
    start(l);
    note_failure(l, &ann, 1);
    note_admin(l, 1);
    while (writes < 1)
        sched_yield();
    note_failure(l, &ann, 1);
    while (writes < 3)
        sched_yield();
    struct user_audit_list list = list_at_end(l, "");
    char *log = capture_end(&capture);
    assert_int_equal(list.count, 2);
    assert_int_equal(sum_of(&list), 3);
    free(list.items);
    assert_int_equal(count_of_text(log, "the audit log cannot be written"), 1);
    free(log);
}

static void a_store_that_is_away_does_not_prevent_the_end(void **state)
{
    struct logged *l = *state;
    writes_failing = 1000000;
    start(l);
    note_admin(l, 1);
    audit_log_stop(&l->log);
    assert_null(l->log);
}

static void put_old(struct logged *l, int64_t age_ms, enum user_audit_share share)
{
    struct user_audit_entry entry = { .place = { clock_wall_ms() - age_ms, id_new() },
                                      .count = 1,
                                      .share = share,
                                      .kind = "log_in",
                                      .outcome = "ok" };
    assert_int_equal(user_store_put_audit(l->store->store, &entry, 1), STATUS_OK);
}

static void old_entries_are_deleted_at_the_start(void **state)
{
    struct logged *l = *state;
    put_old(l, DAY_MS - 60000, USER_AUDIT_USERS);
    put_old(l, DAY_MS + 60000, USER_AUDIT_USERS);
    put_old(l, -DAY_MS, USER_AUDIT_USERS); /* of a clock that is ahead */
    start_with(l, 1, 1000);
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 2);
    free(list.items);
}

static void with_no_days_nothing_is_recorded_and_all_is_deleted(void **state)
{
    struct logged *l = *state;
    put_old(l, 0, USER_AUDIT_ADMINISTRATOR);
    put_old(l, -DAY_MS, USER_AUDIT_USERS);
    start_with(l, 0, 1000);
    note_admin(l, 1);
    struct user_audit_list list = list_at_end(l, "");
    assert_int_equal(list.count, 0);
    free(list.items);
}

static void each_share_of_the_maximum_is_kept(void **state)
{
    struct logged *l = *state;
    for (int i = 0; i < 50; i++)
        for (int share = 0; share < USER_AUDIT_SHARES; share++)
            put_old(l, 1000 + i, (enum user_audit_share)share);
    start_with(l, 90, 100);
    struct user_audit_list list = list_at_end(l, "");
    size_t left[USER_AUDIT_SHARES] = { 0 };
    for (size_t i = 0; i < list.count; i++)
        left[list.items[i].share]++;
    assert_int_equal(left[USER_AUDIT_FAILURES], 40);
    assert_int_equal(left[USER_AUDIT_USERS], 40);
    assert_int_equal(left[USER_AUDIT_ADMINISTRATOR], 20);
    free(list.items);
}

static void the_maximum_holds_while_entries_are_added(void **state)
{
    struct logged *l = *state;
    start_with(l, 90, 100);
    for (int i = 0; i < 1000; i++)
        note_admin(l, i);
    struct user_audit_list list = { NULL, 0 };
    do { /* those of the last write are there before the rest is deleted */
        free(list.items);
        list = list_of(l, "");
    } while (list.count >= 20 + AUDIT_LOG_PRUNE_EVERY);
    free(list.items);
}

static void all_words_differ_and_fit(void **state)
{
    (void)state;
    for (int i = 0; i < AUDIT_KINDS; i++) {
        const char *word = audit_kinds_word((enum audit_kind)i);
        assert_true(strlen(word) > 0 && strlen(word) < USER_AUDIT_WORD_SIZE);
        assert_true(audit_kinds_has(word));
        for (int other = 0; other < i; other++)
            assert_string_not_equal(word, audit_kinds_word((enum audit_kind)other));
    }
    for (int i = 0; i < AUDIT_OUTCOMES; i++)
        assert_true(strlen(audit_kinds_outcome((enum audit_outcome)i)) > 0);
    assert_false(audit_kinds_has(""));
    assert_false(audit_kinds_has("log"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_recorded_with_all_that_is_known),
        TEST(events_that_differ_in_time_only_are_one_entry),
        TEST(failures_that_differ_in_the_device_are_one_entry),
        TEST(addresses_without_an_account_are_counted_together_when_they_are_many),
        TEST(one_account_has_few_entries_a_minute_and_its_owner_has_his_own),
        TEST(failures_of_very_many_accounts_are_counted_together),
        TEST(nobody_waits_for_the_store_and_what_is_too_much_is_counted),
        TEST(entries_are_written_once_the_store_answers),
        TEST(a_store_that_is_away_does_not_prevent_the_end),
        TEST(old_entries_are_deleted_at_the_start),
        TEST(with_no_days_nothing_is_recorded_and_all_is_deleted),
        TEST(each_share_of_the_maximum_is_kept),
        TEST(the_maximum_holds_while_entries_are_added),
        TEST(the_next_minute_has_entries_of_its_own),
        TEST(what_a_minute_left_is_written_once_the_store_answers),
        cmocka_unit_test(all_words_differ_and_fit),
    };
    char group[64];
    snprintf(group, sizeof(group), "audit_log %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
