/*
 * services/message/store/sqlite/lineage: a position is known exactly when this file has given it,
 * whatever turned the file back and however much was written since.
 */
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "tests/unit/message/store/message_store_changes.h"

enum { PATH_SIZE = STORE_URL_SIZE + 16 };

static const char *path_of(const struct fixture *f)
{
    return f->url + strlen("sqlite://");
}

static void copy_file(const char *from, const char *to)
{
    char command[2 * PATH_SIZE + 16];
    snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

/* By SQL on a connection of its own, as the sqlite3 tool does. */
static void execute(const char *path, const char *sql)
{
    sqlite3 *handle;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    sqlite3_exec(handle, sql, NULL, NULL, &error);
    assert_null(error);
    sqlite3_close(handle);
}

static void remove_log(const char *path)
{
    char log[PATH_SIZE];
    snprintf(log, sizeof(log), "%s-wal", path);
    unlink(log);
    snprintf(log, sizeof(log), "%s-shm", path);
    unlink(log);
}

/* --- the ways to copy and to restore ------------------------------------------------------- */

struct way {
    const char *name;
    void (*copy)(const char *path, const char *copy);
    void (*restore)(struct fixture *f, const char *copy);
};

/* The log is complete in the file of a store that was closed. */
static void copy_by_cp(const char *path, const char *copy)
{
    execute(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy_file(path, copy);
}

static void copy_by_vacuum(const char *path, const char *copy)
{
    char sql[PATH_SIZE + 32];
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
    execute(path, sql);
}

static void run_backup(const char *from, const char *to)
{
    sqlite3 *source, *target;
    assert_int_equal(sqlite3_open(from, &source), SQLITE_OK);
    assert_int_equal(sqlite3_open(to, &target), SQLITE_OK);
    sqlite3_busy_timeout(target, 5000);
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    sqlite3_close(target);
    sqlite3_close(source);
}

/* Another file in its place. */
static void restore_by_rename(struct fixture *f, const char *copy)
{
    message_store_close(&f->store);
    remove_log(path_of(f));
    assert_int_equal(rename(copy, path_of(f)), 0);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

static void restore_by_cp(struct fixture *f, const char *copy)
{
    message_store_close(&f->store);
    remove_log(path_of(f));
    copy_file(copy, path_of(f));
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

/* Over a store in use, as `.restore` of the sqlite3 tool. */
static void restore_in_place(struct fixture *f, const char *copy)
{
    run_backup(copy, path_of(f));
}

static const struct way ways[] = {
    { "cp, another file in its place", copy_by_cp, restore_by_rename },
    { "cp, cp", copy_by_cp, restore_by_cp },
    { "VACUUM INTO, cp", copy_by_vacuum, restore_by_cp },
    { ".backup, another file in its place", run_backup, restore_by_rename },
    { ".backup, .restore in use", run_backup, restore_in_place },
};

/* --- what a client gets -------------------------------------------------------------------- */

static uint64_t newest(struct fixture *f, const char *key)
{
    char keys[1][ACCOUNT_NAME_SIZE];
    uint64_t position = 0;
    snprintf(keys[0], ACCOUNT_NAME_SIZE, "%s", key);
    assert_int_equal(
        message_store_positions(f->store, (const char(*)[ACCOUNT_NAME_SIZE])keys, 1, &position),
        STATUS_OK);
    return position;
}

static bool is_reset(struct fixture *f, const char *key, uint64_t since)
{
    struct change_list list = changes(f, key, since, MANY, true);
    bool reset = list.reset;
    change_list_finish(&list);
    return reset;
}

static void send_some(struct fixture *f, const char *from, const char *to, int count)
{
    for (int i = 0; i < count; i++)
        put(f, from, to, "x");
}

static void assert_ahead_is_reset(struct fixture *f, const struct way *way, int before, int lost,
                                  int after)
{
    char copy[PATH_SIZE];
    snprintf(copy, sizeof(copy), "%s-copy", path_of(f));
    unlink(copy);
    send_some(f, "@amy", "@bob", before);
    uint64_t kept = newest(f, "bob");
    way->copy(path_of(f), copy);
    send_some(f, "@amy", "@bob", lost);
    uint64_t ahead = newest(f, "bob");
    way->restore(f, copy);
    for (int written = 0; written <= after; written++) {
        if (!is_reset(f, "bob", ahead))
            fail_msg("%s: %d lost, %d written: not reset", way->name, lost, written);
        assert_false(is_reset(f, "bob", kept));
        send_some(f, "@amy", "@bob", 1);
    }
    assert_false(is_reset(f, "bob", newest(f, "bob")));
    struct change_list list = changes(f, "bob", kept, MANY, true);
    assert_int_equal(list.count, after + 1);
    change_list_finish(&list);
}

static void a_client_that_was_ahead_is_reset_however_much_is_written(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        for (int lost = 1; lost <= 3; lost++) /* fewer, as many and more are written */
            assert_ahead_is_reset(f, &ways[i], 3, lost, 4);
}

/* The owner had no change before the copy, or no account, or nobody had. */
static void an_account_that_is_newer_than_the_copy_is_reset(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        char copy[PATH_SIZE];
        snprintf(copy, sizeof(copy), "%s-copy", path_of(f));
        unlink(copy);
        ways[i].copy(path_of(f), copy);
        send_some(f, "@cid", "@dora", 2);
        uint64_t ahead = newest(f, "dora");
        ways[i].restore(f, copy);
        for (int written = 0; written < 4; written++) {
            assert_true(is_reset(f, "dora", ahead));
            assert_false(is_reset(f, "dora", 0));
            send_some(f, "@cid", "@dora", 1);
        }
        message_store_close(&f->store);
        unlink(path_of(f));
        remove_log(path_of(f));
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    }
}

/* Power loss: the log lost its last commits. */
static void a_client_that_saw_a_lost_tail_of_the_log_is_reset(void **state)
{
    struct fixture *f = *state;
    char log[PATH_SIZE], copy[PATH_SIZE], kept_log[PATH_SIZE];
    struct stat before;
    snprintf(log, sizeof(log), "%s-wal", path_of(f));
    snprintf(copy, sizeof(copy), "%s-copy", path_of(f));
    snprintf(kept_log, sizeof(kept_log), "%s-copy-wal", path_of(f));
    send_some(f, "@amy", "@bob", 3);
    assert_int_equal(stat(log, &before), 0);
    send_some(f, "@amy", "@bob", 2);
    uint64_t ahead = newest(f, "bob");
    copy_file(path_of(f), copy); /* as a kill would leave them */
    copy_file(log, kept_log);
    message_store_close(&f->store);
    remove_log(path_of(f));
    assert_int_equal(rename(copy, path_of(f)), 0);
    assert_int_equal(rename(kept_log, log), 0);
    assert_int_equal(truncate(log, before.st_size), 0);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    for (int written = 0; written < 4; written++) {
        assert_true(is_reset(f, "bob", ahead));
        send_some(f, "@amy", "@bob", 1);
    }
}

/* A process that has committed nothing since the copy: the first one to write after the restore. */
static void a_client_that_was_ahead_is_reset_by_a_process_that_was_idle(void **state)
{
    struct fixture *f = *state;
    char copy[PATH_SIZE];
    struct message_store *busy = f->store, *idle;

    snprintf(copy, sizeof(copy), "%s-copy", path_of(f));
    send_some(f, "@amy", "@bob", 3);
    assert_int_equal(message_store_open(f->url, &idle), STATUS_OK);
    f->store = idle;
    send_some(f, "@amy", "@bob", 2);
    uint64_t kept = newest(f, "bob");
    run_backup(path_of(f), copy);
    f->store = busy;
    send_some(f, "@amy", "@bob", 2);
    uint64_t ahead = newest(f, "bob");
    restore_in_place(f, copy);
    f->store = idle;
    for (int written = 0; written < 4; written++) {
        assert_true(is_reset(f, "bob", ahead));
        assert_false(is_reset(f, "bob", kept));
        send_some(f, "@amy", "@bob", 1);
    }
    f->store = busy; /* now there are as many commits as it has seen, and more */
    send_some(f, "@amy", "@bob", 1);
    assert_true(is_reset(f, "bob", ahead));
    assert_false(is_reset(f, "bob", newest(f, "bob")));
    message_store_close(&idle);
}

static void a_store_that_only_goes_on_resets_nobody(void **state)
{
    struct fixture *f = *state;
    uint64_t seen[2][20];
    for (int run = 0; run < 20; run++) {
        if (run % 3 != 0)
            send_some(f, run % 2 == 0 ? "@amy" : "@bob", run % 2 == 0 ? "@bob" : "@amy", run % 4);
        if (run % 5 == 0)
            mark_read(f, "@bob", "@amy");
        seen[0][run] = newest(f, "amy");
        seen[1][run] = newest(f, "bob");
        for (int i = 0; i <= run; i++) {
            assert_false(is_reset(f, "amy", seen[0][i]));
            assert_false(is_reset(f, "bob", seen[1][i]));
        }
        reopen(f);
    }
    assert_true(newest(f, "amy") < (uint64_t)1 << 53);
}

static void a_number_that_was_never_given_is_a_reset(void **state)
{
    struct fixture *f = *state;
    send_some(f, "@amy", "@bob", 2);
    uint64_t first = newest(f, "bob");
    reopen(f);
    send_some(f, "@amy", "@bob", 2);
    uint64_t last = newest(f, "bob");
    assert_true(last > first + 3);
    assert_true(is_reset(f, "bob", first + 1));
    assert_true(is_reset(f, "bob", first + (last - first) / 2));
    assert_true(is_reset(f, "bob", last - 2)); /* the one before the first of the run */
    assert_false(is_reset(f, "bob", last - 1));
    assert_true(is_reset(f, "bob", last + 1));
    assert_true(is_reset(f, "bob", INT64_MAX));
    assert_true(is_reset(f, "bob", UINT64_MAX));
}

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_client_that_was_ahead_is_reset_however_much_is_written),
        T(an_account_that_is_newer_than_the_copy_is_reset),
        T(a_client_that_saw_a_lost_tail_of_the_log_is_reset),
        T(a_client_that_was_ahead_is_reset_by_a_process_that_was_idle),
        T(a_store_that_only_goes_on_resets_nobody),
        T(a_number_that_was_never_given_is_a_reset),
#undef T
    };
    if (strcmp(name, "sqlite") != 0)
        return 0; /* the ways are those of SQLite files */
    return cmocka_run_group_tests_name("message_sqlite_lineage", tests, NULL, NULL);
}

int main(void)
{
    log_init("test", LOG_LEVEL_ERROR);
    return store_urls_run(run_suite);
}
