/*
 * services/message/store/{sqlite,mongo}/lineage: a position is known exactly when this store has
 * given it, whatever turned the store back and however much was written since.
 */
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/message/store/mongo/documents.h"
#include "tests/unit/message/store/message_store_changes.h"

enum { PATH_SIZE = STORE_URL_SIZE + 32 };

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

/* A way to copy a store, and to put the copy in its place. */
struct way {
    const char *name;
    void (*copy)(struct fixture *f);
    void (*restore)(struct fixture *f);
};

/* --- SQLite -------------------------------------------------------------------------------- */

static void name_copy(const struct fixture *f, char copy_out[PATH_SIZE])
{
    snprintf(copy_out, PATH_SIZE, "%s-copy", path_of(f));
}

/* All of the log, once the store's own checkpoint, which may be under way, has ended. */
static void checkpoint(const char *path)
{
    sqlite3 *db;
    int logged = -1;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM store", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &logged, NULL),
                     SQLITE_OK);
    assert_int_equal(logged, 0);
    sqlite3_close(db);
}

/* The log is complete in the file of a store that was closed. */
static void copy_by_cp(struct fixture *f)
{
    char copy[PATH_SIZE];
    name_copy(f, copy);
    checkpoint(path_of(f));
    copy_file(path_of(f), copy);
}

