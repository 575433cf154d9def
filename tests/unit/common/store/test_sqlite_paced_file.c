/* services/common/store/sqlite_paced_file: a checkpoint that leaves the disk to the commits
 * between. */
#define _GNU_SOURCE /* pwrite64 */
#include "tests/unit/unit.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_paced_file.h"
#include "tests/unit/temp_dir.h"

enum {
    ENTRIES = 4000, /* 8 MB */
    UNSYNCED_MAX = 1024 * 1024 + 65536,
    PLAIN_SYNCS = 3, /* the log, its directory, the file */
};

static const char *const migrations[] = { "CREATE TABLE entry (n INTEGER, data BLOB);" };

/* Stand in for those that SQLite calls. */
#define EXPORTED __attribute__((visibility("default")))
static size_t unsynced, unsynced_max;
static int writes, syncs;

EXPORTED ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    writes++;
    unsynced += size;
    if (unsynced > unsynced_max)
        unsynced_max = unsynced;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

EXPORTED int fdatasync(int fd)
{
    syncs++;
    unsynced = 0;
    return (int)syscall(SYS_fdatasync, fd);
}

struct fixture {
    char dir[TEMP_PATH_SIZE];
    struct sqlite_db *db;
    struct sqlite_conn *writer, *paced;
    int pages; /* of the log */
};

static void note_pages(void *ctx, int pages)
{
    ((struct fixture *)ctx)->pages = pages;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[TEMP_PATH_SIZE + 64];
    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(path, sizeof(path), "%s/test.db", f->dir);
    assert_int_equal(sqlite_db_open(path, migrations, 1, &f->db), STATUS_OK);
    f->writer = sqlite_conn_open(f->db, NULL);
    assert_non_null(f->writer);
    sqlite_conn_on_commit(f->writer, note_pages, f);
    assert_non_null(sqlite_paced_file_layer());
    f->paced = sqlite_conn_open(f->db, sqlite_paced_file_layer());
    assert_non_null(f->paced);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sqlite_conn_close(&f->writer);
    sqlite_conn_close(&f->paced);
    sqlite_db_close(&f->db);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void fill_log(struct fixture *f)
{
    sqlite3_stmt *s =
        sqlite_conn_prepare(f->writer, "INSERT INTO entry VALUES (?, randomblob(1900))");
    assert_int_equal(sqlite_conn_exec(f->writer, "BEGIN IMMEDIATE"), STATUS_OK);
    for (int i = 0; i < ENTRIES; i++) {
        sqlite3_bind_int64(s, 1, i);
        assert_int_equal(sqlite_step(s), SQLITE_DONE);
    }
    assert_int_equal(sqlite_conn_exec(f->writer, "COMMIT"), STATUS_OK);
    assert_true(f->pages > ENTRIES);
}

static void checkpoint_all(struct fixture *f, struct sqlite_conn *conn)
{
    writes = syncs = 0;
    unsynced = unsynced_max = 0;
    assert_int_equal(sqlite_conn_checkpoint(conn), f->pages);
    assert_true(writes > ENTRIES);
}

static void assert_whole(struct fixture *f)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        f->writer, "SELECT (SELECT integrity_check FROM pragma_integrity_check),"
                   " (SELECT count(DISTINCT n) FROM entry)");
    assert_int_equal(sqlite_step(s), SQLITE_ROW);
    assert_string_equal(sqlite_column_text_or_empty(s, 0), "ok");
    assert_int_equal(sqlite3_column_int(s, 1), ENTRIES);
    sqlite3_reset(s);
}

static void a_checkpoint_writes_a_few_pages_at_a_time(void **state)
{
    struct fixture *f = *state;
    fill_log(f);
    checkpoint_all(f, f->paced);
    assert_in_range(unsynced_max, 1, UNSYNCED_MAX);
    assert_true(syncs > PLAIN_SYNCS + ENTRIES * 1900 / UNSYNCED_MAX);
    assert_true(syncs < writes / 4);
    assert_whole(f);
}

static void a_delayed_run_can_be_started_at_once(void **state)
{
    struct fixture *f = *state;
    struct sqlite_paced_file *file = sqlite_paced_file_of(sqlite_conn_handle(f->paced));
    assert_non_null(file);
    fill_log(f);
    sqlite_paced_file_hurry(file, true);
    checkpoint_all(f, f->paced);
    assert_true(unsynced_max > ENTRIES * 1900); /* all of it */
    assert_in_range(syncs, 1, PLAIN_SYNCS);
    assert_whole(f);
}

static void a_connection_without_the_layer_is_unchanged(void **state)
{
    struct fixture *f = *state;
    struct sqlite_paced_file *file = sqlite_paced_file_of(sqlite_conn_handle(f->writer));
    assert_null(file);
    sqlite_paced_file_hurry(file, false);
    fill_log(f);
    checkpoint_all(f, f->writer);
    assert_in_range(syncs, 1, PLAIN_SYNCS);
    assert_whole(f);
}

static void a_checkpoint_can_be_stopped_and_resumed(void **state)
{
    struct fixture *f = *state;
    fill_log(f);
    sqlite3_interrupt(sqlite_conn_handle(f->paced));
    assert_int_equal(sqlite_conn_checkpoint(f->paced), 0);
    assert_whole(f);
    checkpoint_all(f, f->paced);
    assert_whole(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_writes_a_few_pages_at_a_time),
        TEST(a_delayed_run_can_be_started_at_once),
        TEST(a_connection_without_the_layer_is_unchanged),
        TEST(a_checkpoint_can_be_stopped_and_resumed),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("sqlite_paced_file", tests, NULL, NULL);
}
