/* services/presence/presence_table: who is online where, as far as this process knows. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "presence.pb-c.h"
#include "services/common/base/buffer.h"
#include "services/common/rpc/wire.h"
#include "services/presence/presence_table.h"

static int set_up(void **state)
{
    *state = presence_table_create();
    return 0;
}

static int tear_down(void **state)
{
    struct presence_table *table = *state;
    presence_table_destroy(&table);
    presence_table_destroy(&table);
    return 0;
}

/* `gateways`: ids parted by spaces. */
static struct presence_entry make_entry(const char *tag, const char *gateways, bool announced)
{
    struct presence_entry entry = { .announced = announced };
    char copy[256], *rest = copy;
    snprintf(entry.tag, sizeof(entry.tag), "%s", tag);
    snprintf(copy, sizeof(copy), "%s", gateways);
    for (char *id; (id = strtok_r(rest, " ", &rest)) != NULL;)
        assert_true(presence_entry_set(&entry, id, true));
    return entry;
}

static void put(struct presence_table *table, const char *key, const char *gateways,
                uint64_t revision)
{
    struct presence_entry entry = make_entry(key, gateways, true);
    presence_table_put(table, key, revision, 1000, &entry);
    assert_null(entry.gateways); /* taken over */
    assert_int_equal(entry.gateway_count, 0);
}

static bool holds(const struct presence_keys *keys, const char *key)
{
    size_t times = 0;
    for (size_t i = 0; i < keys->count; i++)
        times += strcmp(keys->keys[i], key) == 0;
    return times == 1;
}

/* Entries */

static void gateways_are_added_and_removed_once(void **state)
{
    (void)state;
    struct presence_entry entry = { .tag = "bob" };
    assert_false(presence_entry_has(&entry, "gw1"));
    assert_false(presence_entry_set(&entry, "gw1", false));
    assert_true(presence_entry_set(&entry, "gw1", true));
    assert_false(presence_entry_set(&entry, "gw1", true));
    assert_true(presence_entry_set(&entry, "gw2", true));
    assert_true(presence_entry_set(&entry, "gw3", true));
    assert_true(presence_entry_set(&entry, "gw1", false));
    assert_false(presence_entry_set(&entry, "gw1", false));
    assert_int_equal(entry.gateway_count, 2);
    assert_false(presence_entry_has(&entry, "gw1"));
    assert_true(presence_entry_has(&entry, "gw2"));
    assert_true(presence_entry_has(&entry, "gw3"));
    assert_true(presence_entry_set(&entry, "gw3", false));
    assert_true(presence_entry_set(&entry, "gw2", false));
    assert_int_equal(entry.gateway_count, 0);
    presence_entry_finish(&entry);
    presence_entry_finish(&entry);
}

static void a_full_entry_accepts_no_more(void **state)
{
    (void)state;
    struct presence_entry entry = { .tag = "bob" };
    char id[GATEWAY_ID_SIZE];
    for (int i = 0; i < GATEWAYS_MAX; i++) {
        snprintf(id, sizeof(id), "gateway-%d", i);
        assert_true(presence_entry_set(&entry, id, true));
    }
    assert_false(presence_entry_set(&entry, "one more", true));
    assert_int_equal(entry.gateway_count, GATEWAYS_MAX);
    assert_true(presence_entry_set(&entry, "gateway-0", false));
    assert_true(presence_entry_set(&entry, "one more", true));
    presence_entry_finish(&entry);
}

static void assert_same_entry(const struct presence_entry *one, const struct presence_entry *other)
{
    assert_string_equal(one->tag, other->tag);
    assert_int_equal(one->announced, other->announced);
    assert_true(one->change == other->change);
    assert_int_equal(one->gateway_count, other->gateway_count);
    for (size_t i = 0; i < one->gateway_count; i++)
        assert_true(presence_entry_has(other, one->gateways[i]));
}

static void assert_comes_back(const char *tag, const char *gateways, bool announced)
{
    struct presence_entry entry = make_entry(tag, gateways, announced), back;
    entry.change = announced ? UINT64_C(0xFEDCBA9876543210) : 0;
    struct buffer bytes = { 0 };
    presence_entry_pack(&entry, &bytes);
    assert_true(presence_entry_unpack(bytes.data, bytes.length, &back));
    assert_same_entry(&entry, &back);
    presence_entry_finish(&entry);
    presence_entry_finish(&back);
    buffer_finish(&bytes);
}

static void an_entry_is_read_back_from_its_bytes(void **state)
{
    (void)state;
    assert_comes_back("bob", "gw1 gw2 gw3", true);
    assert_comes_back("bob", "", false);
    assert_comes_back("", "", true);
    assert_comes_back("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0123456789abcdef0123456789abcdef",
                      false);
}

