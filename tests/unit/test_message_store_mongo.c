/*
 * services/message/message_settle_mongo and message_repair_mongo: a write to MongoDB takes several
 * steps, and a crash between any two of them leaves nothing that stays wrong. Runs on the MongoDB
 * servers of TEST_STORE_URLS; without one there is nothing to run.
 */

#include "tests/unit/unit.h"

#include <signal.h>

#include "services/common/log.h"
#include "services/message/message_settle_mongo.h"
#include "tests/unit/message_store_client.h"
#include "tests/unit/process.h"

static const char *const steps[] = { "note", "messages", "changes", "dialogs", "positions" };

/* --- dying at a step ----------------------------------------------------------------------- */

static const char *step_to_die_at;

static void die_at_step(const char *step)
{
    if (strcmp(step, step_to_die_at) == 0)
        raise(SIGKILL);
}

struct death {
    const char *url, *step;
    bool marks; /* dies while it marks, else while it sends */
};

/* A process that marks or sends, and is killed by itself at the step. */
static int work_and_die(void *arg)
{
    const struct death *death = arg;
    struct message_store *store = NULL;
    struct message_send send = letter("@Amy", "@Bob", "the last");
    struct message_mark mark = { .reader = user_of("@bob"), .sender = user_of("@amy") };

    if (message_store_open(death->url, &store) != STATUS_OK)
        return 1;
    step_to_die_at = death->step;
    settle_step_for_test = die_at_step;
    send.client_message_id = "last";
    if (death->marks)
        return mark_and_wait(store, &mark) == STATUS_OK ? 2 : 3;
    return send_and_wait(store, &send) == STATUS_OK ? 2 : 3;
}

static void let_die(struct fixture *f, const char *step, bool marks)
{
    struct death death = { f->url, step, marks };
    pid_t pid = process_start(work_and_die, &death);
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Some of everything, by a store that is closed again. */
static void begin(struct fixture *f)
{
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    put(f, "@Amy", "@Bob", "one");
    put(f, "@Bob", "@Amy", "two");
    put(f, "@Amy", "@cid", "other");
    mark_read(f, "@bob", "@amy");
    put(f, "@Amy", "@Bob", "three");
    message_store_close(&f->store);
}

static uint64_t position(struct fixture *f, const char *owner)
{
    struct mongo_db *db = NULL;
    uint64_t mod = 0;

    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    assert_int_equal(settle_position(db, owner, &mod), STATUS_OK);
    mongo_db_close(&db);
    return mod;
}

static void count_mods(void *ctx, const bson_t *document)
{
    uint64_t *expected = ctx;

    assert_int_equal(mongo_int(document, "mod"), ++*expected);
}

/* An owner's changes are numbered 1, 2, 3... and the newest is the position. */
static void assert_sequence(struct fixture *f, const char *owner)
{
    struct mongo_db *db = NULL;
    uint64_t newest = 0;

    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    assert_int_equal(mongo_find(db, CHANGES, BCON_NEW("owner", BCON_UTF8(owner)),
                                BCON_NEW("sort", "{", "mod", BCON_INT32(1), "}"), count_mods,
                                &newest),
                     STATUS_OK);
    mongo_db_close(&db);
    assert_int_equal(position(f, owner), newest);
}

static void assert_all_agree(struct fixture *f)
{
    check_user(f, "@Amy");
    check_user(f, "@Bob");
    check_user(f, "@cid");
    assert_sequence(f, "amy");
    assert_sequence(f, "bob");
    assert_sequence(f, "cid");
}

/* Was the message stored before the process died at this step? */
static bool is_stored_at(size_t step)
{
    return step >= 1;
}

/* --- sends --------------------------------------------------------------------------------- */

static void a_store_that_opens_settles_what_a_killed_sender_left(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        uint64_t amy = position(f, "amy"), bob = position(f, "bob");
        let_die(f, steps[i], false);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        assert_int_equal(position(f, "amy"), amy + is_stored_at(i));
        assert_int_equal(position(f, "bob"), bob + is_stored_at(i));
        assert_texts(f, "bob", "amy", (struct message_range){ 0, 10, 0 },
                     is_stored_at(i) ? "the last three two one" : "three two one");
        assert_unread(f, "bob", is_stored_at(i) ? 2 : 1, 1);
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

static void the_same_send_again_finishes_what_the_first_left(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK); /* before the death */
        let_die(f, steps[i], false);
        struct message_send again = put_with_id(f, "@Amy", "@Bob", "the last", "last", STATUS_OK);
        assert_int_equal(again.seq, 4);
        assert_true(again.repeated == (i >= 2)); /* else nobody can have been told of it */
        assert_texts(f, "amy", "bob", (struct message_range){ 0, 10, 0 }, "the last three two one");
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

static void the_next_message_repairs_the_dialogs_by_the_way(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        let_die(f, steps[i], false);
        assert_int_equal(put(f, "@Bob", "@Amy", "next").seq, 4 + is_stored_at(i));
        check_user(f, "@Amy");
        check_user(f, "@Bob");
        reopen(f);
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

/* --- marks --------------------------------------------------------------------------------- */

static void a_store_that_opens_settles_what_a_killed_reader_left(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        if (strcmp(steps[i], "messages") == 0)
            continue; /* a mark stores none */
        store_url_new(f->url);
        begin(f);
        let_die(f, steps[i], true);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        assert_unread(f, "bob", 0, 1); /* it was asked for, and noted */
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

static void the_same_mark_again_finishes_what_the_first_left(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        if (strcmp(steps[i], "messages") == 0)
            continue;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        let_die(f, steps[i], true);
        mark_read(f, "@bob", "@amy");
        assert_unread(f, "bob", 0, 1);
        assert_unread(f, "amy", 1, 0);
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

/* --- notes --------------------------------------------------------------------------------- */

static void count_document(void *ctx, const bson_t *document)
{
    (void)document;
    ++*(size_t *)ctx;
}

static size_t count_notes(struct fixture *f)
{
    struct mongo_db *db = NULL;
    size_t count = 0;

    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    assert_int_equal(mongo_find(db, WORK, bson_new(), NULL, count_document, &count), STATUS_OK);
    mongo_db_close(&db);
    return count;
}

static void a_store_that_is_closed_in_order_leaves_no_note(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(count_notes(f), 0);
    let_die(f, "messages", false);
    assert_int_equal(count_notes(f), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_closed, tear_down)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_opens_settles_what_a_killed_sender_left),
        TEST(the_same_send_again_finishes_what_the_first_left),
        TEST(the_next_message_repairs_the_dialogs_by_the_way),
        TEST(a_store_that_opens_settles_what_a_killed_reader_left),
        TEST(the_same_mark_again_finishes_what_the_first_left),
        TEST(a_store_that_is_closed_in_order_leaves_no_note),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_mongo %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    log_init("unit", LOG_LEVEL_WARN);
    return getenv("TEST_STORE_URLS") != NULL ? store_urls_run(run_suite) : EXIT_SUCCESS;
}
