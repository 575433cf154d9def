/* services/user/store/user_store: the audit log. */
#include "tests/unit/unit.h"

#include <string.h>

#include "services/common/base/log.h"
#include "tests/unit/user/store/user_store_fixture.h"

static const int64_t start_ms = 1700000000000;
static const struct user_audit_filter any = { .kind = "", .address = "", .network = "" };
static const size_t unbounded[USER_AUDIT_SHARES] = { 1000, 1000, 1000 };

static struct user_audit_entry entry_at(int64_t at_ms, const char *kind)
{
    struct user_audit_entry entry = { .place = { at_ms, id_new() },
                                      .last_ms = at_ms,
                                      .count = 1,
                                      .share = USER_AUDIT_USERS,
                                      .outcome = "ok",
                                      .by = "user",
                                      .address = "192.0.2.1",
                                      .device = "a browser",
                                      .subject = "0123456789abcdef" };
    snprintf(entry.kind, sizeof(entry.kind), "%s", kind);
    return entry;
}

static struct user_audit_entry entry_of(int64_t at_ms, const struct user *user)
{
    struct user_audit_entry entry = entry_at(at_ms, "log_in");
    entry.account = user->id;
    snprintf(entry.account_tag, sizeof(entry.account_tag), "%s", user->tag);
    return entry;
}

static void put(struct fixture *f, const struct user_audit_entry *entries, size_t count)
{
    assert_int_equal(user_store_put_audit(f->store, entries, count), STATUS_OK);
}

static void assert_same(const struct user_audit_entry *one, const struct user_audit_entry *other)
{
    assert_memory_equal(one->place.id.bytes, other->place.id.bytes, ID_BYTES);
    assert_int_equal(one->place.at_ms, other->place.at_ms);
    assert_int_equal(one->last_ms, other->last_ms);
    assert_int_equal(one->count, other->count);
    assert_int_equal(one->share, other->share);
    assert_string_equal(one->kind, other->kind);
    assert_string_equal(one->outcome, other->outcome);
    assert_string_equal(one->by, other->by);
    assert_memory_equal(one->account.bytes, other->account.bytes, ID_BYTES);
    assert_string_equal(one->account_tag, other->account_tag);
    assert_string_equal(one->address, other->address);
    assert_string_equal(one->device, other->device);
    assert_string_equal(one->subject, other->subject);
}

/* What is listed is these entries, in this order. */
static void assert_listed(struct fixture *f, const struct user_audit_filter *filter,
                          const struct user_audit_entry *const *expected, size_t count)
{
    struct user_audit_list list;
    assert_int_equal(user_store_list_audit(f->store, filter, 100, &list), STATUS_OK);
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_same(&list.items[i], expected[i]);
    free(list.items);
}

static void entries_are_kept_and_listed_the_newest_first(void **state)
{
    struct fixture *f = *state;
    struct user ann = user_of("@ann");
    struct user_audit_entry entries[] = { entry_of(start_ms, &ann),
                                          entry_at(start_ms + 2, "log_in_failed"),
                                          entry_at(start_ms + 1, "account_disabled") };
    entries[1].share = USER_AUDIT_FAILURES;
    entries[2].share = USER_AUDIT_ADMINISTRATOR;
    entries[2].device[0] = entries[2].address[0] = '\0';
    put(f, entries, 3);
    put(f, entries, 0);
    reopen(f);
    assert_listed(f, &any,
                  (const struct user_audit_entry *[]){ &entries[1], &entries[2], &entries[0] }, 3);
}

static void a_repeated_entry_only_gets_the_greater_count_and_time(void **state)
{
    struct fixture *f = *state;
    struct user ann = user_of("@ann");
    struct user_audit_entry entry = entry_of(start_ms, &ann), repeated = entry;
    put(f, &entry, 1);
    repeated.count = 7;
    repeated.last_ms = start_ms + 500;
    snprintf(repeated.address, sizeof(repeated.address), "198.51.100.9");
    put(f, &repeated, 1);
    put(f, &entry, 1);
    entry.count = 7;
    entry.last_ms = start_ms + 500;
    assert_listed(f, &any, (const struct user_audit_entry *[]){ &entry }, 1);
}

static void pages_have_each_entry_once(void **state)
{
    struct fixture *f = *state;
    enum { ENTRIES = 7 };
    for (size_t page = 1; page <= ENTRIES + 1; page++) {
        struct user_audit_entry entries[ENTRIES];
        struct user_audit_filter filter = any;
        struct user_audit_place last;
        struct user_audit_list list;
        size_t seen = 0;
        assert_int_equal(user_store_prune_audit(f->store, start_ms + 10, unbounded), STATUS_OK);
        for (int i = 0; i < ENTRIES; i++) /* several of one millisecond */
            entries[i] = entry_at(start_ms + i / 3, "log_in");
        put(f, entries, ENTRIES);
        do {
            assert_int_equal(user_store_list_audit(f->store, &filter, page, &list), STATUS_OK);
            assert_true(list.count <= page);
            for (size_t i = 0; i < list.count; i++) {
                if (seen > 0)
                    assert_true(list.items[i].place.at_ms < last.at_ms ||
                                (list.items[i].place.at_ms == last.at_ms &&
                                 memcmp(&list.items[i].place.id, &last.id, ID_BYTES) < 0));
                last = list.items[i].place;
                seen++;
            }
            filter.before = &last;
            free(list.items);
        } while (list.count == page);
        assert_int_equal(seen, ENTRIES);
    }
}

