#include "services/common/bus/bus_library.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "tests/unit/unit.h"

static void the_reviewed_versions_are_supported(void **state)
{
    (void)state;
    assert_false(bus_library_supports(0x030300));
    assert_true(bus_library_supports(0x030400));
    assert_true(bus_library_supports(0x030401)); /* Debian 12 */
    assert_true(bus_library_supports(0x030a01)); /* Debian 13 */
    assert_true(bus_library_supports(0x030dff));
    assert_false(bus_library_supports(0x030e00));
    assert_false(bus_library_supports(0x040000));
}

static void the_library_that_is_loaded_can_be_used(void **state)
{
    (void)state;
    assert_true(bus_library_check());
}

/* Exactly one of the two closes a lost socket: the library before 3.10, we since then. */
static void a_lost_socket_is_closed_where_the_library_does_not(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    bus_library_close_socket(fd);
    bool is_open = fcntl(fd, F_GETFD) >= 0;
    if (is_open)
        close(fd);
    assert_int_equal(is_open, nats_GetVersionNumber() < 0x030a00);
}

static void a_message_is_freed_with_and_without_the_undeclared_function(void **state)
{
    (void)state;
    assert_int_equal(nats_Open(0), NATS_OK);
    for (int undeclared = 0; undeclared < 2; undeclared++) {
        natsMsg *message = NULL;
        bus_library_use_undeclared(undeclared);
        assert_int_equal(natsMsg_Create(&message, "a", NULL, "b", 1), NATS_OK);
        bus_library_free_message(message); /* a leak or a second free: AddressSanitizer */
        bus_library_free_message(NULL);
    }
    nats_CloseAndWait(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reviewed_versions_are_supported),
        cmocka_unit_test(the_library_that_is_loaded_can_be_used),
        cmocka_unit_test(a_lost_socket_is_closed_where_the_library_does_not),
        cmocka_unit_test(a_message_is_freed_with_and_without_the_undeclared_function),
    };
    log_init("unit", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("bus_library", tests, NULL, NULL);
}
