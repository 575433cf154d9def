/*
 * services/message/store/mongo/settle and repair: a write to MongoDB takes several
 * steps, and a crash between any two of them leaves nothing that stays wrong. Runs on the MongoDB
 * servers of TEST_STORE_URLS; without one there is nothing to run.
 */

#define _GNU_SOURCE /* environ */
#include "tests/unit/unit.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "services/common/base/log.h"
#include "services/message/store/mongo/sequence.h"
#include "services/message/store/mongo/settle.h"
#include "tests/unit/message/store/message_store_changes.h"

static const char *const steps[] = { "note",    "messages", "sequences",
                                     "changes", "dialogs",  "positions" };

/* --- dying at a step ----------------------------------------------------------------------- */

/*
 * Who dies is this program again, with arguments: what to do, the URL of the store, and when to
 * die. A mere fork may take along a lock of the memory's, which a thread of the open store held,
 * and wait for it for ever; the allocator of AddressSanitizer does not mend that as the C library
 * does.
 */
enum { DYING_ARGUMENTS = 4 };

static void spawn_and_see_die(const char *work, const char *url, const char *when)
{
    const char *argv[] = { "dying", work, url, when, NULL };
    pid_t pid;
    int status = 0;

    assert_int_equal(
        posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char **)(uintptr_t)argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static const char *step_to_die_at;

static void die_at_step(const char *step)
{
    if (strcmp(step, step_to_die_at) == 0)
        raise(SIGKILL);
}

/* A process that marks or sends, and is killed by itself at the step. */
static int work_and_die(const char *url, bool marks, const char *step)
{
    struct message_store *store = NULL;
    struct message_send send = letter("@Amy", "@Bob", "the last");
    struct message_mark mark = { .reader = user_of("@bob"), .sender = user_of("@amy") };

    if (message_store_open(url, &store) != STATUS_OK)
        return 1;
    step_to_die_at = step;
    settle_step_for_test = die_at_step;
    send.client_message_id = "last";
    if (marks)
        return mark_and_wait(store, &mark) == STATUS_OK ? 2 : 3;
    return send_and_wait(store, &send) == STATUS_OK ? 2 : 3;
}

static void let_die(struct fixture *f, const char *step, bool marks)
{
    spawn_and_see_die(marks ? "mark" : "send", f->url, step);
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
    assert_int_equal(sequence_newest(db, owner, &mod), STATUS_OK);
    mongo_db_close(&db);
    return mod;
}

static void follow(void *ctx, const bson_t *document)
{
    uint64_t *newest = ctx;
    int64_t step = mongo_int(document, "step");

    assert_int_equal(mongo_int(document, "mod") - (step > 0 ? step : 1), *newest);
    *newest = (uint64_t)mongo_int(document, "mod");
}

/* An owner's changes follow each other, but for the steps of the runs, and the newest is the
 * position. */
static void assert_sequence(struct fixture *f, const char *owner)
{
    struct mongo_db *db = NULL;
    uint64_t newest = 0;

    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    assert_int_equal(
        mongo_find(db, CHANGES,
                   BCON_NEW("owner", BCON_UTF8(owner), "kind", "{", "$ne", BCON_UTF8("step"), "}"),
                   BCON_NEW("sort", "{", "mod", BCON_INT32(1), "}"), follow, &newest),
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

static void a_store_that_opens_repairs_what_a_killed_sender_left(void **state)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        uint64_t amy = position(f, "amy"), bob = position(f, "bob");
        let_die(f, steps[i], false);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        assert_int_equal(position(f, "amy") > amy, is_stored_at(i));
        assert_int_equal(position(f, "bob") > bob, is_stored_at(i));
        assert_texts(f, "bob", "amy",
                     (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 },
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
        assert_true(again.repeated == (i >= 3)); /* else no user can have been notified of it */
        assert_texts(f, "amy", "bob",
                     (struct message_range){ .start = 0, .end = 10, .newest_seq = 0 },
                     "the last three two one");
        assert_all_agree(f);
        message_store_close(&f->store);
    }
}

static void the_next_message_also_repairs_the_dialogs(void **state)
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

static void the_message_of_a_killed_sender_precedes_the_next(void **state)
{
    for (size_t i = 1; i < COUNT_OF(steps); i++) { /* it is stored from step 1 on */
        struct fixture *f = *state;
        store_url_new(f->url);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK); /* before the death */
        put(f, "@Amy", "@Bob", "one");
        let_die(f, steps[i], false);
        struct message_send next = put(f, "@Bob", "@Amy", "next");
        assert_int_equal(next.sender_user_seq, position(f, "bob"));
        assert_unnumbered_changes(f, "amy", "sent @Bob one, sent @Bob the last, new @Bob next");
        assert_unnumbered_changes(f, "bob", "new @Amy one, new @Amy the last, sent @Amy next");
        check_user(f, "@Amy");
        check_user(f, "@Bob");
        message_store_close(&f->store);
    }
}

/* --- marks --------------------------------------------------------------------------------- */

static void a_store_that_opens_repairs_what_a_killed_reader_left(void **state)
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

/* --- what was missed meanwhile ------------------------------------------------------------- */

/* All pages that begin at a change, with their dialogs, right after a death. */
struct right_after {
    struct change_list pages[8];
    size_t count;
    uint64_t position; /* of all of them */
};

static struct right_after read_right_after(struct fixture *f, const char *owner)
{
    struct right_after found = { .pages[0] = changes(f, owner, 0, MANY, true), .count = 1 };

    found.position = found.pages[0].position;
    assert_true(found.pages[0].count < COUNT_OF(found.pages));
    for (size_t i = 0; i < found.pages[0].count; i++)
        found.pages[found.count++] =
            changes(f, owner, found.pages[0].items[i].user_seq, MANY, true);
    return found;
}

/* The numbers of the changes are no more than the position that the repair finds or makes, and the
 * dialogs as they are then. */
static void assert_was_complete(struct fixture *f, const char *owner, struct right_after *found)
{
    struct dialog_list now = dialogs(f, owner, 0, 100);

    assert_true(found->position <= position(f, owner));
    for (size_t page = 0; page < found->count; page++) {
        struct change_list *list = &found->pages[page];
        assert_int_equal(list->position, found->position);
        assert_int_equal(list->count, found->count - 1 - page);
        assert_true(page > 0 || list->dialogs.count == now.count);
        for (size_t i = 0; i < list->dialogs.count; i++) {
            size_t n = 0;
            while (n < now.count &&
                   strcmp(now.items[n].peer_tag, list->dialogs.items[i].peer_tag) != 0)
                n++;
            assert_true(n < now.count);
            assert_same_dialog(&list->dialogs.items[i], &now.items[n]);
        }
        change_list_finish(list);
    }
    dialog_list_finish(&now);
}

static void dialogs_are_complete_before_a_killed_writer_is_repaired(void **state)
{
    for (size_t i = 0; i < 2 * COUNT_OF(steps); i++) {
        struct fixture *f = *state;
        bool marks = i >= COUNT_OF(steps);
        const char *step = steps[i % COUNT_OF(steps)];
        if (marks && strcmp(step, "messages") == 0)
            continue;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK); /* before the death */
        let_die(f, step, marks);
        struct right_after amy = read_right_after(f, "amy"), bob = read_right_after(f, "bob");
        reopen(f);
        assert_was_complete(f, "amy", &amy);
        assert_was_complete(f, "bob", &bob);
        message_store_close(&f->store);
    }
}