static void copy_by_vacuum(struct fixture *f)
{
    char copy[PATH_SIZE], sql[PATH_SIZE + 32];
    name_copy(f, copy);
    unlink(copy);
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
    execute(path_of(f), sql);
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

static void copy_by_backup(struct fixture *f)
{
    char copy[PATH_SIZE];
    name_copy(f, copy);
    run_backup(path_of(f), copy);
}

/* Another file in its place. */
static void restore_by_rename(struct fixture *f)
{
    char copy[PATH_SIZE];
    name_copy(f, copy);
    message_store_close(&f->store);
    remove_log(path_of(f));
    assert_int_equal(rename(copy, path_of(f)), 0);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

static void restore_by_cp(struct fixture *f)
{
    char copy[PATH_SIZE];
    name_copy(f, copy);
    message_store_close(&f->store);
    remove_log(path_of(f));
    copy_file(copy, path_of(f));
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

/* Over a store in use, as `.restore` of the sqlite3 tool. */
static void restore_in_place(struct fixture *f)
{
    char copy[PATH_SIZE];
    name_copy(f, copy);
    run_backup(copy, path_of(f));
}

static const struct way sqlite_ways[] = {
    { "cp, another file in its place", copy_by_cp, restore_by_rename },
    { "cp, cp", copy_by_cp, restore_by_cp },
    { "VACUUM INTO, cp", copy_by_vacuum, restore_by_cp },
    { ".backup, another file in its place", copy_by_backup, restore_by_rename },
    { ".backup, .restore in use", copy_by_backup, restore_in_place },
};

/* --- MongoDB ------------------------------------------------------------------------------- */

static const char *const collections[] = { MESSAGES, CHANGES,   DIALOGS, POSITIONS, WORK, META,
                                           ACCOUNTS, RELATIONS, PRIVACY, WITHHELD,  USAGE };

enum { DOCUMENTS_MAX = 1000 };

/* The documents of each collection. */
static struct dump {
    bson_t *documents[COUNT_OF(collections)][DOCUMENTS_MAX];
    size_t counts[COUNT_OF(collections)];
} dump;

static struct mongo_db *connect_to(const struct fixture *f)
{
    struct mongo_db *db = NULL;
    assert_int_equal(mongo_db_open(f->url, &db), STATUS_OK);
    return db;
}

static void take_beat(void *ctx, const bson_t *document)
{
    int64_t *sum = ctx;
    *sum += mongo_int(document, "beat");
}

static bson_t *any_beat(void)
{
    return BCON_NEW("beat", "{", "$exists", BCON_BOOL(true), "}");
}

static int64_t read_beats(struct mongo_db *db)
{
    int64_t sum = 0;
    assert_int_equal(mongo_find(db, META, any_beat(), NULL, take_beat, &sum), STATUS_OK);
    return sum;
}

static void take_document(void *ctx, const bson_t *document)
{
    size_t c = *(size_t *)ctx;
    assert_true(dump.counts[c] < DOCUMENTS_MAX);
    dump.documents[c][dump.counts[c]++] = bson_copy(document);
}

static void empty_dump(void)
{
    for (size_t c = 0; c < COUNT_OF(collections); c++)
        while (dump.counts[c] > 0)
            bson_destroy(dump.documents[c][--dump.counts[c]]);
}

static void copy_by_dump(struct fixture *f)
{
    struct mongo_db *db = connect_to(f);
    empty_dump();
    for (size_t c = 0; c < COUNT_OF(collections); c++)
        assert_int_equal(mongo_find(db, collections[c], bson_new(), NULL, take_document, &c),
                         STATUS_OK);
    mongo_db_close(&db);
}

static void put_dump(struct mongo_db *db)
{
    enum status outcomes[DOCUMENTS_MAX];
    for (size_t c = 0; c < COUNT_OF(collections); c++) {
        assert_int_equal(mongo_delete(db, collections[c], bson_new()), STATUS_OK);
        assert_int_equal(
            mongo_insert(db, collections[c], dump.documents[c], dump.counts[c], true, outcomes),
            STATUS_OK);
    }
}

static void restore_closed(struct fixture *f)
{
    message_store_close(&f->store);
    struct mongo_db *db = connect_to(f);
    put_dump(db);
    mongo_db_close(&db);
    assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
}

static void count_beat(void *ctx, const bson_t *document)
{
    (void)document;
    ++*(size_t *)ctx;
}

static size_t count_beats(struct mongo_db *db)
{
    size_t count = 0;
    assert_int_equal(mongo_find(db, META, any_beat(), NULL, count_beat, &count), STATUS_OK);
    return count;
}

/* Between two beats at the earliest; the next one begins a run, with a beat of its own. */
static void restore_used(struct fixture *f)
{
    struct mongo_db *db = connect_to(f);
    int64_t beats = read_beats(db);
    while (read_beats(db) <= beats)
        continue; /* each asks the server */
    put_dump(db);
    size_t count = count_beats(db);
    while (count_beats(db) == count)
        continue;
    mongo_db_close(&db);
}

static const struct way mongo_ways[] = {
    { "a dump, restored while it is closed", copy_by_dump, restore_closed },
    { "a dump, restored in use", copy_by_dump, restore_used },
};

static const struct way *ways;
static size_t way_count;

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
    send_some(f, "@amy", "@bob", before);
    uint64_t kept = newest(f, "bob");
    way->copy(f);
    send_some(f, "@amy", "@bob", lost);
    uint64_t ahead = newest(f, "bob");
    way->restore(f);
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
    for (size_t i = 0; i < way_count; i++)
        for (int lost = 1; lost <= 3; lost++) /* fewer, as many and more are written */
            assert_ahead_is_reset(f, &ways[i], 3, lost, 4);
}

/* The owner had no change before the copy, or no account, or nobody had. */
static void an_account_that_is_newer_than_the_copy_is_reset(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < way_count; i++) {
        ways[i].copy(f);
        send_some(f, "@cid", "@dora", 2);
        uint64_t ahead = newest(f, "dora");
        ways[i].restore(f);
        for (int written = 0; written < 4; written++) {
            assert_true(is_reset(f, "dora", ahead));
            assert_false(is_reset(f, "dora", 0));
            send_some(f, "@cid", "@dora", 1);
        }
        message_store_close(&f->store);
        store_url_new(f->url);
        assert_int_equal(message_store_open(f->url, &f->store), STATUS_OK);
    }
}

/* Power loss: the log lost its last commits. */
static void a_client_that_saw_a_lost_tail_of_the_log_is_reset(void **state)
{
    struct fixture *f = *state;
    if (ways != sqlite_ways)
        return; /* it has none */
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
    struct message_store *busy = f->store, *idle;

    if (ways != sqlite_ways)
        return; /* a file in use */
    send_some(f, "@amy", "@bob", 3);
    assert_int_equal(message_store_open(f->url, &idle), STATUS_OK);
    f->store = idle;
    send_some(f, "@amy", "@bob", 2);
    uint64_t kept = newest(f, "bob");
    copy_by_backup(f);
    f->store = busy;
    send_some(f, "@amy", "@bob", 2);
    uint64_t ahead = newest(f, "bob");
    restore_in_place(f);
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
    char group[64];
    bool sqlite = strcmp(name, "sqlite") == 0;
    ways = sqlite ? sqlite_ways : mongo_ways;
    way_count = sqlite ? COUNT_OF(sqlite_ways) : COUNT_OF(mongo_ways);
    snprintf(group, sizeof(group), "message_store_lineage %s", name);
    int failed = cmocka_run_group_tests_name(group, tests, NULL, NULL);
    empty_dump();
    return failed;
}

int main(void)
{
    log_init("test", LOG_LEVEL_ERROR);
    return store_urls_run(run_suite);
}
