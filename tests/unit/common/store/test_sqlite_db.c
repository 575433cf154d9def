/* services/common/store/sqlite_db: one file, its schema, its connections. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/log.h"
#include "services/common/store/sqlite_db.h"
#include "tests/unit/capture.h"
#include "tests/unit/process.h"
#include "tests/unit/temp_dir.h"

enum { READERS = 4, OPENERS = 4, ROUNDS = 40, INTERRUPTIONS = 500 };

static const char *const migrations[] = {
    "CREATE TABLE one (x INTEGER UNIQUE); INSERT INTO one VALUES (1);",
    "CREATE TABLE two (y TEXT); INSERT INTO two SELECT 'from ' || x FROM one;",
    "INSERT INTO one VALUES (3);"
};

struct fixture {
    char dir[TEMP_PATH_SIZE];
    char path[TEMP_PATH_SIZE + 64];
    struct sqlite_db *db;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(f->path, sizeof(f->path), "%s/test.db", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sqlite_db_close(&f->db);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void reopen(struct fixture *f, size_t migration_count)
{
    sqlite_db_close(&f->db);
    assert_int_equal(sqlite_db_open(f->path, migrations, migration_count, &f->db), STATUS_OK);
}

/* The first column of the first row, or -1. */
static int64_t ask(struct sqlite_conn *conn, const char *sql_literal)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, sql_literal);
    assert_non_null(s);
    int64_t value = sqlite_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_reset(s);
    return value;
}

static int64_t ask_db(struct sqlite_db *db, const char *sql_literal)
{
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    assert_non_null(conn);
    int64_t value = ask(conn, sql_literal);
    sqlite_db_give_back(db, conn);
    return value;
}

/* Opens what cannot be opened; the failure must be logged. */
static void assert_open_fails(const char *path, const char *const *scripts, size_t count,
                              enum status expected)
{
    struct sqlite_db *db = NULL;
    struct capture capture = capture_begin();
    enum status status = sqlite_db_open(path, scripts, count, &db);
    char *logged = capture_end(&capture);
    assert_int_equal(status, expected);
    assert_null(db);
    assert_true(count_of_text(logged, " error ") >= 1);
    free(logged);
}

/* Schema */

static void a_new_file_gets_every_migration(void **state)
{
    struct fixture *f = *state;
    reopen(f, 3);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM two WHERE y = 'from 1'"), 1);
    assert_int_equal(ask_db(f->db, "SELECT version FROM schema_version"), 3);
}

static void an_older_file_gets_only_what_is_missing(void **state)
{
    struct fixture *f = *state;
    reopen(f, 0);
    assert_int_equal(ask_db(f->db, "SELECT version FROM schema_version"), 0);
    for (size_t count = 1; count <= 3; count++) {
        for (int again = 0; again < 2; again++) {
            reopen(f, count);
            assert_int_equal(ask_db(f->db, "SELECT version FROM schema_version"), count);
        }
    }
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM two"), 1);
}

static void a_newer_file_is_refused_and_left_as_it_is(void **state)
{
    struct fixture *f = *state;
    reopen(f, 3);
    sqlite_db_close(&f->db);
    assert_open_fails(f->path, migrations, 2, STATUS_INVALID_ARGUMENT);
    reopen(f, 3);
    assert_int_equal(ask_db(f->db, "SELECT version FROM schema_version"), 3);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
}

static void a_failing_migration_is_rolled_back(void **state)
{
    struct fixture *f = *state;
    static const char *const broken[] = {
        "CREATE TABLE one (x INTEGER UNIQUE); INSERT INTO one VALUES (1);",
        "CREATE TABLE half (z); INSERT INTO nowhere VALUES (1);"
    };
    assert_open_fails(f->path, broken, 2, STATUS_UNAVAILABLE);
    reopen(f, 3);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM sqlite_master WHERE name = 'half'"), 0);
}

/* The file */

static void missing_directories_are_made(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char parent[TEMP_PATH_SIZE + 16];
    snprintf(f->path, sizeof(f->path), "%s/a/b/c/test.db", f->dir);
    reopen(f, 1);
    assert_int_equal(stat(f->path, &info), 0);
    snprintf(parent, sizeof(parent), "%s/a", f->dir);
    assert_int_equal(stat(parent, &info), 0);
    assert_int_equal(info.st_mode & 0077, 0); /* nobody else's business */
}

