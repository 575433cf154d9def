/* services/user/store/user_store: what every kind of user store keeps to. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/text.h"
#include "services/user/store/user_store.h"
#include "tests/unit/capture.h"
#include "tests/unit/process.h"
#include "tests/unit/user/store/user_store_fixture.h"

enum { THREADS = 8, IMAGE_BYTES = 700 * 1024 };

static void assert_same_user(const struct user *one, const struct user *other)
{
    assert_memory_equal(one->id.bytes, other->id.bytes, ID_BYTES);
    assert_string_equal(one->tag, other->tag);
    assert_string_equal(one->first_name, other->first_name);
    assert_string_equal(one->last_name, other->last_name);
    assert_string_equal(one->img, other->img);
    assert_string_equal(one->email, other->email);
    assert_string_equal(one->email_key, other->email_key);
    assert_string_equal(one->password_hash, other->password_hash);
}

static struct user by_key(struct fixture *f, const char *key)
{
    struct user_list list;
    struct user user = { .tag = "" };
    assert_int_equal(user_store_by_keys(f->store, &key, 1, &list), STATUS_OK);
    if (list.count == 1)
        user = list.items[0];
    free(list.items);
    return user;
}

/* Adding and finding again */

static void a_user_is_found_by_email_and_by_key_with_every_field(void **state)
{
    struct fixture *f = *state;
    struct user anna = make_user("@Anna_1", "Anna@Example.com"), found;
    assert_int_equal(user_store_add(f->store, &anna), STATUS_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(user_store_by_email(f->store, "anna@example.com", &found), STATUS_OK);
        assert_same_user(&found, &anna);
        found = by_key(f, "anna_1");
        assert_same_user(&found, &anna);
        reopen(f);
    }
}

static void fields_are_kept_to_their_full_length(void **state)
{
    struct fixture *f = *state;
    char tag[TAG_SIZE] = "@";
    memset(tag + 1, 'T', TAG_MAX - 1);
    struct user user = make_user(tag, "x@y.z"), found;
    memset(user.first_name, 'f', USER_NAME_SIZE - 1);
    for (size_t i = 0; i + 4 < USER_NAME_SIZE; i += 4)
        memcpy(user.last_name + i, "\xF0\x90\x90\x80", 5);
    memset(user.email, 'e', USER_EMAIL_SIZE - 1);
    memset(user.email_key, 'k', USER_EMAIL_SIZE - 1);
    memset(user.password_hash, 'h', USER_HASH_SIZE - 1);
    memset(user.img, 'i', USER_IMAGE_SIZE - 1);
    assert_int_equal(user_store_add(f->store, &user), STATUS_OK);
    assert_int_equal(user_store_by_email(f->store, user.email_key, &found), STATUS_OK);
    assert_same_user(&found, &user);
}

static void unusual_text_is_kept_unchanged(void **state)
{
    struct fixture *f = *state;
    struct user user = make_user("@quote", "o'hara\"; DROP TABLE user;--@x.y"), found;
    snprintf(user.first_name, sizeof(user.first_name), "%s", "'\"\\%_$\n{}[]");
    assert_int_equal(user_store_add(f->store, &user), STATUS_OK);
    assert_int_equal(user_store_by_email(f->store, user.email_key, &found), STATUS_OK);
    assert_same_user(&found, &user);
}