static void other_bytes_are_no_entry(void **state)
{
    (void)state;
    struct presence_entry entry = make_entry("bob", "gw1 gw2", true), back;
    struct buffer bytes = { 0 };
    presence_entry_pack(&entry, &bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        char *cut = malloc(length + 1);
        memcpy(cut, bytes.data, length);
        if (presence_entry_unpack(cut, length, &back)) /* may be a shorter, whole message */
            assert_true(back.gateway_count < 2 || !back.announced);
        presence_entry_finish(&back);
        free(cut);
    }
    assert_false(presence_entry_unpack("\xFF\xFF\xFF\xFF", 4, &back));
    presence_entry_finish(&back);
    presence_entry_finish(&entry);
    buffer_finish(&bytes);
}

static void a_tag_too_long_for_an_entry_is_refused(void **state)
{
    (void)state;
    Messenger__PresenceEntry message = MESSENGER__PRESENCE_ENTRY__INIT;
    struct presence_entry back;
    struct buffer bytes = { 0 };
    char tag[TAG_SIZE + 1];
    memset(tag, 't', TAG_SIZE);
    tag[TAG_SIZE] = '\0';
    message.tag = tag;
    wire_pack(&message.base, &bytes);
    assert_false(presence_entry_unpack(bytes.data, bytes.length, &back));
    presence_entry_finish(&back);
    buffer_finish(&bytes);
}

/* The table */

static void a_user_is_online_while_at_any_gateway(void **state)
{
    struct presence_table *table = *state;
    assert_false(presence_table_is_online(table, "bob", NULL));
    put(table, "bob", "gw1 gw2", 1);
    assert_true(presence_table_is_online(table, "bob", NULL));
    put(table, "bob", "gw2", 2);
    assert_true(presence_table_is_online(table, "bob", NULL));
    put(table, "bob", "", 3);
    assert_false(presence_table_is_online(table, "bob", NULL));
    assert_false(presence_table_is_online(table, "amy", NULL));
}

static void what_was_written_before_an_entry_does_not_replace_it(void **state)
{
    struct presence_table *table = *state;
    uint64_t revision;
    struct presence_entry entry;

    put(table, "bob", "gw1 gw2", 7); /* by this process: the watch reports it after those before */
    put(table, "bob", "", 5);
    assert_true(presence_table_is_online(table, "bob", NULL));
    assert_true(presence_table_get(table, "bob", &entry, &revision));
    assert_int_equal(revision, 7);
    assert_int_equal(entry.gateway_count, 2);
    presence_entry_finish(&entry);
    put(table, "bob", "gw1", 7);
    assert_true(presence_table_get(table, "bob", &entry, &revision));
    assert_int_equal(entry.gateway_count, 1);
    presence_entry_finish(&entry);
    put(table, "bob", "", 8);
    assert_false(presence_table_is_online(table, "bob", NULL));
}

/* This instance has not noticed yet that the bucket was replaced. If it is lost once more now, the
 * change, of which the contacts have been notified, is restored from here. */
static void a_newer_change_is_kept_although_its_revision_is_lower(void **state)
{
    struct presence_table *table = *state;
    struct presence_entry online = make_entry("bob", "gw1", true), offline, found;
    uint64_t revision, change;

    online.change = 100;
    presence_table_put(table, "bob", 70, 1000, &online);
    offline = make_entry("bob", "", true);
    offline.change = 101;
    presence_table_put(table, "bob", 3, 1000, &offline);
    assert_false(presence_table_is_online(table, "bob", &change));
    assert_int_equal(change, 101);
    assert_true(presence_table_get(table, "bob", &found, &revision));
    assert_int_equal(revision, 3);
    presence_entry_finish(&found);
    offline = make_entry("bob", "gw2", true);
    offline.change = 101;
    presence_table_put(table, "bob", 2, 1000, &offline);
    assert_false(presence_table_is_online(table, "bob", NULL));
}

static void get_returns_a_copy_with_its_revision(void **state)
{
    struct presence_table *table = *state;
    struct presence_entry entry = { .tag = "" };
    uint64_t revision = 99;
    assert_false(presence_table_get(table, "bob", &entry, &revision));
    put(table, "bob", "gw1 gw2", 7);
    assert_true(presence_table_get(table, "bob", &entry, &revision));
    assert_int_equal(revision, 7);
    assert_string_equal(entry.tag, "bob");
    assert_int_equal(entry.gateway_count, 2);
    assert_true(presence_entry_set(&entry, "gw1", false));
    assert_true(presence_entry_set(&entry, "gw2", false));
    assert_true(presence_table_is_online(table, "bob", NULL));
    presence_entry_finish(&entry);
    put(table, "bob", "", 8);
    assert_true(presence_table_get(table, "bob", &entry, &revision));
    assert_int_equal(revision, 8);
    assert_int_equal(entry.gateway_count, 0);
    presence_entry_finish(&entry);
}