static void filters_are_all_applied(void **state)
{
    struct fixture *f = *state;
    struct user ann = user_of("@ann"), bob = user_of("@bob");
    struct user_audit_entry entries[] = { entry_of(start_ms, &ann), entry_of(start_ms + 1, &bob),
                                          entry_of(start_ms + 2, &ann),
                                          entry_of(start_ms + 3, &ann) };
    const struct user_audit_entry *const newest[] = { &entries[3], &entries[2], &entries[1],
                                                      &entries[0] };
    struct user_audit_filter filter = any;
    snprintf(entries[0].address, sizeof(entries[0].address), "2001:db8::1");
    snprintf(entries[2].address, sizeof(entries[2].address), "2001:db8::/64");
    snprintf(entries[3].kind, sizeof(entries[3].kind), "log_out");
    put(f, entries, 4);
    filter.account = &ann.id;
    assert_listed(f, &filter,
                  (const struct user_audit_entry *[]){ newest[0], newest[1], newest[3] }, 3);
    filter.kind = "log_in";
    assert_listed(f, &filter, (const struct user_audit_entry *[]){ newest[1], newest[3] }, 2);
    filter.since_ms = start_ms + 1;
    assert_listed(f, &filter, (const struct user_audit_entry *[]){ newest[1] }, 1);
    filter = any;
    filter.address = "192.0.2.1";
    assert_listed(f, &filter, (const struct user_audit_entry *[]){ newest[0], newest[2] }, 2);
    filter.address = "2001:db8::1";
    assert_listed(f, &filter, &newest[3], 1);
    filter.network = "2001:db8::/64";
    assert_listed(f, &filter, (const struct user_audit_entry *[]){ newest[1], newest[3] }, 2);
    filter.address = "192.0.2";
    filter.network = "";
    assert_listed(f, &filter, NULL, 0);
    filter = any;
    filter.kind = "log";
    assert_listed(f, &filter, NULL, 0);
    filter = any;
    filter.before = &(struct user_audit_place){ .at_ms = start_ms + 2 };
    filter.since_ms = start_ms + 1;
    assert_listed(f, &filter, &newest[2], 1);
}

static void old_entries_are_deleted(void **state)
{
    struct fixture *f = *state;
    struct user_audit_entry entries[] = { entry_at(start_ms, "log_in"),
                                          entry_at(start_ms + 1, "log_in") };
    put(f, entries, 2);
    assert_int_equal(user_store_prune_audit(f->store, start_ms, unbounded), STATUS_OK);
    assert_listed(f, &any, (const struct user_audit_entry *[]){ &entries[1], &entries[0] }, 2);
    assert_int_equal(user_store_prune_audit(f->store, start_ms + 1, unbounded), STATUS_OK);
    assert_listed(f, &any, (const struct user_audit_entry *[]){ &entries[1] }, 1);
}

static void of_each_share_the_oldest_beyond_its_maximum_are_deleted(void **state)
{
    struct fixture *f = *state;
    enum { EACH = 4 };
    struct user_audit_entry entries[USER_AUDIT_SHARES * EACH];
    struct user_audit_list list;
    for (int i = 0; i < USER_AUDIT_SHARES * EACH; i++) {
        entries[i] = entry_at(start_ms + i / 6, "log_in"); /* the order is that of id, too */
        entries[i].share = (enum user_audit_share)(i % USER_AUDIT_SHARES);
    }
    put(f, entries, USER_AUDIT_SHARES * EACH);
    const size_t max[USER_AUDIT_SHARES] = { 1, 3, 0 };
    for (int i = 0; i < 2; i++)
        assert_int_equal(user_store_prune_audit(f->store, 0, max), STATUS_OK);
    size_t left[USER_AUDIT_SHARES] = { 0 };
    assert_int_equal(user_store_list_audit(f->store, &any, 100, &list), STATUS_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++)
        left[list.items[i].share]++;
    assert_memory_equal(left, max, sizeof(max));
    assert_same(&list.items[0], &entries[10]);
    free(list.items);
}

static void what_is_personal_in_the_entries_of_one_account_can_be_removed(void **state)
{
    struct fixture *f = *state;
    struct user ann = user_of("@ann"), bob = user_of("@bob");
    struct user_audit_entry entries[] = { entry_of(start_ms, &ann), entry_of(start_ms + 1, &bob),
                                          entry_of(start_ms + 2, &ann),
                                          entry_at(start_ms + 3, "log_in_failed") };
    put(f, entries, 4);
    for (int i = 0; i < 2; i++)
        assert_int_equal(user_store_forget_audit(f->store, &ann.id), STATUS_OK);
    for (int i = 0; i <= 2; i += 2)
        entries[i].address[0] = entries[i].device[0] = entries[i].account_tag[0] = '\0';
    entries[2].count = 9;
    struct user_audit_entry late = entry_of(start_ms + 2, &ann); /* it was repeated meanwhile */
    late.place = entries[2].place;
    late.count = 9;
    put(f, &late, 1);
    assert_listed(
        f, &any,
        (const struct user_audit_entry *[]){ &entries[3], &entries[2], &entries[1], &entries[0] },
        4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_kept_and_listed_the_newest_first),
        TEST(a_repeated_entry_only_gets_the_greater_count_and_time),
        TEST(pages_have_each_entry_once),
        TEST(filters_are_all_applied),
        TEST(old_entries_are_deleted),
        TEST(of_each_share_the_oldest_beyond_its_maximum_are_deleted),
        TEST(what_is_personal_in_the_entries_of_one_account_can_be_removed),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store_audit %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
