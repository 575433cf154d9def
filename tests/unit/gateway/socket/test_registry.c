/* gateway/socket/registry: all sockets by user, and who came first and went last. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/registry.h"
#include "services/common/base/log.h"

enum { SESSIONS_MAX = 8, PER_USER_MAX = 3, TURNS_MAX = 100000 };

struct turn {
    char key[TAG_SIZE];
    bool online;
};

struct fixture {
    struct registry *registry;
    struct turn *turns;
    size_t turn_count;
    atomic_int turns_at_once; /* more than 1: two of them overlapped */
    bool overlapped;
    const char *refused_key;
    char last_tag[TAG_SIZE];
    bool was_online; /* what the registry said of the user during the last turn */
};

static bool take_turn(void *ctx, const char *key, const char *tag, bool online)
{
    struct fixture *f = ctx;
    if (atomic_fetch_add(&f->turns_at_once, 1) != 0)
        f->overlapped = true;
    struct turn *turn = &f->turns[f->turn_count++ % TURNS_MAX];
    snprintf(turn->key, sizeof(turn->key), "%s", key);
    turn->online = online;
    snprintf(f->last_tag, sizeof(f->last_tag), "%s", tag);
    f->was_online = registry_is_online(f->registry, key);
    atomic_fetch_sub(&f->turns_at_once, 1);
    return f->refused_key == NULL || strcmp(f->refused_key, key) != 0;
}

static int set_up_sized(void **state, size_t sessions_max, size_t per_user_max)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    f->turns = calloc(TURNS_MAX, sizeof(*f->turns));
    f->registry = registry_create(&(struct registry_options){ .sessions_max = sessions_max,
                                                              .per_user_max = per_user_max,
                                                              .per_address_max = 2,
                                                              .turn = take_turn,
                                                              .ctx = f });
    *state = f;
    return f->turns == NULL;
}

static int set_up(void **state)
{
    return set_up_sized(state, SESSIONS_MAX, PER_USER_MAX);
}

static int set_up_large(void **state)
{
    return set_up_sized(state, 1000, 1000);
}

static int set_up_with_reserve(void **state)
{
    return set_up_sized(state, 64, 64);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    registry_destroy(&f->registry);
    free(f->turns);
    free(f);
    return 0;
}

/* `tag` NULL: nobody. */
static struct session *make_session(const char *tag)
{
    struct session_user user = { .claims.jti = "j" };
    if (tag == NULL)
        return session_create(NULL, "id", NULL, 1000, NULL);
    snprintf(user.claims.tag, sizeof(user.claims.tag), "%s", tag);
    return session_create(NULL, "id", &user, 1000, NULL);
}

static struct session *add(struct fixture *f, const char *tag)
{
    struct session *session = make_session(tag);
    assert_int_equal(registry_add(f->registry, session, ""), REGISTRY_OK);
    return session;
}

static void assert_refused(struct fixture *f, const char *tag, enum registry_result expected)
{
    size_t before = registry_count(f->registry);
    struct session *session = make_session(tag);
    assert_int_equal(registry_add(f->registry, session, ""), expected);
    assert_int_equal(registry_count(f->registry), before);
    session_unref(&session);
}

static void drop(struct fixture *f, struct session **session)
{
    registry_remove(f->registry, *session);
    session_unref(session);
}

static void assert_turns(struct fixture *f, const char *expected)
{
    char text[256] = "";
    for (size_t i = 0; i < f->turn_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c%s ",
                 f->turns[i].online ? '+' : '-', f->turns[i].key);
    assert_string_equal(text, expected);
}

/* Turns */

static void only_the_first_and_the_last_session_of_a_user_are_turns(void **state)
{
    struct fixture *f = *state;
    struct session *one = add(f, "@Bob"), *two = add(f, "@BOB"), *other = add(f, "@amy");
    assert_turns(f, "+bob +amy ");
    drop(f, &one);
    assert_turns(f, "+bob +amy ");
    assert_true(registry_is_online(f->registry, "bob"));
    drop(f, &two);
    assert_turns(f, "+bob +amy -bob ");
    assert_false(registry_is_online(f->registry, "bob"));
    one = add(f, "@bob");
    drop(f, &one);
    drop(f, &other);
    assert_turns(f, "+bob +amy -bob +bob -bob -amy ");
    assert_int_equal(registry_count(f->registry), 0);
}