static void a_file_that_is_no_database_is_not_opened(void **state)
{
    struct fixture *f = *state;
    assert_open_fails(f->dir, migrations, 1, STATUS_UNAVAILABLE);
    temp_file_write(f->path, "this is not a database, but long enough to be one.....", 54);
    assert_open_fails(f->path, migrations, 1, STATUS_UNAVAILABLE);
    char below[TEMP_PATH_SIZE + 96];
    snprintf(below, sizeof(below), "%s/below/a/file.db", f->path);
    assert_open_fails(below, migrations, 1, STATUS_UNAVAILABLE);
}

static void commits_are_durable_and_readers_are_not_blocked(void **state)
{
    struct fixture *f = *state;
    reopen(f, 1);
    struct sqlite_conn *writer = sqlite_conn_open(f->db, NULL);
    assert_non_null(writer);
    sqlite3_stmt *mode = sqlite_conn_prepare(writer, "PRAGMA journal_mode");
    assert_int_equal(sqlite_step(mode), SQLITE_ROW);
    assert_string_equal(sqlite_column_text_or_empty(mode, 0), "wal");
    sqlite3_reset(mode);
    assert_int_equal(ask(writer, "PRAGMA synchronous"), 2); /* FULL */
    assert_int_equal(sqlite_conn_exec(writer, "BEGIN IMMEDIATE; INSERT INTO one VALUES (50)"),
                     STATUS_OK);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 1);
    assert_int_equal(sqlite_conn_exec(writer, "COMMIT"), STATUS_OK);
    assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
    sqlite_conn_close(&writer);
    assert_null(writer);
    sqlite_conn_close(&writer);
}

/* A child that waits until the test opens the gate, so that all of them begin at once. */
struct opener {
    const char *path;
    int gate[2]; /* a pipe; open when nobody can write any more */
};

static int open_and_close(void *arg)
{
    const struct opener *opener = arg;
    struct sqlite_db *db = NULL;
    char byte;
    close(opener->gate[1]);
    if (read(opener->gate[0], &byte, 1) != 0)
        return 2;
    enum status status = sqlite_db_open(opener->path, migrations, COUNT_OF(migrations), &db);
    sqlite_db_close(&db);
    return status == STATUS_OK ? 0 : 1;
}

static void several_processes_may_open_a_new_file_at_once(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[OPENERS];
        snprintf(f->path, sizeof(f->path), "%s/round-%d.db", f->dir, round);
        struct opener opener = { .path = f->path };
        assert_int_equal(pipe(opener.gate), 0);
        for (size_t i = 0; i < OPENERS; i++)
            pids[i] = process_start(open_and_close, &opener);
        close(opener.gate[1]);
        close(opener.gate[0]);
        assert_processes_went_well(pids, OPENERS);
        reopen(f, 3);
        assert_int_equal(ask_db(f->db, "SELECT count(*) FROM one"), 2);
        sqlite_db_close(&f->db);
    }
}

/* Connections */

struct borrower {
    struct sqlite_db *db;
    atomic_bool has;
};

static void *borrow_one(void *arg)
{
    struct borrower *borrower = arg;
    struct sqlite_conn *conn = sqlite_db_borrow(borrower->db);
    atomic_store(&borrower->has, true);
    if (conn != NULL)
        sqlite_db_give_back(borrower->db, conn);
    return conn;
}

static void a_thread_waits_when_all_readers_are_in_use(void **state)
{
    struct fixture *f = *state;
    struct sqlite_conn *readers[READERS];
    pthread_t thread;
    void *got;
    reopen(f, 1);
    struct borrower borrower = { .db = f->db };
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = sqlite_db_borrow(f->db);
        assert_non_null(readers[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(readers[i], readers[j]);
    }
    assert_int_equal(pthread_create(&thread, NULL, borrow_one, &borrower), 0);
    assert_int_equal(ask(readers[0], "SELECT count(*) FROM one"), 1);
    assert_false(atomic_load(&borrower.has));
    sqlite_db_give_back(f->db, readers[0]);
    pthread_join(thread, &got);
    assert_ptr_equal(got, readers[0]);
    for (size_t i = 1; i < READERS; i++)
        sqlite_db_give_back(f->db, readers[i]);
}

static void *read_often(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < 300; i++) {
        struct sqlite_conn *conn = sqlite_db_borrow(f->db);
        if (conn == NULL)
            return NULL;
        sqlite3_stmt *s = sqlite_conn_prepare(conn, "SELECT sum(x) FROM one");
        bool good = s != NULL && sqlite_step(s) == SQLITE_ROW && sqlite3_column_int(s, 0) == 4;
        sqlite3_reset(s);
        sqlite_db_give_back(f->db, conn);
        if (!good)
            return NULL;
    }
    return f;
}

