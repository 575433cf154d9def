/* gateway/edge/edge_connection: how long a body or an answer may take. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "gateway/edge/edge_connection.h"

enum { BEGIN_MS = 25000, MIB = 1 << 20 };

/* The second at which so many bytes are cut off, of which as many pass in each; -1: never. */
static int cut_off_after(size_t bytes, size_t bytes_per_second)
{
    struct edge_connection *connection = edge_connection_create(-1, "192.0.2.1");
    int second = 0;
    size_t passed = 0;
    connection->deadline_ms = BEGIN_MS;
    for (; passed < bytes && second * 1000 < connection->deadline_ms; second++) {
        edge_connection_allow(connection, passed, passed + bytes_per_second);
        passed += bytes_per_second;
    }
    edge_connection_destroy(&connection);
    return passed < bytes ? second : -1;
}

static void a_steady_line_may_take_as_long_as_it_needs(void **state)
{
    (void)state;
    assert_int_equal(cut_off_after(15 * MIB, EDGE_LEAST_BYTES_PER_SECOND), -1);
    assert_int_equal(cut_off_after(15 * MIB, 10 * EDGE_LEAST_BYTES_PER_SECOND), -1);
}

static void a_line_that_trickles_is_cut_off(void **state)
{
    (void)state;
    assert_int_equal(cut_off_after(60000, 1), 25);
    assert_int_equal(cut_off_after(60000, 1024), 26);
    assert_in_range(cut_off_after(15 * MIB, EDGE_LEAST_BYTES_PER_SECOND / 2), 49, 51);
}

/* However a body is cut into pieces, no time is lost by rounding. */
static void pieces_of_any_size_count_alike(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100000; piece = piece * 3 + 1) {
        struct edge_connection *connection = edge_connection_create(-1, "192.0.2.1");
        size_t passed = 0;
        for (; passed < MIB; passed += piece)
            edge_connection_allow(connection, passed, passed + piece);
        assert_int_equal(connection->deadline_ms,
                         (int64_t)passed * 1000 / EDGE_LEAST_BYTES_PER_SECOND);
        edge_connection_destroy(&connection);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_line_may_take_as_long_as_it_needs),
        cmocka_unit_test(a_line_that_trickles_is_cut_off),
        cmocka_unit_test(pieces_of_any_size_count_alike),
    };
    return cmocka_run_group_tests_name("edge_connection", tests, NULL, NULL);
}