/* Without dialogs, too: the mark listed with a message shows that it is read. */
static void a_message_is_listed_as_read_with_the_mark_that_follows_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    let_die(f, "changes", true);
    for (int owner = 0; owner < 2; owner++) {
        struct change_list list = changes(f, owner == 0 ? "amy" : "bob", 0, MANY, false);
        const struct message_change *mark = &list.items[list.count - 1];
        assert_int_equal(mark->kind, owner == 0 ? CHANGE_WAS_READ : CHANGE_READ);
        assert_string_equal(mark[-1].message.text, "three");
        assert_true(mark[-1].message.is_read);
        change_list_finish(&list);
    }
}

/* A member that lags: the change can be seen, its message cannot. */
static void a_change_whose_message_cannot_be_read_is_never_omitted(void **state)
{
    struct fixture *f = *state;
    struct change_range range = { .max = MANY };
    struct change_list list;
    struct mongo_db *db = NULL;
    begin(f);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    assert_int_equal(mongo_delete(db, MESSAGES, BCON_NEW("text", "two")), STATUS_OK);
    mongo_db_close(&db);
    assert_int_equal(message_store_changes(f->store, "bob", range, &list), STATUS_UNAVAILABLE);
    assert_changes(f, "bob", 2, "3 read @Amy, 4 new @Amy three");
}