static void no_user_is_found_in_an_empty_store(void **state)
{
    struct fixture *f = *state;
    struct user found;
    struct user_list list = { 0 };
    assert_int_equal(user_store_by_email(f->store, "a@b.c", &found), STATUS_NOT_FOUND);
    add(f, "@anna");
    assert_int_equal(user_store_by_email(f->store, "", &found), STATUS_NOT_FOUND);
    assert_int_equal(user_store_by_email(f->store, "ANNA@example.com", &found), STATUS_NOT_FOUND);
    assert_int_equal(user_store_by_email(f->store, "anna%", &found), STATUS_NOT_FOUND);
    const char *keys[] = { "nobody", "", "@anna" };
    assert_int_equal(user_store_by_keys(f->store, keys, 3, &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    free(list.items);
}

static void the_existing_ones_of_many_keys_are_found(void **state)
{
    struct fixture *f = *state;
    char names[1000][16];
    const char *keys[1000];
    struct user_list list;
    add(f, "@key7");
    add(f, "@Key999");
    add(f, "@other");
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(names[i], sizeof(names[i]), "key%zu", i);
        keys[i] = names[i];
    }
    assert_int_equal(user_store_by_keys(f->store, keys, COUNT_OF(keys), &list), STATUS_OK);
    assert_int_equal(list.count, 2);
    bool first = strcmp(list.items[0].tag, "@key7") == 0;
    assert_string_equal(list.items[first ? 0 : 1].tag, "@key7");
    assert_string_equal(list.items[first ? 1 : 0].tag, "@Key999");
    free(list.items);
    assert_int_equal(user_store_by_keys(f->store, keys, 0, &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    free(list.items);
}

/* Uniqueness */

static void a_tag_is_accepted_in_any_case(void **state)
{
    struct fixture *f = *state;
    static const char *const tags[] = { "@Anna", "@anna", "@ANNA", "@aNNa" };
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        char email[32];
        snprintf(email, sizeof(email), "%zu@x.y", i);
        struct user user = make_user(tags[i], email), found;
        assert_int_equal(user_store_add(f->store, &user),
                         i == 0 ? STATUS_OK : STATUS_ALREADY_EXISTS);
        assert_int_equal(user_store_by_email(f->store, email, &found),
                         i == 0 ? STATUS_OK : STATUS_NOT_FOUND);
    }
    assert_string_equal(by_key(f, "anna").tag, "@Anna");
}

static void an_email_is_accepted_in_any_case(void **state)
{
    struct fixture *f = *state;
    struct user one = make_user("@one", "Anna@X.y"), two = make_user("@two", "aNNA@x.Y");
    assert_int_equal(user_store_add(f->store, &one), STATUS_OK);
    assert_int_equal(user_store_add(f->store, &two), STATUS_ALREADY_EXISTS);
    assert_string_equal(by_key(f, "two").tag, "");
    struct user again = make_user("@two", "free@x.y"); /* nothing of the refused one is left */
    assert_int_equal(user_store_add(f->store, &again), STATUS_OK);
    struct user third = make_user("@three", "free2@x.y");
    assert_int_equal(user_store_add(f->store, &third), STATUS_OK);
    assert_int_equal(user_store_add(f->store, &third), STATUS_ALREADY_EXISTS);
}

struct racers {
    struct user_store *store;
    atomic_uint number, added, refused;
    bool same_tag; /* or else the same e-mail */
};

static void *race(void *arg)
{
    struct racers *racers = arg;
    unsigned n = atomic_fetch_add(&racers->number, 1);
    for (int round = 0; round < 20; round++) {
        char tag[TAG_SIZE], email[64];
        snprintf(tag, sizeof(tag), racers->same_tag ? "@%s%d" : "@%s%dx%u",
                 n % 2 == 0 ? "RACE" : "race", round, n);
        snprintf(email, sizeof(email), racers->same_tag ? "e%d.%u@x.y" : "e%d@x.y", round, n);
        struct user user = make_user(tag, email);
        enum status status = user_store_add(racers->store, &user);
        atomic_fetch_add(&racers->added, status == STATUS_OK);
        atomic_fetch_add(&racers->refused, status == STATUS_ALREADY_EXISTS);
    }
    return NULL;
}

static void one_of_many_concurrent_users_gets_the_name(void **state)
{
    struct fixture *f = *state;
    for (int same_tag = 0; same_tag <= 1; same_tag++) {
        struct racers racers = { .store = f->store, .same_tag = same_tag != 0 };
        pthread_t threads[THREADS];
        if (same_tag == 0)
            atomic_store(&racers.number, 100);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers), 0);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(racers.added, 20);
        assert_int_equal(racers.refused, 20 * THREADS - 20);
    }
}

/* Children say by their exit status how many of 20 names they got. */
static int race_in_a_process(void *arg)
{
    struct user_store *store = NULL;
    struct racers racers = { .same_tag = true };
    if (user_store_open(arg, &store) != STATUS_OK)
        return 100;
    racers.store = store;
    race(&racers);
    user_store_close(&store);
    return racers.added + racers.refused == 20 ? (int)racers.added : 101;
}

