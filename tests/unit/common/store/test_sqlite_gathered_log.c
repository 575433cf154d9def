/* services/common/store/sqlite_gathered_log: what a transaction writes gathers until its commit. */
#define _GNU_SOURCE /* pwrite64 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_gathered_log.h"
#include "services/common/store/sqlite_layer.h"
#include "tests/unit/capture.h"
#include "tests/unit/temp_dir.h"

enum { MANY = 1000, ROUNDS = 20 };

static const char *const migrations[] = { "CREATE TABLE entry (n INTEGER, data BLOB);" };

/* Stands in for the one that SQLite calls. */
#define EXPORTED __attribute__((visibility("default")))
static int writes;
static bool disk_is_full;

EXPORTED ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    writes++;
    if (disk_is_full) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

struct fixture {
    char dir[TEMP_PATH_SIZE];
    struct sqlite_db *db;
    struct sqlite_conn *gathering, *plain;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[TEMP_PATH_SIZE + 64];
    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(path, sizeof(path), "%s/test.db", f->dir);
    assert_int_equal(sqlite_db_open(path, migrations, 1, &f->db), STATUS_OK);
    assert_non_null(sqlite_gathered_log_layer());
    f->gathering = sqlite_conn_open(f->db, sqlite_gathered_log_layer());
    f->plain = sqlite_conn_open(f->db, NULL);
    assert_non_null(f->gathering);
    assert_non_null(f->plain);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sqlite_conn_close(&f->gathering);
    sqlite_conn_close(&f->plain);
    sqlite_db_close(&f->db);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void run(struct sqlite_conn *conn, const char *sql)
{
    assert_int_equal(sqlite_conn_exec(conn, sql), STATUS_OK);
}

/* So that what is asked for comes from the log. */
static void keep_log(struct fixture *f)
{
    run(f->gathering, "PRAGMA wal_autocheckpoint = 0");
    run(f->plain, "PRAGMA wal_autocheckpoint = 0");
}

static int64_t ask(struct sqlite_conn *conn, const char *sql_literal)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql_literal);
    assert_non_null(s);
    int64_t value = sqlite_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_reset(s);
    return value;
}

/* From `first` on, so many that the cache of the connection cannot hold them. */
static void add_many(struct sqlite_conn *conn, int first)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO entry VALUES (?, randomblob(1500))");
    run(conn, "PRAGMA cache_size = 10");
    for (int i = 0; i < MANY; i++) {
        sqlite3_bind_int64(s, 1, first + i);
        assert_int_equal(sqlite_step(s), SQLITE_DONE);
    }
}