/* The first message of a dialog, of which there is no document at all. */
static void a_dialog_is_reported_before_it_is_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    let_die(f, "changes", false);
    assert_unnumbered_changes(f, "amy", "sent @Bob the last");
    struct right_after amy = read_right_after(f, "amy"), bob = read_right_after(f, "bob");
    assert_int_equal(bob.pages[0].dialogs.count, 1);
    assert_int_equal(bob.pages[0].dialogs.items[0].unread_incoming, 1);
    reopen(f);
    assert_was_complete(f, "amy", &amy);
    assert_was_complete(f, "bob", &bob);
}

static void after_a_reset_the_dialogs_have_all_up_to_the_position(void **state)
{
    for (int marks = 0; marks < 2; marks++) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        uint64_t before = position(f, "bob");
        let_die(f, "changes", marks);
        assert_true(position(f, "bob") > before);
        assert_reset(f, "bob", 1000, position(f, "bob"));
        assert_reset(f, "amy", 1000, position(f, "amy"));
        assert_unread(f, "bob", marks ? 0 : 2, 1);
        check_user(f, "@Amy");
        check_user(f, "@Bob");
        message_store_close(&f->store);
    }
}

/* --- profiles ------------------------------------------------------------------------------ */

static int steps_to_live;

static void die_after_steps(const char *step)
{
    (void)step;
    if (steps_to_live-- == 0)
        raise(SIGKILL);
}

static int note_and_die(const char *url, int steps_before)
{
    struct message_store *store = NULL;
    struct message_profile profile = { .user = user_of("@Amy"), .revision = 1 };

    if (message_store_open(url, &store) != STATUS_OK)
        return 1;
    steps_to_live = steps_before;
    settle_step_for_test = die_after_steps;
    return message_store_note_profile(store, &profile) == STATUS_OK ? 2 : 3;
}

/* Each with the number of the newest change. */
static void assert_all_are_notified(struct fixture *f)
{
    struct message_profile profile = { .user = user_of("@Amy"), .revision = 1 };

    assert_int_equal(message_store_note_profile(f->store, &profile), STATUS_OK);
    assert_int_equal(profile.notified_count, 3);
    for (size_t i = 0; i < profile.notified_count; i++)
        assert_int_equal(profile.notified[i].user_seq, position(f, profile.notified[i].key));
    free(profile.notified);
}

/* Four steps for the contacts, four for the user. */
static void a_profile_change_half_notified_is_notified_once_to_all_by_the_next_try(void **state)
{
    for (char when[] = "0"; *when < '8'; ++*when) {
        struct fixture *f = *state;
        store_url_new(f->url);
        begin(f);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
        spawn_and_see_die("profile", f->url, when);
        assert_all_are_notified(f);
        assert_told(f, "@Amy", 1, "");
        assert_changes_as(f, "amy", 5, false, "self");
        assert_changes_as(f, "bob", 4, false, "contact @Amy");
        assert_changes_as(f, "cid", 1, false, "contact @Amy");
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
        TEST(a_store_that_opens_repairs_what_a_killed_sender_left),
        TEST(the_same_send_again_finishes_what_the_first_left),
        TEST(the_next_message_also_repairs_the_dialogs),
        TEST(the_message_of_a_killed_sender_precedes_the_next),
        TEST(a_store_that_opens_repairs_what_a_killed_reader_left),
        TEST(the_same_mark_again_finishes_what_the_first_left),
        TEST(dialogs_are_complete_before_a_killed_writer_is_repaired),
        TEST(a_message_is_listed_as_read_with_the_mark_that_follows_it),
        TEST(a_change_whose_message_cannot_be_read_is_never_omitted),
        TEST(a_dialog_is_reported_before_it_is_written),
        TEST(after_a_reset_the_dialogs_have_all_up_to_the_position),
        TEST(a_profile_change_half_notified_is_notified_once_to_all_by_the_next_try),
        TEST(a_store_that_is_closed_in_order_leaves_no_note),
    };
    char group[64];
    snprintf(group, sizeof(group), "message_store_mongo %s", name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

static int be_dying(const char *work, const char *url, const char *when)
{
    if (strcmp(work, "profile") == 0)
        return note_and_die(url, atoi(when));
    return work_and_die(url, strcmp(work, "mark") == 0, when);
}

int main(int argc, char **argv)
{
    log_init("unit", LOG_LEVEL_WARN);
    if (argc == DYING_ARGUMENTS)
        return be_dying(argv[1], argv[2], argv[3]);
    return getenv("TEST_STORE_URLS") != NULL ? store_urls_run(run_suite) : EXIT_SUCCESS;
}