/* First of all tests: no id may have been made before the fork, or both would go on from it. */
static void one_of_two_processes_gets_the_name(void **state)
{
    struct fixture *f = *state;
    int got = 0;
    user_store_close(&f->store);
    store_url_new(f->url); /* both make the schema as well */
    pid_t pids[2] = { process_start(race_in_a_process, f->url),
                      process_start(race_in_a_process, f->url) };
    for (size_t i = 0; i < COUNT_OF(pids); i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        got += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
    }
    assert_int_equal(got, 20);
    reopen(f);
}

/* Changing */

static enum status update(struct fixture *f, const char *key, const char *first_name,
                          const char *last_name, const char *img)
{
    struct user_update wanted = { first_name, last_name, img, 0, "", 0 };
    return user_store_update(f->store, key, &wanted);
}

static void an_update_replaces_names_and_image_only(void **state)
{
    struct fixture *f = *state;
    struct user anna = make_user("@Anna", "anna@x.y"), other = make_user("@Bob", "bob@x.y");
    assert_int_equal(user_store_add(f->store, &anna), STATUS_OK);
    assert_int_equal(user_store_add(f->store, &other), STATUS_OK);
    assert_int_equal(update(f, "anna", "\xD0\x90\xD0\xBD\xD0\xBD\xD0\xB0", "O'H", "new.png"),
                     STATUS_OK);
    snprintf(anna.first_name, sizeof(anna.first_name), "\xD0\x90\xD0\xBD\xD0\xBD\xD0\xB0");
    snprintf(anna.last_name, sizeof(anna.last_name), "O'H");
    snprintf(anna.img, sizeof(anna.img), "new.png");
    struct user found = by_key(f, "anna");
    assert_same_user(&found, &anna);
    found = by_key(f, "bob");
    assert_same_user(&found, &other);
    assert_int_equal(update(f, "anna", anna.first_name, anna.last_name, anna.img),
                     STATUS_OK); /* no change is no failure */
    reopen(f);
    assert_int_equal(user_store_by_email(f->store, "anna@x.y", &found), STATUS_OK);
    assert_same_user(&found, &anna);
    struct user_list list;
    assert_int_equal(user_store_find(f->store, "nna", "", 5, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_same_user(&list.items[0], &anna);
    free(list.items);
}

static void a_missing_user_is_not_updated(void **state)
{
    struct fixture *f = *state;
    add(f, "@anna");
    assert_int_equal(update(f, "bob", "B", "B", "b.png"), STATUS_NOT_FOUND);
    assert_int_equal(update(f, "@anna", "B", "B", "b.png"), STATUS_NOT_FOUND);
    assert_string_equal(by_key(f, "anna").first_name, "Anna");
}

/* Images */

static void assert_image(struct fixture *f, const struct user_image *image)
{
    char *content_type = NULL;
    void *data = NULL;
    size_t size = 0;
    bool has = false;
    assert_int_equal(user_store_get_image(f->store, image->name, &content_type, &data, &size),
                     STATUS_OK);
    assert_string_equal(content_type, image->content_type);
    assert_int_equal(size, image->size);
    assert_memory_equal(data, image->data, size);
    free(content_type);
    free(data);
    assert_int_equal(user_store_has_image(f->store, image->name, &has), STATUS_OK);
    assert_true(has);
}

static void an_image_is_kept_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    unsigned char *data = malloc(IMAGE_BYTES);
    assert_non_null(data);
    for (size_t i = 0; i < IMAGE_BYTES; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    struct user_image large = { "0123456789abcdef0123456789abcdef.png", "image/png", data,
                                IMAGE_BYTES, 0 };
    struct user_image small = { "ffffffffffffffffffffffffffffffff.jpg", "image/jpeg", "\0", 1, 0 };
    assert_int_equal(user_store_put_image(f->store, &large), STATUS_OK);
    assert_int_equal(user_store_put_image(f->store, &small), STATUS_OK);
    assert_image(f, &large);
    assert_image(f, &small);
    reopen(f);
    assert_image(f, &large);
    free(data);
}

static void a_second_put_of_a_name_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct user_image first = { "a.png", "image/png", "first", 5, 0 };
    struct user_image second = { "a.png", "image/jpeg", "second!", 7, 0 };
    assert_int_equal(user_store_put_image(f->store, &first), STATUS_OK);
    assert_int_equal(user_store_put_image(f->store, &first), STATUS_OK);
    assert_int_equal(user_store_put_image(f->store, &second), STATUS_OK);
    assert_image(f, &first);
}

static void a_missing_image_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct user_image image = { "a.png", "image/png", "x", 1, 0 };
    char *content_type;
    void *data;
    size_t size;
    bool has = true;
    assert_int_equal(user_store_put_image(f->store, &image), STATUS_OK);
    assert_int_equal(user_store_get_image(f->store, "b.png", &content_type, &data, &size),
                     STATUS_NOT_FOUND);
    assert_int_equal(user_store_get_image(f->store, "", &content_type, &data, &size),
                     STATUS_NOT_FOUND);
    assert_int_equal(user_store_has_image(f->store, "A.png", &has), STATUS_OK);
    assert_false(has);
}

