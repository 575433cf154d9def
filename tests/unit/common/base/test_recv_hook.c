#include "services/common/base/recv_hook.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static ssize_t answer(void *ctx, int fd, void *buffer, size_t size, int flags)
{
    (void)ctx;
    (void)fd;
    (void)buffer;
    (void)size;
    (void)flags;
    return 42;
}

static void without_a_hook_recv_reads_the_socket(void **state)
{
    char buffer[4] = "";
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    assert_int_equal(recv(pair[0], buffer, sizeof(buffer), 0), 3);
    assert_memory_equal(buffer, "abc", 3);
    close(pair[0]);
    close(pair[1]);
}

static void with_a_hook_recv_calls_it(void **state)
{
    char buffer[4];

    (void)state;
    recv_hook_set(answer, NULL);
    ssize_t n = recv(-1, buffer, sizeof(buffer), 0);
    recv_hook_set(NULL, NULL);
    assert_int_equal(n, 42);
}

static void the_self_test_passes_and_restores_the_hook(void **state)
{
    char buffer[4];

    (void)state;
    assert_true(recv_hook_works());
    recv_hook_set(answer, NULL);
    assert_true(recv_hook_works());
    ssize_t n = recv(-1, buffer, sizeof(buffer), 0);
    recv_hook_set(NULL, NULL);
    assert_int_equal(n, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_hook_recv_reads_the_socket),
        cmocka_unit_test(with_a_hook_recv_calls_it),
        cmocka_unit_test(the_self_test_passes_and_restores_the_hook),
    };
    return cmocka_run_group_tests_name("recv_hook", tests, NULL, NULL);
}
