/* gateway/http/http_socket: the number behind a request, and how it is taken away from the library.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http/http_socket.h"

struct pair {
    int ours, theirs;
};

static int set_up(void **state)
{
    int fds[2];
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return -1;
    pair->ours = fds[0];
    pair->theirs = fds[1];
    *state = pair;
    http_socket_reset();
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    close(pair->ours);
    close(pair->theirs);
    free(pair);
    http_socket_reset();
    return 0;
}

static void tell(const struct pair *pair, const void *bytes, size_t length)
{
    assert_int_equal(send(pair->theirs, bytes, length, 0), length);
}

static void hear(const struct pair *pair, size_t expected)
{
    char bytes[4096];
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), expected);
}

static void the_socket_is_known_after_the_first_byte(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(http_socket_number(), -1);
    tell(pair, "G", 1);
    hear(pair, 1);
    assert_int_equal(http_socket_number(), pair->ours);
    http_socket_reset();
    assert_int_equal(http_socket_number(), -1);
}

static void only_a_header_that_came_alone_may_become_a_websocket(void **state)
{
    struct pair *pair = *state;
    static const struct {
        const char *text;
        bool all;
    } requests[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true },
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.1\r\r\n\r\n", true },
        { "GET / HTTP/1.1\r\n", false },
        { "GET / HTTP/1.1\r\n\r", false },
        { "GET / HTTP/1.1\n\n", false },
        { "GET / HTTP/1.1\r\n\r\n\x81", false },
        { "GET / HTTP/1.1\r\n\r\n\r\n\r\n", false },
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        size_t length = strlen(requests[i].text);
        for (size_t split = 1; split <= length; split++) {
            http_socket_reset();
            tell(pair, requests[i].text, split);
            hear(pair, split);
            if (split < length) {
                tell(pair, requests[i].text + split, length - split);
                hear(pair, length - split);
            }
            assert_int_equal(http_socket_header_is_all(), requests[i].all);
        }
    }
}

static void a_detached_socket_lives_on_under_another_descriptor(void **state)
{
    struct pair *pair = *state;
    char bytes[8];
    tell(pair, "G", 1);
    hear(pair, 1);
    int own = http_socket_detach();
    assert_true(own >= 0 && own != pair->ours);
    /* All that the library does to its number now goes nowhere. */
    tell(pair, "abc", 3);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, ENOTSOCK);
    assert_int_equal(shutdown(pair->ours, SHUT_RDWR), -1);
    assert_int_equal(recv(own, bytes, sizeof(bytes), 0), 3);
    assert_int_equal(send(own, "def", 3, 0), 3);
    assert_int_equal(read(pair->theirs, bytes, sizeof(bytes)), 3);
    assert_int_not_equal(fcntl(own, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_not_equal(fcntl(pair->ours, F_GETFD) & FD_CLOEXEC, 0);
    close(own);
    assert_int_equal(read(pair->theirs, bytes, sizeof(bytes)), 0); /* it was the only one */
}

static void without_a_known_version_the_library_keeps_its_socket(void **state)
{
    struct pair *pair = *state;
    struct rlimit before, none;
    tell(pair, "G", 1);
    hear(pair, 1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int own = http_socket_detach();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(own, -1);
    tell(pair, "abc", 3);
    hear(pair, 3);
}

static void a_thread_without_a_guest_has_the_function_of_the_system(void **state)
{
    struct pair *pair = *state;
    char bytes[8];
    tell(pair, "abc", 3);
    assert_int_equal(recv(pair->ours, bytes, 2, MSG_PEEK), 2);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), 0), 3);
    assert_int_equal(recv(pair->ours, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
    assert_int_equal(recv(-1, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_socket_is_known_after_the_first_byte),
        TEST(only_a_header_that_came_alone_may_become_a_websocket),
        TEST(a_detached_socket_lives_on_under_another_descriptor),
        TEST(without_a_known_version_the_library_keeps_its_socket),
        TEST(a_thread_without_a_guest_has_the_function_of_the_system),
    };
    return cmocka_run_group_tests_name("http_socket", tests, NULL, NULL);
}
