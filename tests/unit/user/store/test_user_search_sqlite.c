/* services/user/store/sqlite/search: a part that very many users contain. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "services/common/base/log.h"
#include "services/user/store/user_store.h"
#include "tests/unit/temp_dir.h"

enum { USERS = 26000, MAX = 30 };

static struct {
    char dir[TEMP_PATH_SIZE];
    struct user_store *store;
    char keys[USERS][TAG_SIZE]; /* in order */
} f;

/* All hold "every"; "often" one in four; "late" the last 3,500 and two at the begin; "twice" three,
 * each two times. */
static void make_key(int i, char key_out[TAG_SIZE])
{
    const char *end = "";
    if (i % 9000 == 1)
        end = "_twice_twice";
    else if (i >= USERS - 3500 || i == 3 || i == 7)
        end = "_late";
    else if (i % 4 == 0)
        end = "_often";
    snprintf(key_out, TAG_SIZE, "u%05d_every%s", i % USERS, end);
}

static void add_all(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "INSERT INTO user (id, key, tag, email, email_key,"
                                        " first_name, last_name, img, password_hash)"
                                        " VALUES (x'', ?1, '@' || ?1, ?1, ?1, '', '', '', '')",
                                        -1, &s, NULL),
                     SQLITE_OK);
    for (int i = USERS; i-- > 0;) {
        make_key(i, f.keys[i]);
        sqlite3_bind_text(s, 1, f.keys[i], -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int set_up(void **state)
{
    char path[TEMP_PATH_SIZE + 32], url[TEMP_PATH_SIZE + 64];
    (void)state;
    snprintf(f.dir, sizeof(f.dir), "%s", temp_dir_make());
    snprintf(path, sizeof(path), "%s/users.db", f.dir);
    snprintf(url, sizeof(url), "sqlite://%s", path);
    assert_int_equal(user_store_open(url, &f.store), STATUS_OK);
    add_all(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    user_store_close(&f.store);
    temp_dir_remove(f.dir);
    return 0;
}

static void assert_finds(const char *part, const char *except_key, size_t max)
{
    struct user_list list;
    size_t found = 0;
    assert_int_equal(user_store_find(f.store, part, except_key, max, &list), STATUS_OK);
    for (int begins = 1; begins >= 0; begins--)
        for (size_t i = 0; i < USERS && found < max; i++) {
            const char *at = strstr(f.keys[i], part);
            if (at == NULL || (at == f.keys[i]) != begins || strcmp(f.keys[i], except_key) == 0)
                continue;
            assert_true(found < list.count);
            assert_string_equal(list.items[found++].tag + 1, f.keys[i]);
        }
    assert_int_equal(found, list.count);
    free(list.items);
}

static void matches_of_a_common_part_are_found_by_key(void **state)
{
    (void)state;
    assert_finds("every", "", MAX);
    assert_finds("every", f.keys[2], MAX);
    assert_finds("_", "", MAX);
    assert_finds("often", "", MAX);
    assert_finds("often", f.keys[4], MAX);
    assert_finds("u", "", MAX);
}

static void matches_at_the_end_of_the_order_are_found(void **state)
{
    (void)state;
    assert_finds("late", "", MAX);
    assert_finds("late", f.keys[7], MAX);
    assert_finds("late", f.keys[USERS - 1], 3600);
}

static void rare_parts_are_found(void **state)
{
    (void)state;
    assert_finds("twice", "", MAX);
    assert_finds("twice", f.keys[1], MAX);
    assert_finds(f.keys[17] + 1, "", MAX);
    assert_finds("nobody", "", MAX);
}

static void prefix_matches_precede_other_matches(void **state)
{
    (void)state;
    assert_finds("u0001", "", MAX);
    assert_finds("u00017", "", MAX);
    assert_finds("0", "", MAX);
    assert_finds("00", "", 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_of_a_common_part_are_found_by_key),
        cmocka_unit_test(matches_at_the_end_of_the_order_are_found),
        cmocka_unit_test(rare_parts_are_found),
        cmocka_unit_test(prefix_matches_precede_other_matches),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("user_store search, sqlite", tests, set_up, tear_down);
}