static void a_turn_sees_the_registry_of_that_moment(void **state)
{
    struct fixture *f = *state;
    struct session *one = add(f, "@Bob");
    assert_true(f->was_online);
    assert_string_equal(f->last_tag, "@Bob");
    drop(f, &one);
    assert_false(f->was_online);
    assert_string_equal(f->last_tag, "@Bob");
}

static void a_first_session_may_be_refused(void **state)
{
    struct fixture *f = *state;
    f->refused_key = "bob";
    assert_refused(f, "@bob", REGISTRY_REFUSED);
    assert_false(registry_is_online(f->registry, "bob"));
    assert_int_equal(registry_of_user(f->registry, "bob").count, 0);
    struct session *amy = add(f, "@amy");
    f->refused_key = NULL;
    struct session *bob = add(f, "@bob");
    assert_turns(f, "+bob +amy +bob ");
    f->refused_key = "bob"; /* a second one asks nobody */
    struct session *second = add(f, "@bob");
    drop(f, &second);
    drop(f, &bob);
    drop(f, &amy);
}

static void sessions_without_a_user_count_and_take_no_turn(void **state)
{
    struct fixture *f = *state;
    struct session *sessions[SESSIONS_MAX];
    for (size_t i = 0; i < SESSIONS_MAX; i++) /* more than one user may have */
        sessions[i] = add(f, NULL);
    assert_turns(f, "");
    assert_int_equal(registry_count(f->registry), SESSIONS_MAX);
    assert_false(registry_is_online(f->registry, ""));
    assert_int_equal(registry_of_user(f->registry, "").count, 0);
    assert_refused(f, NULL, REGISTRY_FULL);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        drop(f, &sessions[i]);
    assert_turns(f, "");
}

/* Limits */

static void a_user_has_a_maximum_of_sessions(void **state)
{
    struct fixture *f = *state;
    struct session *sessions[PER_USER_MAX];
    for (size_t i = 0; i < PER_USER_MAX; i++)
        sessions[i] = add(f, "@bob");
    assert_refused(f, "@bob", REGISTRY_USER_FULL);
    assert_refused(f, "@BOB", REGISTRY_USER_FULL);
    struct session *amy = add(f, "@amy");
    drop(f, &sessions[1]);
    sessions[1] = add(f, "@bob");
    assert_refused(f, "@bob", REGISTRY_USER_FULL);
    assert_turns(f, "+bob +amy ");
    for (size_t i = 0; i < PER_USER_MAX; i++)
        drop(f, &sessions[i]);
    drop(f, &amy);
}

static void all_users_together_have_a_maximum_of_sessions(void **state)
{
    struct fixture *f = *state;
    struct session *sessions[SESSIONS_MAX];
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        char tag[TAG_SIZE];
        snprintf(tag, sizeof(tag), "@user%zu", i);
        sessions[i] = add(f, tag);
    }
    size_t turns = f->turn_count;
    assert_refused(f, "@late", REGISTRY_FULL);
    assert_refused(f, "@user0", REGISTRY_FULL);
    assert_int_equal(f->turn_count, turns);
    assert_false(registry_is_online(f->registry, "late"));
    drop(f, &sessions[3]);
    sessions[3] = add(f, "@late");
    assert_refused(f, "@later", REGISTRY_FULL);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        drop(f, &sessions[i]);
}

/* Tokens */

static struct session *find(struct fixture *f, uint64_t token)
{
    struct session *found = registry_find(f->registry, token), *seen = found;
    session_unref(&found);
    return seen;
}

static void a_token_finds_its_session(void **state)
{
    struct fixture *f = *state;
    struct session *one = add(f, "@bob"), *two = add(f, "@bob"), *nobody = add(f, NULL);
    assert_ptr_equal(find(f, session_token(one)), one);
    assert_ptr_equal(find(f, session_token(two)), two);
    assert_ptr_equal(find(f, session_token(nobody)), nobody);
    assert_null(find(f, 0));
    assert_null(find(f, UINT64_MAX));
    assert_null(find(f, SESSIONS_MAX));
    assert_null(find(f, UINT64_C(1) << 32 | SESSIONS_MAX));
    drop(f, &one);
    drop(f, &two);
    drop(f, &nobody);
}