static void users_are_listed_by_gateway(void **state)
{
    struct presence_table *table = *state;
    put(table, "amy", "gw1", 1);
    put(table, "bob", "gw1 gw2", 2);
    put(table, "cid", "gw2", 3);
    put(table, "dan", "", 4);
    struct presence_keys one = presence_table_at(table, "gw1");
    struct presence_keys none = presence_table_at(table, "gw");
    struct presence_keys any = presence_table_at(table, NULL);
    assert_int_equal(one.count, 2);
    assert_true(holds(&one, "amy") && holds(&one, "bob"));
    assert_int_equal(none.count, 0);
    assert_int_equal(any.count, 3);
    assert_true(holds(&any, "amy") && holds(&any, "bob") && holds(&any, "cid"));
    presence_keys_finish(&one);
    presence_keys_finish(&none);
    presence_keys_finish(&any);
    presence_keys_finish(&any);
}

static void an_unannounced_change_is_listed_after_its_time(void **state)
{
    struct presence_table *table = *state;
    struct presence_entry old = make_entry("old", "gw1", false);
    struct presence_entry fresh = make_entry("fresh", "gw1", false);
    struct presence_entry gone = make_entry("gone", "", false);
    struct presence_entry announced = make_entry("announced", "gw1", true);
    presence_table_put(table, "old", 1, 1000, &old);
    presence_table_put(table, "gone", 2, 1000, &gone);
    presence_table_put(table, "announced", 3, 1000, &announced);
    presence_table_put(table, "fresh", 4, 2000, &fresh);
    struct presence_keys before = presence_table_unannounced(table, 1000);
    struct presence_keys after = presence_table_unannounced(table, 1001);
    struct presence_keys all = presence_table_unannounced(table, 2001);
    assert_int_equal(before.count, 0);
    assert_int_equal(after.count, 2);
    assert_true(holds(&after, "old") && holds(&after, "gone"));
    assert_int_equal(all.count, 3);
    presence_keys_finish(&before);
    presence_keys_finish(&after);
    presence_keys_finish(&all);
}

static void tables_exchange_their_contents(void **state)
{
    struct presence_table *table = *state, *other = presence_table_create();
    put(table, "amy", "gw1", 1);
    put(other, "bob", "gw1", 2);
    presence_table_exchange(table, other);
    assert_false(presence_table_is_online(table, "amy", NULL));
    assert_true(presence_table_is_online(table, "bob", NULL));
    assert_true(presence_table_is_online(other, "amy", NULL));
    presence_table_destroy(&other);
    assert_null(other);
    assert_true(presence_table_is_online(table, "bob", NULL));
}

struct visits {
    size_t one, two, other;
};

static void put_change(struct presence_table *table, const char *key, uint64_t change)
{
    struct presence_entry entry = make_entry("@x", "g", true);
    entry.change = change;
    presence_table_put(table, key, 1, 0, &entry);
}

static void the_latest_change_outlives_its_entry(void **state)
{
    struct presence_table *table = *state, *other = presence_table_create();
    assert_int_equal(presence_table_latest(table), 0);
    put_change(table, "amy", 7);
    put_change(table, "amy", 3);
    assert_int_equal(presence_table_latest(table), 7);
    put_change(other, "bob", 5);
    presence_table_exchange(table, other);
    assert_int_equal(presence_table_latest(table), 7);
    put_change(other, "bob", 9);
    presence_table_exchange(table, other);
    assert_int_equal(presence_table_latest(table), 9);
    presence_table_destroy(&other);
}

static void visit(void *ctx, const char *gateway_id)
{
    struct visits *visits = ctx;
    if (strcmp(gateway_id, "gw1") == 0)
        visits->one++;
    else if (strcmp(gateway_id, "gw2") == 0)
        visits->two++;
    else
        visits->other++;
}

static void every_gateway_with_a_user_is_visited(void **state)
{
    struct presence_table *table = *state;
    struct visits visits = { 0 };
    presence_table_each_gateway(table, visit, &visits);
    assert_int_equal(visits.one + visits.two + visits.other, 0);
    put(table, "amy", "gw1", 1);
    put(table, "bob", "gw1 gw2", 2);
    put(table, "cid", "", 3);
    presence_table_each_gateway(table, visit, &visits);
    assert_true(visits.one >= 1 && visits.two >= 1);
    assert_int_equal(visits.other, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateways_are_added_and_removed_once),
        cmocka_unit_test(a_full_entry_accepts_no_more),
        cmocka_unit_test(an_entry_is_read_back_from_its_bytes),
        cmocka_unit_test(other_bytes_are_no_entry),
        cmocka_unit_test(a_tag_too_long_for_an_entry_is_refused),
        TEST(a_user_is_online_while_at_any_gateway),
        TEST(what_was_written_before_an_entry_does_not_replace_it),
        TEST(a_newer_change_is_kept_although_its_revision_is_lower),
        TEST(get_returns_a_copy_with_its_revision),
        TEST(users_are_listed_by_gateway),
        TEST(an_unannounced_change_is_listed_after_its_time),
        TEST(tables_exchange_their_contents),
        TEST(the_latest_change_outlives_its_entry),
        TEST(every_gateway_with_a_user_is_visited),
    };
    return cmocka_run_group_tests_name("presence_table", tests, NULL, NULL);
}