/* Revoked tokens */

static void assert_revoked(struct fixture *f, const char *jti, bool expected)
{
    bool revoked = !expected;
    assert_int_equal(user_store_is_revoked(f->store, jti, &revoked), STATUS_OK);
    assert_int_equal(revoked, expected);
}

static void a_token_stays_revoked(void **state)
{
    struct fixture *f = *state;
    assert_revoked(f, "a", false);
    assert_int_equal(user_store_revoke(f->store, "a", 1000, 10), STATUS_OK);
    assert_revoked(f, "a", true);
    assert_revoked(f, "b", false);
    assert_revoked(f, "", false);
    assert_int_equal(user_store_revoke(f->store, "a", 1000, 11), STATUS_OK);
    assert_revoked(f, "a", true);
    reopen(f);
    assert_revoked(f, "a", true);
}

static void entries_are_forgotten_when_they_expire_and_not_before(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(user_store_revoke(f->store, "a", 100, 10), STATUS_OK);
    assert_int_equal(user_store_revoke(f->store, "b", 200, 99), STATUS_OK);
    assert_revoked(f, "a", true);
    assert_int_equal(user_store_revoke(f->store, "c", 300, 100), STATUS_OK);
    assert_revoked(f, "a", false);
    assert_revoked(f, "b", true);
    assert_revoked(f, "c", true);
}

/* Opening */

static void an_invalid_store_url_is_rejected(void **state)
{
    (void)state;
    static const char *const urls[] = { "",
                                        "sqlite",
                                        "sqlite:",
                                        "sqlit:///tmp/x.db",
                                        "http://x",
                                        "/tmp/x.db",
                                        "SQLITE:///tmp/x.db",
                                        "://",
                                        "sqlite:/tmp/x" };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct user_store *store = NULL;
        struct capture capture = capture_begin();
        enum status status = user_store_open(urls[i], &store);
        free(capture_end(&capture));
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        assert_null(store);
    }
    struct user_store *none = NULL;
    user_store_close(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(one_of_two_processes_gets_the_name),
        TEST(a_user_is_found_by_email_and_by_key_with_every_field),
        TEST(fields_are_kept_to_their_full_length),
        TEST(unusual_text_is_kept_unchanged),
        TEST(no_user_is_found_in_an_empty_store),
        TEST(the_existing_ones_of_many_keys_are_found),
        TEST(a_tag_is_accepted_in_any_case),
        TEST(an_email_is_accepted_in_any_case),
        TEST(one_of_many_concurrent_users_gets_the_name),
        TEST(an_update_replaces_names_and_image_only),
        TEST(a_missing_user_is_not_updated),
        TEST(an_image_is_kept_byte_for_byte),
        TEST(a_second_put_of_a_name_changes_nothing),
        TEST(a_missing_image_is_not_found),
        TEST(a_token_stays_revoked),
        TEST(entries_are_forgotten_when_they_expire_and_not_before),
        cmocka_unit_test(an_invalid_store_url_is_rejected),
    };
    char group[64];
    snprintf(group, sizeof(group), "user_store %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
