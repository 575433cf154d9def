/* services/common/bus_socket: send() of the process, on a thread that gathers and on others. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/buffer.h"
#include "services/common/bus_socket.h"

enum { KIB = 1024, MUCH = 64 * KIB };

static _Thread_local struct buffer kept; /* which each thread lends */

struct pair {
    int ours, theirs;
};

static int set_up(void **state, int type)
{
    int fds[2];
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || socketpair(AF_UNIX, type, 0, fds) != 0)
        return -1;
    pair->ours = fds[0];
    pair->theirs = fds[1];
    *state = pair;
    return 0;
}

/* What one system call sends here, one reads there, and no more. */
static int set_up_packets(void **state)
{
    return set_up(state, SOCK_SEQPACKET);
}

/* One that takes little at a time. */
static int set_up_stream(void **state)
{
    int size = 4 * KIB;
    if (set_up(state, SOCK_STREAM) != 0)
        return -1;
    struct pair *pair = *state;
    return setsockopt(pair->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    bus_socket_end();
    buffer_finish(&kept);
    close(pair->ours);
    close(pair->theirs);
    free(pair);
    return 0;
}

static void say(const struct pair *pair, const char *text)
{
    assert_int_equal(send(pair->ours, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void say_filled(const struct pair *pair, char fill, size_t length)
{
    char *bytes = malloc(length);
    assert_non_null(bytes);
    memset(bytes, fill, length);
    assert_int_equal(send(pair->ours, bytes, length, MSG_NOSIGNAL), length);
    free(bytes);
}

/* What is there already; one piece. */
static ssize_t hear(const struct pair *pair, char *bytes, size_t room)
{
    return recvfrom(pair->theirs, bytes, room, MSG_DONTWAIT, NULL, NULL);
}

static void assert_hears_nothing(const struct pair *pair)
{
    char byte;
    assert_int_equal(hear(pair, &byte, 1), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
}

/* One piece, and nothing behind it. */
static void assert_hears(const struct pair *pair, const char *text)
{
    char bytes[256];
    assert_int_equal(hear(pair, bytes, sizeof(bytes)), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    assert_hears_nothing(pair);
}

/* One piece of so many `first` and then so many `second`. */
static void assert_hears_filled(const struct pair *pair, char first, size_t first_length,
                                char second, size_t second_length)
{
    size_t room = 2 * (first_length + second_length);
    char *bytes = malloc(room);
    assert_non_null(bytes);
    assert_int_equal(hear(pair, bytes, room), first_length + second_length);
    for (size_t i = 0; i < first_length + second_length; i++)
        if (bytes[i] != (i < first_length ? first : second))
            fail_msg("byte %zu is '%c'", i, bytes[i]);
    free(bytes);
}

/* Who does not gather */

static void a_thread_that_does_not_gather_has_the_systems_function(void **state)
{
    struct pair *pair = *state;
    char bytes[KIB] = { 0 };
    say(pair, "one");
    assert_hears(pair, "one");
    assert_int_equal(send(pair->ours, "", 0, MSG_NOSIGNAL), 0);
    assert_int_equal(hear(pair, bytes, sizeof(bytes)), 0); /* a packet of nothing */
    while (send(pair->ours, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        continue;
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
    assert_int_equal(send(-1, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EBADF);
    shutdown(pair->ours, SHUT_WR);
    assert_int_equal(send(pair->ours, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
}

static void *say_between(void *arg)
{
    return (void *)(intptr_t)send(((struct pair *)arg)->ours, "between", 7, MSG_NOSIGNAL);
}

static void a_thread_beside_one_that_gathers_is_not_affected(void **state)
{
    struct pair *pair = *state;
    pthread_t thread;
    void *sent;
    bus_socket_gather(&kept);
    say(pair, "first ");
    assert_int_equal(pthread_create(&thread, NULL, say_between, pair), 0);
    pthread_join(thread, &sent);
    assert_int_equal((intptr_t)sent, 7);
    assert_hears(pair, "between");
    bus_socket_send_last();
    say(pair, "last");
    assert_hears(pair, "first last");
}

/* Who does */

static void what_is_gathered_goes_out_with_the_last_in_one_piece(void **state)
{
    struct pair *pair = *state;
    for (int round = 0; round < 3; round++) {
        bus_socket_gather(&kept);
        say(pair, "one ");
        assert_hears_nothing(pair);
        bus_socket_gather(&kept); /* again for each, as bus_sender does */
        say(pair, "two ");
        assert_hears_nothing(pair);
        bus_socket_send_last();
        assert_hears_nothing(pair);
        say(pair, "three");
        assert_hears(pair, "one two three");
        bus_socket_end();
    }
}

static void what_is_kept_is_a_copy(void **state)
{
    struct pair *pair = *state;
    char text[] = "one ";
    bus_socket_gather(&kept);
    say(pair, text);
    memset(text, '?', sizeof(text) - 1);
    bus_socket_send_last();
    say(pair, "two");
    assert_hears(pair, "one two");
}

static void the_last_alone_goes_out_as_it_is(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    bus_socket_send_last();
    say(pair, "alone");
    assert_hears(pair, "alone");
}

static void after_the_last_each_goes_out_by_itself(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say(pair, "one ");
    bus_socket_send_last();
    say(pair, "two");
    assert_hears(pair, "one two");
    say(pair, "three");
    assert_hears(pair, "three");
}

static void a_last_of_no_bytes_takes_along_what_was_kept(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say(pair, "kept");
    bus_socket_send_last();
    assert_int_equal(send(pair->ours, "", 0, MSG_NOSIGNAL), 0);
    assert_hears(pair, "kept");
}

static void what_is_kept_at_the_end_is_forgotten(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say(pair, "lost");
    bus_socket_end();
    assert_hears_nothing(pair);
    say(pair, "heard");
    assert_hears(pair, "heard");
    bus_socket_gather(&kept);
    say(pair, "lost");
    bus_socket_send_last(); /* but the library does not send it */
    bus_socket_end();
    say(pair, "heard too");
    assert_hears(pair, "heard too");
}

/* Much, and large ones */

static void much_is_kept_as_well(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say_filled(pair, 'a', MUCH - 1);
    say_filled(pair, 'b', 1);
    assert_hears_nothing(pair);
    bus_socket_send_last();
    say_filled(pair, 'b', 1);
    assert_hears_filled(pair, 'a', MUCH - 1, 'b', 2);
    assert_hears_nothing(pair);
}

/* As the library sends a large message, of which nothing may be kept. */
static void a_last_in_pieces_goes_out_at_once_and_the_next_are_kept_again(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say(pair, "kept ");
    bus_socket_send_last();
    say(pair, "first");
    assert_hears(pair, "kept first");
    say(pair, "second");
    assert_hears(pair, "second");
    bus_socket_gather(&kept);
    say(pair, "kept ");
    assert_hears_nothing(pair);
    bus_socket_send_last();
    say(pair, "again");
    assert_hears(pair, "kept again");
}

/* Errors */

static void an_error_is_that_of_the_last_and_what_was_kept_is_forgotten(void **state)
{
    struct pair *pair = *state;
    bus_socket_gather(&kept);
    say(pair, "lost ");
    bus_socket_send_last();
    assert_int_equal(send(-1, "last", 4, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EBADF);
    say(pair, "heard");
    assert_hears(pair, "heard");

    bus_socket_gather(&kept);
    say(pair, "lost ");
    assert_int_equal(shutdown(pair->theirs, SHUT_RD), 0);
    say(pair, "too "); /* nobody knows yet */
    bus_socket_send_last();
    assert_int_equal(send(pair->ours, "last", 4, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
}

static void *leave_after_the_first_byte(void *arg)
{
    struct pair *pair = arg;
    char byte;
    if (read(pair->theirs, &byte, 1) == 1)
        shutdown(pair->theirs, SHUT_RDWR);
    return NULL;
}

static void who_waits_for_a_peer_that_leaves_is_told_so(void **state)
{
    struct pair *pair = *state;
    pthread_t thread;
    int fds[2];
    fcntl(pair->ours, F_SETFL, O_NONBLOCK);
    bus_socket_gather(&kept);
    say_filled(pair, 'a', MUCH); /* much more than the socket takes */
    bus_socket_send_last();
    assert_int_equal(pthread_create(&thread, NULL, leave_after_the_first_byte, pair), 0);
    assert_int_equal(send(pair->ours, "last", 4, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    pthread_join(thread, NULL);

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    struct pair next = { fds[0], fds[1] };
    say(&next, "nothing of what was kept");
    assert_hears(&next, "nothing of what was kept");
    close(fds[0]);
    close(fds[1]);
}

/* A socket that takes little at a time. Byte `i` of all is (i * 7 + i / 256) & 255. */

enum { ROUNDS = 100, PIECES = 12 };

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 256);
}

struct reader {
    int socket;
    bool disturbs; /* whoever sends, by a signal for each read */
    pthread_t sender;
    size_t heard;
    bool in_order;
};

static void *read_all(void *arg)
{
    struct reader *reader = arg;
    unsigned char bytes[1500];
    ssize_t n;
    reader->in_order = true;
    while ((n = read(reader->socket, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(reader->heard++))
                reader->in_order = false;
        if (reader->disturbs)
            pthread_kill(reader->sender, SIGUSR1);
    }
    return NULL;
}

/* As the library does it. */
static void send_whole(int socket, const unsigned char *bytes, size_t length)
{
    struct pollfd poller = { .fd = socket, .events = POLLOUT };
    size_t sent = 0;
    while (sent < length) {
        ssize_t n = send(socket, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            poll(&poller, 1, -1);
        else if (errno != EINTR)
            fail_msg("errno %d", errno);
    }
}

/* Pieces of up to 10 KiB. */
static size_t send_stream(int socket)
{
    static unsigned char piece[10 * KIB];
    size_t sent = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t p = 0; p < PIECES; p++) {
            size_t length = 1 + (round * 997 + p * 3571) % sizeof(piece);
            for (size_t i = 0; i < length; i++)
                piece[i] = byte_at(sent + i);
            if (p + 1 < PIECES)
                bus_socket_gather(&kept);
            else
                bus_socket_send_last();
            send_whole(socket, piece, length);
            sent += length;
        }
        bus_socket_end();
    }
    return sent;
}

static void check_stream(struct pair *pair, bool disturbs)
{
    struct reader reader = { .socket = pair->theirs,
                             .disturbs = disturbs,
                             .sender = pthread_self() };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
    size_t sent = send_stream(pair->ours);
    shutdown(pair->ours, SHUT_WR);
    pthread_join(thread, NULL);
    assert_int_equal(reader.heard, sent);
    assert_true(reader.in_order);
}

static void all_arrives_in_order_where_little_is_taken_at_a_time(void **state)
{
    struct pair *pair = *state;
    fcntl(pair->ours, F_SETFL, O_NONBLOCK);
    check_stream(pair, false);
}

static void all_arrives_in_order_on_a_socket_that_blocks(void **state)
{
    check_stream(*state, false);
}

static void ignore(int number)
{
    (void)number;
}

static void check_stream_disturbed(struct pair *pair)
{
    struct sigaction action = { .sa_handler = ignore }, before; /* without SA_RESTART */
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    check_stream(pair, true);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void signals_do_not_disturb_who_waits(void **state)
{
    struct pair *pair = *state;
    fcntl(pair->ours, F_SETFL, O_NONBLOCK);
    check_stream_disturbed(pair);
}

static void signals_do_not_disturb_who_blocks(void **state)
{
    check_stream_disturbed(*state);
}

#define PACKETS(name) cmocka_unit_test_setup_teardown(name, set_up_packets, tear_down)
#define STREAM(name) cmocka_unit_test_setup_teardown(name, set_up_stream, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PACKETS(a_thread_that_does_not_gather_has_the_systems_function),
        PACKETS(a_thread_beside_one_that_gathers_is_not_affected),
        PACKETS(what_is_gathered_goes_out_with_the_last_in_one_piece),
        PACKETS(what_is_kept_is_a_copy),
        PACKETS(the_last_alone_goes_out_as_it_is),
        PACKETS(after_the_last_each_goes_out_by_itself),
        PACKETS(a_last_of_no_bytes_takes_along_what_was_kept),
        PACKETS(what_is_kept_at_the_end_is_forgotten),
        PACKETS(much_is_kept_as_well),
        PACKETS(a_last_in_pieces_goes_out_at_once_and_the_next_are_kept_again),
        PACKETS(an_error_is_that_of_the_last_and_what_was_kept_is_forgotten),
        STREAM(who_waits_for_a_peer_that_leaves_is_told_so),
        STREAM(all_arrives_in_order_where_little_is_taken_at_a_time),
        STREAM(all_arrives_in_order_on_a_socket_that_blocks),
        STREAM(signals_do_not_disturb_who_waits),
        STREAM(signals_do_not_disturb_who_blocks),
    };
    return cmocka_run_group_tests_name("bus_socket", tests, NULL, NULL);
}
