/* The SQLite stores: what an older version has left is all there after the upgrade. */
#include <sqlite3.h>

#include "services/common/base/log.h"
#include "services/user/store/user_store.h"
#include "tests/unit/message/store/message_store_client.h"

#define DEPARTURE_TAKEN_BACK                                                                       \
    "DROP INDEX user_img; DROP INDEX image_stored; ALTER TABLE user DROP COLUMN deleted;"          \
    "ALTER TABLE image DROP COLUMN stored;"
#define AUDIT_TAKEN_BACK DEPARTURE_TAKEN_BACK "DROP TABLE audit;"
#define PENDING_TAKEN_BACK AUDIT_TAKEN_BACK "DROP TABLE pending;"
#define SESSIONS_TAKEN_BACK                                                                        \
    PENDING_TAKEN_BACK                                                                             \
    "ALTER TABLE user DROP COLUMN session_epoch; ALTER TABLE user DROP COLUMN kept_session;"       \
    "ALTER TABLE user DROP COLUMN disabled; DROP TABLE session; DROP TABLE code;"

#define USAGE_TAKEN_BACK "ALTER TABLE account DROP COLUMN text_bytes;"
#define RELATIONS_TAKEN_BACK                                                                       \
    USAGE_TAKEN_BACK                                                                               \
    "ALTER TABLE account DROP COLUMN show_online; ALTER TABLE account DROP COLUMN show_marks;"     \
    "DROP TABLE relation; DROP TABLE withheld;"

/* Takes the last steps of the schema back: the file is as the version before has left it. */
static void take_back(const char *url, int steps, const char *sql)
{
    sqlite3 *db = NULL;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(url + strlen("sqlite://"), &db), SQLITE_OK);
    char update[80];
    snprintf(update, sizeof(update), "UPDATE schema_version SET version = version - %d", steps);
    sqlite3_exec(db, update, NULL, NULL, &problem);
    assert_null(problem);
    sqlite3_exec(db, sql, NULL, NULL, &problem);
    if (problem != NULL)
        fail_msg("%s", problem);
    sqlite3_close(db);
}

static void a_message_sent_before_is_known_after(void **state)
{
    struct fixture *f = *state;
    struct message_send before = put_with_id(f, "@ann", "@bob", "hi", "c-1", STATUS_OK);
    put(f, "@ann", "@bob", "without an id");
    message_store_close(&f->store);
    take_back(f->url, 5,
              RELATIONS_TAKEN_BACK "DROP INDEX account_superseded;"
                                   "ALTER TABLE account DROP COLUMN account_id;"
                                   "ALTER TABLE account DROP COLUMN superseded;"
                                   "ALTER TABLE account DROP COLUMN run;"
                                   "ALTER TABLE store DROP COLUMN run;"
                                   "ALTER TABLE store DROP COLUMN commits;"
                                   "DROP TABLE jump;"
                                   "DROP INDEX message_sender_id;"
                                   "CREATE UNIQUE INDEX message_id ON message (id);");
    reopen(f);
    struct message_send again = put_with_id(f, "@ann", "@bob", "hi", "c-1", STATUS_OK);
    assert_true(again.repeated);
    assert_int_equal(again.seq, before.seq);
    put_with_id(f, "@ann", "@bob", "ho", "c-1", STATUS_CONFLICT);
    assert_int_equal(put_with_id(f, "@bob", "@ann", "hi", "c-1", STATUS_OK).seq, 3);
}

static void add_user(struct user_store *store, const char *tag)
{
    struct user user = { .id = id_new(), .first_name = "", .last_name = "" };
    snprintf(user.tag, sizeof(user.tag), "%s", tag);
    snprintf(user.email, sizeof(user.email), "%s", tag);
    snprintf(user.email_key, sizeof(user.email_key), "%s", tag);
    assert_int_equal(user_store_add(store, &user), STATUS_OK);
}

static void assert_found(struct user_store *store, const char *part, size_t count)
{
    struct user_list list;
    assert_int_equal(user_store_find(store, part, "", 30, &list), STATUS_OK);
    assert_int_equal(list.count, count);
    free(list.items);
}

static void an_existing_user_is_found_after_the_migration(void **state)
{
    (void)state;
    char url[STORE_URL_SIZE];
    struct user_store *store = NULL;
    store_url_new(url);
    assert_int_equal(user_store_open(url, &store), STATUS_OK);
    add_user(store, "@Hanna");
    add_user(store, "@bob9");
    add_user(store, "@the_longest_tag_that_may_be_give");
    user_store_close(&store);
    take_back(url, 6,
              SESSIONS_TAKEN_BACK
              "DROP TABLE failed_login; DROP TABLE login_network;"
              "DROP TRIGGER user_added; DROP TABLE user_tail; DROP TABLE cut;"
              "CREATE VIRTUAL TABLE user_key USING fts5("
              "  key, content='user', content_rowid='rowid', tokenize='trigram');"
              "CREATE TRIGGER user_added AFTER INSERT ON user BEGIN"
              "  INSERT INTO user_key (rowid, key) VALUES (new.rowid, new.key); END;"
              "INSERT INTO user_key (user_key) VALUES ('rebuild')");
    assert_int_equal(user_store_open(url, &store), STATUS_OK);
    assert_found(store, "anna", 1);
    assert_found(store, "a", 2);
    assert_found(store, "e_give", 1);
    assert_found(store, "9", 1);
    add_user(store, "@Susanna");
    assert_found(store, "anna", 2);
    user_store_close(&store);
}

static void sessions_begin_with_nothing_ended_after_the_migration(void **state)
{
    (void)state;
    char url[STORE_URL_SIZE];
    const char *keys[] = { "anna" };
    struct user_store *store = NULL;
    struct user_list users;
    struct user_session session = { .id = "a", .expires_at_s = 4000000000 };
    store_url_new(url);
    assert_int_equal(user_store_open(url, &store), STATUS_OK);
    add_user(store, "@Anna");
    user_store_close(&store);
    take_back(url, 4, SESSIONS_TAKEN_BACK);
    assert_int_equal(user_store_open(url, &store), STATUS_OK);
    assert_int_equal(user_store_by_keys(store, keys, 1, &users), STATUS_OK);
    assert_int_equal(users.count, 1);
    assert_int_equal(users.items[0].session_epoch, 0);
    assert_string_equal(users.items[0].kept_session, "");
    free(users.items);
    assert_int_equal(user_store_add_session(store, &session, 0), STATUS_OK);
    user_store_close(&store);
}

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_sent_before_is_known_after, set_up, tear_down),
        cmocka_unit_test(an_existing_user_is_found_after_the_migration),
        cmocka_unit_test(sessions_begin_with_nothing_ended_after_the_migration),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return store_urls_run(run_suite);
}
