/* services/common/store/sqlite_clean_file: of rows that were deleted nothing is left in the file.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/log.h"
#include "services/common/store/sqlite_clean_file.h"
#include "services/common/store/sqlite_db.h"
#include "services/common/store/sqlite_gathered_log.h"
#include "services/common/store/sqlite_paced_file.h"
#include "tests/unit/temp_dir.h"

enum { GROUPS = 200, ENTRIES = 6000, TEXT_MAX = 6000, PAGE = 2048 };

static const char *const migrations[] = {
    "CREATE TABLE entry (rowid INTEGER PRIMARY KEY, id BLOB, text TEXT);"
    "CREATE UNIQUE INDEX entry_id ON entry (id);"
};

/* --- pages --------------------------------------------------------------------------------- */

static void put_two(unsigned char *at, size_t value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

/* A page with two cells. */
static void make_page(unsigned char page[PAGE], unsigned char type)
{
    size_t header = type == 13 || type == 10 ? 8 : 12;

    memset(page, 'x', PAGE);
    page[0] = type;
    put_two(page + 1, 0);
    put_two(page + 3, 2);
    put_two(page + 5, 1900);
    put_two(page + header, 1950);
    put_two(page + header + 2, 1900);
}

static void the_space_between_pointers_and_cells_is_found(void **state)
{
    static const unsigned char types[] = { 13, 10, 5, 2 };
    static const size_t begins[] = { 12, 12, 16, 16 };
    unsigned char page[PAGE];
    size_t begin, end;

    (void)state;
    for (int i = 0; i < 4; i++) {
        make_page(page, types[i]);
        assert_true(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
        assert_int_equal(begin, begins[i]);
        assert_int_equal(end, 1900);
    }
}

static void what_is_no_page_of_a_tree_is_left_alone(void **state)
{
    unsigned char page[PAGE];
    size_t begin, end;

    (void)state;
    for (int type = 0; type < 256; type++) {
        make_page(page, (unsigned char)type);
        assert_int_equal(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end),
                         type == 2 || type == 5 || type == 10 || type == 13);
    }
    make_page(page, 13);
    put_two(page + 8, 1899); /* a cell before the cells */
    assert_false(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
    make_page(page, 13);
    put_two(page + 8, PAGE);
    assert_false(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
    make_page(page, 13);
    put_two(page + 3, 65535); /* cells */
    assert_false(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
    make_page(page, 13);
    put_two(page + 5, PAGE + 1); /* the first cell */
    assert_false(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
    make_page(page, 13);
    put_two(page + 5, 11);
    assert_false(sqlite_clean_file_gap(page, PAGE, 100, &begin, &end));
}

/* An overflow page begins with the number of the next one. */
static void in_a_file_with_page_numbers_like_a_type_pages_are_left_alone(void **state)
{
    static const unsigned char types[] = { 2, 5, 10, 13 };
    unsigned char page[PAGE];
    size_t begin, end;

    (void)state;
    for (int i = 0; i < 4; i++) {
        uint64_t first = (uint64_t)types[i] << 24;
        make_page(page, types[i]);
        assert_true(sqlite_clean_file_gap(page, PAGE, first - (2 << 20), &begin, &end));
        assert_false(sqlite_clean_file_gap(page, PAGE, first, &begin, &end));
        assert_false(sqlite_clean_file_gap(page, PAGE, first - 1, &begin, &end));
    }
}

/* --- files --------------------------------------------------------------------------------- */

struct fixture {
    char dir[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE + 16], log_path[TEMP_PATH_SIZE + 32];
    struct sqlite_db *db;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "%s", temp_dir_make());
    snprintf(f->path, sizeof(f->path), "%s/test.db", f->dir);
    snprintf(f->log_path, sizeof(f->log_path), "%s-wal", f->path);
    assert_int_equal(sqlite_db_open(f->path, migrations, 1, &f->db), STATUS_OK);
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

static const char *text_of(int i)
{
    static const int sizes[] = { 20, 60, 200, 1000, 5000 };
    static char text[TEXT_MAX];
    int length = 0, size = sizes[i * 7 % 5];

    while (length < size)
        length += snprintf(text + length, TEXT_MAX - (size_t)length, "%s-%05d ",
                           i % 2 == 0 ? "erased" : "keeper", i);
    return text;
}

/* Of many groups in turn, so that pages are split everywhere. */
static void fill(struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "INSERT INTO entry VALUES (?, randomblob(12), ?)");

    for (int i = 0; i < ENTRIES; i++) {
        int64_t group = (int64_t)i * 7919 % GROUPS;
        if (i % 100 == 0)
            assert_int_equal(sqlite_conn_exec(conn, "BEGIN IMMEDIATE"), STATUS_OK);
        sqlite3_bind_int64(s, 1, (group << 32) + i);
        sqlite_bind_text(s, 2, text_of(i));
        assert_int_equal(sqlite_step(s), SQLITE_DONE);
        if (i % 100 == 99)
            assert_int_equal(sqlite_conn_exec(conn, "COMMIT"), STATUS_OK);
    }
}

static size_t occurrences(const char *path, const char *word)
{
    FILE *file = fopen(path, "rb");
    size_t size, count = 0;
    struct stat info;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    char *bytes = malloc((size_t)info.st_size + 1);
    size = fread(bytes, 1, (size_t)info.st_size, file);
    assert_int_equal(size, info.st_size);
    /* Not by memmem, of which ThreadSanitizer checks all that is left with each call. */
    for (size_t at = 0, length = strlen(word); at + length <= size; at++)
        count += bytes[at] == *word && memcmp(bytes + at, word, length) == 0;
    free(bytes);
    fclose(file);
    return count;
}

static void assert_sound(struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT (SELECT integrity_check FROM pragma_integrity_check),"
              " (SELECT count(*) FROM entry WHERE text LIKE 'keeper-%'), count(*) FROM entry");

    assert_int_equal(sqlite_step(s), SQLITE_ROW);
    assert_string_equal(sqlite_column_text_or_empty(s, 0), "ok");
    assert_int_equal(sqlite3_column_int(s, 1), ENTRIES / 2);
    assert_int_equal(sqlite3_column_int(s, 2), ENTRIES);
    sqlite3_reset(s);
}

static void check_that_nothing_is_left(struct fixture *f, const char *layer)
{
    struct sqlite_conn *conn = sqlite_conn_open(f->db, layer);

    fill(conn);
    assert_int_equal(sqlite_db_empty_log(f->db), STATUS_OK);
    assert_true(occurrences(f->path, "erased-") > ENTRIES / 2);
    assert_int_equal(sqlite_conn_exec(conn, "UPDATE entry SET text = '' WHERE text LIKE 'erased%'"),
                     STATUS_OK);
    assert_int_equal(sqlite_db_empty_log(f->db), STATUS_OK);
    assert_int_equal(occurrences(f->path, "erased-"), 0);
    assert_int_equal(occurrences(f->log_path, "erased-"), 0);
    assert_true(occurrences(f->path, "keeper-") > ENTRIES / 2);
    assert_sound(conn);
    sqlite_conn_close(&conn);
}

static void nothing_is_left_of_rows_that_a_plain_connection_erased(void **state)
{
    check_that_nothing_is_left(*state, NULL);
}

static void nothing_is_left_of_rows_that_the_writer_erased(void **state)
{
    check_that_nothing_is_left(*state, sqlite_gathered_log_layer());
}

static void nothing_is_left_after_a_paced_checkpoint(void **state)
{
    check_that_nothing_is_left(*state, sqlite_paced_file_layer());
}

/* --- emptying the log ---------------------------------------------------------------------- */

static void a_log_that_a_reader_needs_is_emptied_later(void **state)
{
    struct fixture *f = *state;
    struct sqlite_conn *writer = sqlite_conn_open(f->db, NULL);
    struct sqlite_conn *reader = sqlite_conn_open(f->db, NULL);

    assert_int_equal(sqlite_conn_exec(writer, "INSERT INTO entry VALUES (1, 'a', 'erased-1')"),
                     STATUS_OK);
    assert_int_equal(sqlite_conn_exec(reader, "BEGIN; SELECT * FROM entry"), STATUS_OK);
    assert_int_equal(sqlite_conn_exec(writer, "UPDATE entry SET text = ''"), STATUS_OK);
    assert_int_equal(sqlite_db_empty_log(f->db), STATUS_BUSY);
    assert_int_equal(sqlite_conn_exec(writer, "INSERT INTO entry VALUES (2, 'b', 'more')"),
                     STATUS_OK);
    assert_int_equal(sqlite_conn_exec(reader, "COMMIT"), STATUS_OK);
    assert_int_equal(sqlite_db_empty_log(f->db), STATUS_OK);
    assert_int_equal(occurrences(f->log_path, "erased-"), 0);
    assert_int_equal(occurrences(f->path, "erased-"), 0);
    sqlite_conn_close(&reader);
    sqlite_conn_close(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_space_between_pointers_and_cells_is_found),
        cmocka_unit_test(what_is_no_page_of_a_tree_is_left_alone),
        cmocka_unit_test(in_a_file_with_page_numbers_like_a_type_pages_are_left_alone),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_rows_that_a_plain_connection_erased,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_rows_that_the_writer_erased, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_after_a_paced_checkpoint, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_a_reader_needs_is_emptied_later, set_up,
                                        tear_down),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("sqlite_clean_file", tests, NULL, NULL);
}