static void assert_whole(struct sqlite_conn *conn, int64_t entries)
{
    assert_int_equal(ask(conn, "SELECT count(*) FROM entry"), entries);
    assert_int_equal(ask(conn, "SELECT count(DISTINCT n) FROM entry"), entries);
    assert_int_equal(ask(conn, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static int writes_of_a_commit(struct sqlite_conn *conn)
{
    run(conn, "BEGIN IMMEDIATE");
    for (int i = 0; i < 50; i++)
        run(conn, "INSERT INTO entry VALUES (1, zeroblob(1500))");
    writes = 0;
    run(conn, "COMMIT");
    return writes;
}

static void a_commit_of_many_pages_is_one_write(void **state)
{
    struct fixture *f = *state;
    assert_true(writes_of_a_commit(f->plain) > 100); /* or SQLite does it itself by now */
    assert_in_range(writes_of_a_commit(f->gathering), 1, 2);
}

static void commits_are_visible_at_once(void **state)
{
    struct fixture *f = *state;
    keep_log(f);
    for (int i = 1; i <= 100; i++) {
        run(f->gathering, "INSERT INTO entry VALUES (1, zeroblob(3000))");
        assert_int_equal(ask(f->plain, "SELECT count(*) FROM entry"), 2 * i - 1);
        run(f->plain, "INSERT INTO entry VALUES (2, zeroblob(3000))");
        assert_int_equal(ask(f->gathering, "SELECT count(*) FROM entry"), 2 * i);
    }
}

static void a_transaction_reads_its_own_writes_although_its_cache_is_too_small(void **state)
{
    struct fixture *f = *state;
    keep_log(f);
    run(f->gathering, "BEGIN IMMEDIATE");
    add_many(f->gathering, 0);
    assert_whole(f->gathering, MANY);
    run(f->gathering, "UPDATE entry SET n = n + 1000000");
    assert_int_equal(ask(f->plain, "SELECT count(*) FROM entry"), 0);
    run(f->gathering, "COMMIT");
    assert_whole(f->gathering, MANY);
    assert_whole(f->plain, MANY);
    assert_int_equal(ask(f->plain, "SELECT min(n) FROM entry"), 1000000);
}

/* Of one letter, over so many pages that they go into the log before the commit. */
static void add_long(struct sqlite_conn *conn, const char *letters)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "INSERT INTO entry VALUES (1, replace(hex(zeroblob(200000)), '00', ?))");
    run(conn, "PRAGMA cache_size = 10");
    sqlite3_bind_text(s, 1, letters, -1, SQLITE_STATIC);
    assert_int_equal(sqlite_step(s), SQLITE_DONE);
}

static void undone_writes_never_reach_the_log_of_others(void **state)
{
    struct fixture *f = *state;
    keep_log(f);
    for (int i = 1; i <= ROUNDS; i++) {
        run(f->gathering, "BEGIN IMMEDIATE");
        add_long(f->gathering, "aa");
        run(f->gathering, "ROLLBACK");
        add_long(f->plain, "bb");
        assert_int_equal(ask(f->gathering, "SELECT sum(instr(data, 'a')) FROM entry"), 0);
        assert_int_equal(ask(f->gathering, "SELECT sum(length(data)) FROM entry"), i * 400000);
    }
    assert_int_equal(ask(f->plain, "SELECT sum(instr(data, 'a')) FROM entry"), 0);
}

/* A statement that fails undoes itself alone, if it has a journal of its own; what was written into
 * the log before it, and had no room, is missing all the same. */
static void a_failed_write_is_not_committed(void **state)
{
    struct fixture *f = *state;
    keep_log(f);
    run(f->gathering, "CREATE UNIQUE INDEX entry_n ON entry (n)");
    run(f->gathering, "BEGIN IMMEDIATE");
    add_long(f->gathering, "aa");
    struct capture capture = capture_begin();
    disk_is_full = true;
    enum status failed =
        sqlite_conn_exec(f->gathering, "INSERT INTO entry SELECT n + 1, data FROM entry");
    disk_is_full = false;
    enum status committed = sqlite_conn_exec(f->gathering, "COMMIT");
    enum status undone = sqlite_conn_exec(f->gathering, "ROLLBACK");
    free(capture_end(&capture));
    assert_int_equal(failed, STATUS_UNAVAILABLE);
    assert_int_equal(committed, STATUS_UNAVAILABLE);
    (void)undone; /* SQLite may have done so itself */
    assert_whole(f->plain, 0);
    run(f->gathering, "INSERT INTO entry VALUES (3, 'three')");
    assert_whole(f->plain, 1);
    assert_whole(f->gathering, 1);
}

static void a_restarted_log_is_read_as_before(void **state)
{
    struct fixture *f = *state;
    keep_log(f);
    for (int i = 0; i < ROUNDS; i++) {
        run(f->gathering, "BEGIN IMMEDIATE");
        add_many(f->gathering, i * MANY);
        run(f->gathering, "COMMIT");
        assert_true(sqlite_conn_checkpoint(i % 2 == 0 ? f->plain : f->gathering) > 0);
        assert_int_equal(ask(f->plain, "SELECT count(*) FROM entry"), (i + 1) * MANY);
    }
    assert_whole(f->plain, ROUNDS * MANY);
}

/* A connection of which the test hears when it has begun a checkpoint. */
static void (*in_checkpoint)(void *ctx);
static void *in_checkpoint_ctx;

static int lock_and_tell(sqlite3_file *file, int first, int count, int flags)
{
    int result = sqlite_layer_file_of(file)->plain->xShmLock(file, first, count, flags);
    if (result == SQLITE_OK && first == 1 && (flags & SQLITE_SHM_LOCK) != 0)
        in_checkpoint(in_checkpoint_ctx);
    return result;
}

static void watched_opened(sqlite3_file *file, const char *name, int flags)
{
    (void)name;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        sqlite_layer_file_of(file)->methods.xShmLock = lock_and_tell;
}

static void note_pages(void *ctx, int pages)
{
    *(int *)ctx = pages;
}

static void add_one(void *ctx)
{
    run(((struct fixture *)ctx)->gathering, "INSERT INTO entry VALUES (1, '')");
}

static void the_log_is_not_restarted_during_another_checkpoint(void **state)
{
    static struct sqlite_layer watched = { .name = "watched",
                                           .file_size = sizeof(struct sqlite_layer_file),
                                           .opened = watched_opened };
    struct fixture *f = *state;
    int pages = 0;
    in_checkpoint = add_one;
    in_checkpoint_ctx = f;
    struct sqlite_conn *other = sqlite_conn_open(f->db, sqlite_layer_use(&watched));
    assert_non_null(other);
    sqlite_conn_on_commit(f->gathering, note_pages, &pages);
    run(f->gathering, "INSERT INTO entry VALUES (0, zeroblob(100000))");
    int before = pages;
    assert_int_equal(sqlite_conn_checkpoint(f->plain), before); /* all, so it could restart */
    sqlite_conn_checkpoint(other);
    assert_true(pages > before);
    assert_int_equal(sqlite_conn_checkpoint(f->plain), pages);
    add_one(f);
    assert_true(pages < before);
    sqlite_conn_close(&other);
    assert_int_equal(ask(f->plain, "SELECT count(*) FROM entry"), 3);
    assert_int_equal(ask(f->plain, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_commit_of_many_pages_is_one_write),
        TEST(commits_are_visible_at_once),
        TEST(a_transaction_reads_its_own_writes_although_its_cache_is_too_small),
        TEST(undone_writes_never_reach_the_log_of_others),
        TEST(a_failed_write_is_not_committed),
        TEST(the_log_is_not_restarted_during_another_checkpoint),
        TEST(a_restarted_log_is_read_as_before),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("sqlite_gathered_log", tests, NULL, NULL);
}