static void a_token_of_a_closed_session_finds_none(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 50; round++) {
        struct session *former = add(f, "@bob");
        uint64_t stale = session_token(former);
        drop(f, &former);
        assert_null(find(f, stale));
        struct session *sessions[SESSIONS_MAX]; /* so that its place is surely taken again */
        for (size_t i = 0; i < SESSIONS_MAX; i++) {
            sessions[i] = add(f, NULL);
            assert_true(session_token(sessions[i]) != stale);
        }
        assert_null(find(f, stale));
        for (size_t i = 0; i < SESSIONS_MAX; i++)
            drop(f, &sessions[i]);
    }
}

static void a_found_entry_outlives_its_removal(void **state)
{
    struct fixture *f = *state;
    struct session *session = add(f, "@bob");
    struct session *found = registry_find(f->registry, session_token(session));
    struct registry_list list = registry_of_user(f->registry, "bob");
    drop(f, &session);
    assert_string_equal(session_key(found), "bob");
    assert_string_equal(session_key(list.items[0]), "bob");
    session_unref(&found);
    registry_list_finish(&list);
    assert_int_equal(list.count, 0);
    registry_list_finish(&list);
}

/* Lists */

static bool holds(const struct registry_list *list, const struct session *session)
{
    size_t times = 0;
    for (size_t i = 0; i < list->count; i++)
        times += list->items[i] == session;
    return times == 1;
}

static void lists_have_every_session_once(void **state)
{
    struct fixture *f = *state;
    struct session *one = add(f, "@bob"), *two = add(f, "@Bob"), *amy = add(f, "@amy");
    struct session *nobody = add(f, NULL);
    struct registry_list of_bob = registry_of_user(f->registry, "bob");
    struct registry_list all = registry_all(f->registry);
    assert_int_equal(of_bob.count, 2);
    assert_true(holds(&of_bob, one) && holds(&of_bob, two));
    assert_int_equal(all.count, 4);
    assert_true(holds(&all, one) && holds(&all, two) && holds(&all, amy) && holds(&all, nobody));
    registry_list_finish(&of_bob);
    registry_list_finish(&all);
    struct registry_list none = registry_of_user(f->registry, "@bob");
    assert_int_equal(none.count, 0);
    registry_list_finish(&none);
    drop(f, &one);
    drop(f, &two);
    drop(f, &amy);
    drop(f, &nobody);
    all = registry_all(f->registry);
    assert_int_equal(all.count, 0);
    registry_list_finish(&all);
}

static void tags_are_listed_once_as_typed(void **state)
{
    struct fixture *f = *state;
    struct session *one = add(f, "@Bob"), *two = add(f, "@bob"), *amy = add(f, "@Amy");
    struct session *nobody = add(f, NULL);
    size_t count = 0;
    char **tags = registry_tags(f->registry, &count);
    assert_int_equal(count, 2);
    bool bob_first = strcmp(tags[0], "@Bob") == 0;
    assert_string_equal(tags[bob_first ? 0 : 1], "@Bob");
    assert_string_equal(tags[bob_first ? 1 : 0], "@Amy");
    for (size_t i = 0; i < count; i++)
        free(tags[i]);
    free(tags);
    drop(f, &one);
    drop(f, &two);
    drop(f, &amy);
    drop(f, &nobody);
}

/* Threads */

static void *come_and_go(void *arg)
{
    struct fixture *f = arg;
    static atomic_uint number;
    unsigned random = atomic_fetch_add(&number, 1) * 977u + 1;
    for (int round = 0; round < 2000; round++) {
        char tag[TAG_SIZE];
        random = random * 1664525u + 1013904223u;
        snprintf(tag, sizeof(tag), "@user%u", random >> 30);
        struct session *session = make_session(tag);
        if (registry_add(f->registry, session, "") != REGISTRY_OK)
            return NULL;
        struct session *found = registry_find(f->registry, session_token(session));
        bool same = found == session;
        session_unref(&found);
        struct registry_list list = registry_of_user(f->registry, session_key(session));
        bool there = holds(&list, session);
        registry_list_finish(&list);
        registry_remove(f->registry, session);
        session_unref(&session);
        if (!same || !there)
            return NULL;
    }
    return f;
}