static void many_threads_share_the_readers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[10];
    reopen(f, 3);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, f), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, f);
    }
}

/* Statements */

static void a_statement_is_prepared_once_and_returned_without_bindings(void **state)
{
    struct fixture *f = *state;
    static const char sql[] = "SELECT ?1";
    reopen(f, 1);
    struct sqlite_conn *conn = sqlite_db_borrow(f->db);
    sqlite3_stmt *first = sqlite_conn_prepare(conn, sql);
    sqlite3_bind_int(first, 1, 7);
    assert_int_equal(sqlite_step(first), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(first, 0), 7);
    sqlite3_stmt *again = sqlite_conn_prepare(conn, sql);
    assert_ptr_equal(first, again);
    assert_int_equal(sqlite3_stmt_busy(again), 0);
    assert_int_equal(sqlite_step(again), SQLITE_ROW);
    assert_int_equal(sqlite3_column_type(again, 0), SQLITE_NULL);
    assert_string_equal(sqlite_column_text_or_empty(again, 0), "");
    assert_int_equal(sqlite_step(again), SQLITE_DONE);
    assert_int_equal(sqlite3_stmt_busy(again), 0);
    sqlite_db_give_back(f->db, conn);
}

static void failures_are_reported_and_logged(void **state)
{
    struct fixture *f = *state;
    reopen(f, 1);
    struct sqlite_conn *conn = sqlite_db_borrow(f->db);
    struct capture capture = capture_begin();
    sqlite3_stmt *bad = sqlite_conn_prepare(conn, "SELECT nonsense FROM nowhere");
    enum status status = sqlite_conn_exec(conn, "INSERT INTO nowhere VALUES (1)");
    sqlite3_stmt *twice = sqlite_conn_prepare(conn, "INSERT INTO one VALUES (1)");
    int result = sqlite_step(twice);
    char *logged = capture_end(&capture);
    assert_null(bad);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_int_equal(result, SQLITE_CONSTRAINT);
    assert_int_equal(count_of_text(logged, "nowhere"), 4);
    free(logged);
    sqlite3_stmt *good = sqlite_conn_prepare(conn, "INSERT INTO one VALUES (99)");
    assert_int_equal(sqlite_step(good), SQLITE_DONE);
    assert_int_equal(sqlite_conn_last_rowid(conn), 2);
    sqlite_db_give_back(f->db, conn);
}

struct interrupter {
    sqlite3 *handle;
    atomic_bool stop;
};

static void *interrupt_often(void *arg)
{
    struct interrupter *interrupter = arg;
    while (!interrupter->stop)
        sqlite3_interrupt(interrupter->handle);
    return NULL;
}

/* While SQLite prepares, reads the schema or runs: it is asked for, so no failure. */
static void an_interruption_is_not_logged_wherever_it_comes(void **state)
{
    static const char sql[] =
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    struct fixture *f = *state;
    int interrupted = 0;
    reopen(f, 2);
    struct capture capture = capture_begin();
    for (int i = 0; i < INTERRUPTIONS; i++) {
        struct sqlite_conn *conn = sqlite_conn_open(f->db, NULL);
        struct interrupter interrupter = { .handle = sqlite_conn_handle(conn) };
        pthread_t thread;
        pthread_create(&thread, NULL, interrupt_often, &interrupter);
        sqlite3_stmt *s = sqlite_conn_prepare(conn, sql);
        interrupted += s == NULL || sqlite_step(s) != SQLITE_ROW;
        interrupter.stop = true;
        pthread_join(thread, NULL);
        sqlite_conn_close(&conn);
    }
    char *logged = capture_end(&capture);
    print_message("%d of %d were interrupted\n", interrupted, INTERRUPTIONS);
    assert_string_equal(logged, "");
    free(logged);
    assert_null(sqlite_db_problem(f->db));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_processes_may_open_a_new_file_at_once),
        TEST(a_new_file_gets_every_migration),
        TEST(an_older_file_gets_only_what_is_missing),
        TEST(a_newer_file_is_refused_and_left_as_it_is),
        TEST(a_failing_migration_is_rolled_back),
        TEST(missing_directories_are_made),
        TEST(a_file_that_is_no_database_is_not_opened),
        TEST(commits_are_durable_and_readers_are_not_blocked),
        TEST(a_thread_waits_when_all_readers_are_in_use),
        TEST(many_threads_share_the_readers),
        TEST(a_statement_is_prepared_once_and_returned_without_bindings),
        TEST(failures_are_reported_and_logged),
        TEST(an_interruption_is_not_logged_wherever_it_comes),
    };
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("sqlite_db", tests, NULL, NULL);
}