static void turns_of_many_threads_come_one_at_a_time_and_alternate(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[6];
    bool online[4] = { false };
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, f), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, f);
    }
    assert_false(f->overlapped);
    assert_in_range(f->turn_count, 8, TURNS_MAX);
    for (size_t i = 0; i < f->turn_count; i++) {
        size_t user = (size_t)(f->turns[i].key[4] - '0');
        assert_int_equal(f->turns[i].online, !online[user]);
        online[user] = f->turns[i].online;
    }
    for (size_t user = 0; user < COUNT_OF(online); user++)
        assert_false(online[user]);
    assert_int_equal(registry_count(f->registry), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Of 64 places, 16 are for users without a socket. */
static void the_last_places_are_for_users_without_a_socket(void **state)
{
    struct fixture *f = *state;
    struct session *sessions[64];
    size_t count = 0;
    for (; count < 48; count++)
        sessions[count] = add(f, count % 2 == 0 ? "@bob" : "@amy");
    assert_refused(f, "@bob", REGISTRY_FULL);
    for (; count < 64; count++) {
        char tag[TAG_SIZE];
        snprintf(tag, sizeof(tag), "@user%zu", count);
        sessions[count] = add(f, tag);
        assert_refused(f, tag, REGISTRY_FULL);
    }
    assert_refused(f, "@late", REGISTRY_FULL);
    while (count > 0)
        drop(f, &sessions[--count]);
}

static void the_reserve_is_a_quarter_in_steps(void **state)
{
    (void)state;
    assert_int_equal(registry_reserve(1), 0);
    assert_int_equal(registry_reserve(63), 0);
    assert_int_equal(registry_reserve(64), 16);
    assert_int_equal(registry_reserve(127), 16);
    assert_int_equal(registry_reserve(2000), 496);
}

static struct session *add_from(struct fixture *f, const char *tag, const char *address,
                                enum registry_result expected)
{
    struct session *session = make_session(tag);
    assert_int_equal(registry_add(f->registry, session, address), expected);
    return session;
}

static void an_address_has_a_maximum_of_sessions(void **state)
{
    struct fixture *f = *state;
    struct session *first = add_from(f, "@bob", "192.0.2.1", REGISTRY_OK);
    struct session *second = add_from(f, "@amy", "192.0.2.1", REGISTRY_OK);
    struct session *refused = add_from(f, "@eve", "192.0.2.1", REGISTRY_ADDRESS_FULL);
    struct session *elsewhere = add_from(f, "@eve", "192.0.2.2", REGISTRY_OK);
    struct session *uncounted = add_from(f, "@bob", "", REGISTRY_OK);
    session_unref(&refused);
    drop(f, &first);
    first = add_from(f, "@eve", "192.0.2.1", REGISTRY_OK);
    drop(f, &first);
    drop(f, &second);
    drop(f, &elsewhere);
    drop(f, &uncounted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_first_and_the_last_session_of_a_user_are_turns),
        TEST(a_turn_sees_the_registry_of_that_moment),
        TEST(a_first_session_may_be_refused),
        TEST(sessions_without_a_user_count_and_take_no_turn),
        TEST(a_user_has_a_maximum_of_sessions),
        TEST(all_users_together_have_a_maximum_of_sessions),
        TEST(a_token_finds_its_session),
        TEST(a_token_of_a_closed_session_finds_none),
        TEST(a_found_entry_outlives_its_removal),
        TEST(lists_have_every_session_once),
        TEST(tags_are_listed_once_as_typed),
        cmocka_unit_test_setup_teardown(the_last_places_are_for_users_without_a_socket,
                                        set_up_with_reserve, tear_down),
        cmocka_unit_test(the_reserve_is_a_quarter_in_steps),
        TEST(an_address_has_a_maximum_of_sessions),
        cmocka_unit_test_setup_teardown(turns_of_many_threads_come_one_at_a_time_and_alternate,
                                        set_up_large, tear_down),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
