#define _GNU_SOURCE /* accept4 */
#include "gateway/edge/edge_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "gateway/edge/edge_inbox.h"
#include "gateway/edge/edge_table.h"
#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

enum {
    EVENTS_MAX = 64,
    ACCEPTS_MAX = 64, /* in a round */
    READ_BYTES = 64 * 1024,
    TICK_MS = 250,
    SEND_BUFFER_BYTES =
        128 * 1024, /* by default it grows to megabytes for a client that does not read */
    STOP_MS = 5000, /* all that was accepted is answered by then, or never */
    LINGER_BYTES_MAX = 32 * 1024 * 1024,
};

struct edge_loop {
    struct edge_loop_options options;
    int listeners[EDGE_LISTEN_MAX];
    size_t listener_count;
    int port;
    pthread_t thread;
    struct edge_inbox inbox;
    atomic_bool stop;

    /* The thread's own. */
    struct edge_table table;
    int64_t now_ms, next_tick_ms, stop_ms;
    bool is_stopping;
};

/* --- connections of the loop ------------------------------------------------------------- */

static void set_state(struct edge_loop *loop, struct edge_connection *connection,
                      enum edge_state state, int64_t ms)
{
    connection->state = state;
    connection->deadline_ms = loop->now_ms + ms;
}

/* The request, answered or not, is over. */
static void end_request(struct edge_loop *loop, struct edge_connection *connection)
{
    if (connection->request != NULL)
        loop->options.on_over(loop->options.ctx, connection);
    connection->request = NULL;
}

static void bury(struct edge_loop *loop, struct edge_connection *connection)
{
    end_request(loop, connection);
    if (connection->abandoned != NULL)
        connection->abandoned(connection->detached_ctx);
    connection->abandoned = NULL;
    edge_table_bury(&loop->table, connection);
    loop->options.on_end(loop->options.ctx, connection->peer);
}

/* --- answers ----------------------------------------------------------------------------- */

static void detach(struct edge_loop *loop, struct edge_connection *connection)
{
    int fd = connection->socket;

    edge_table_watch(&loop->table, connection, 0);
    connection->socket = -1;
    connection->abandoned = NULL;
    connection->detached(connection->detached_ctx, fd);
    bury(loop, connection);
}

/* Closing a socket with bytes unread makes the kernel send a reset, which may overtake the answer:
 * so input is read and discarded first. */
static void linger(struct edge_loop *loop, struct edge_connection *connection)
{
    buffer_finish(&connection->in);
    connection->linger_left = LINGER_BYTES_MAX;
    shutdown(connection->socket, SHUT_WR);
    set_state(loop, connection, EDGE_LINGER, EDGE_LINGER_MS);
    edge_table_watch(&loop->table, connection, EPOLLIN);
}

static void finish_answer(struct edge_loop *loop, struct edge_connection *connection)
{
    bool closes = connection->closes || loop->is_stopping;

    if (connection->detached != NULL) {
        detach(loop, connection);
        return;
    }
    edge_connection_next(connection);
    edge_table_count_body(&loop->table, connection);
    if (closes) {
        linger(loop, connection);
        return;
    }
    connection->begin_ms = loop->now_ms;
    set_state(loop, connection, EDGE_HEAD, connection->in.length > 0 ? EDGE_HEAD_MS : EDGE_IDLE_MS);
    edge_table_watch(&loop->table, connection, EPOLLIN);
}

static void write_answer(struct edge_loop *loop, struct edge_connection *connection)
{
    const struct buffer *out = &connection->out;

    while (connection->sent < out->length) {
        ssize_t n = send(connection->socket, out->data + connection->sent,
                         out->length - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            edge_connection_allow(connection, connection->sent, connection->sent + (size_t)n);
            connection->sent += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            edge_table_watch(&loop->table, connection, EPOLLOUT);
            return;
        } else if (errno != EINTR) {
            bury(loop, connection);
            return;
        }
    }
    finish_answer(loop, connection);
}

/* The request has been answered, or has not: then there is nothing to send, and it ends. */
static void begin_answer(struct edge_loop *loop, struct edge_connection *connection)
{
    end_request(loop, connection);
    if (connection->out.length == 0) {
        bury(loop, connection);
        return;
    }
    connection->closes |= !connection->body_is_complete;
    set_state(loop, connection, EDGE_ANSWER, EDGE_ANSWER_MS);
    write_answer(loop, connection);
}

static void refuse(struct edge_loop *loop, struct edge_connection *connection, int status)
{
    connection->closes = true;
    loop->options.on_refused(loop->options.ctx, connection, status);
    begin_answer(loop, connection);
}

/* --- requests ---------------------------------------------------------------------------- */

static void hold(struct edge_loop *loop, struct edge_connection *connection)
{
    connection->state = EDGE_HELD;
    edge_table_watch(&loop->table, connection, 0);
    loop->options.on_request(loop->options.ctx, connection);
}

static void read_body(struct edge_loop *loop, struct edge_connection *connection)
{
    connection->state = EDGE_BODY;
    connection->deadline_ms = connection->begin_ms + EDGE_REQUEST_MS;
    if (connection->head.body != HTTP_HEAD_LENGTH ||
        connection->head.length <= connection->body_max)
        edge_connection_expect_body(connection);
    edge_table_watch(&loop->table, connection, EPOLLIN);
}

static void begin_request(struct edge_loop *loop, struct edge_connection *connection)
{
    connection->body_max = 0;
    connection->closes = !connection->head.keeps_alive;
    connection->state = EDGE_HELD;
    switch (loop->options.on_head(loop->options.ctx, connection)) {
    case EDGE_READ_BODY:
        read_body(loop, connection);
        break;
    case EDGE_ASK_FIRST:
        hold(loop, connection);
        break;
    case EDGE_ANSWERED:
        begin_answer(loop, connection);
        break;
    }
}

/* Makes space for bodies; the connection that is being read may be the one to go. */
static void bound_bodies(struct edge_loop *loop)
{
    while (loop->table.body_bytes > loop->options.body_bytes_max) {
        struct edge_connection *oldest = edge_table_oldest(&loop->table, true);
        if (oldest == NULL)
            return;
        refuse(loop, oldest, 503);
    }
}

/* Goes on with what has been received, until more is needed or the request is held. */
static void advance(struct edge_loop *loop, struct edge_connection *connection)
{
    for (;;) {
        bool is_head = connection->state == EDGE_HEAD;
        if (!is_head && connection->state != EDGE_BODY)
            return;
        size_t before = connection->body.length;
        int result =
            is_head ? edge_connection_take_head(connection) : edge_connection_take_body(connection);
        edge_connection_allow(connection, before, connection->body.length);
        edge_table_count_body(&loop->table, connection);
        if (result == EDGE_MORE)
            return;
        if (result != EDGE_COMPLETE)
            refuse(loop, connection, result);
        else if (is_head)
            begin_request(loop, connection);
        else
            hold(loop, connection);
    }
}

/* --- events ------------------------------------------------------------------------------ */

static bool is_over(ssize_t n)
{
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void discard_input(struct edge_loop *loop, struct edge_connection *connection)
{
    char scrap[READ_BYTES];
    ssize_t n = recvfrom(connection->socket, scrap, sizeof(scrap), MSG_DONTWAIT, NULL, NULL);

    if (is_over(n) || (n > 0 && (size_t)n > connection->linger_left))
        bury(loop, connection);
    else if (n > 0)
        connection->linger_left -= (size_t)n;
}

static void read_input(struct edge_loop *loop, struct edge_connection *connection)
{
    char bytes[READ_BYTES];
    ssize_t n = recvfrom(connection->socket, bytes, sizeof(bytes), MSG_DONTWAIT, NULL, NULL);

    if (is_over(n))
        bury(loop, connection);
    if (n <= 0)
        return;
    if (connection->state == EDGE_HEAD && connection->in.length == 0) {
        connection->begin_ms = loop->now_ms;
        connection->deadline_ms = loop->now_ms + EDGE_HEAD_MS;
    }
    buffer_append(&connection->in, bytes, (size_t)n);
    advance(loop, connection);
    bound_bodies(loop);
}

static void handle_event(struct edge_loop *loop, struct edge_connection *connection)
{
    switch (connection->state) {
    case EDGE_HEAD:
    case EDGE_BODY:
        read_input(loop, connection);
        break;
    case EDGE_ANSWER:
        write_answer(loop, connection);
        advance(loop, connection);
        break;
    case EDGE_LINGER:
        discard_input(loop, connection);
        break;
    default:
        break;
    }
}

static void add_connection(struct edge_loop *loop, int fd, const struct sockaddr_storage *address)
{
    char peer[EDGE_ADDRESS_SIZE];
    int on = 1, bytes = SEND_BUFFER_BYTES;

    edge_listen_peer(address, peer);
    if (!loop->options.on_begin(loop->options.ctx, peer)) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    struct edge_connection *connection = edge_connection_create(fd, peer);
    edge_table_add(&loop->table, connection);
    connection->begin_ms = loop->now_ms;
    set_state(loop, connection, EDGE_HEAD, EDGE_HEAD_MS);
    edge_table_watch(&loop->table, connection, EPOLLIN);
}

static bool evict_oldest(struct edge_loop *loop)
{
    struct edge_connection *oldest = edge_table_oldest(&loop->table, false);

    if (oldest != NULL)
        bury(loop, oldest);
    return oldest != NULL;
}

static void accept_some(struct edge_loop *loop, int listener)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        if (loop->table.count >= loop->options.connections_max && !evict_oldest(loop))
            return;
        int fd =
            accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            add_connection(loop, fd, &address);
        else if ((errno != EMFILE && errno != ENFILE) || !evict_oldest(loop))
            return;
    }
}

/* --- given back -------------------------------------------------------------------------- */

static void take_back(struct edge_loop *loop, struct edge_connection *connection)
{
    if (connection->reads_next && connection->out.length == 0) {
        connection->reads_next = false;
        read_body(loop, connection);
    } else {
        begin_answer(loop, connection);
    }
    advance(loop, connection);
}

static void take_back_all(struct edge_loop *loop)
{
    size_t count;
    struct edge_connection **returned = edge_inbox_take(&loop->inbox, &count);

    for (size_t i = 0; i < count; i++)
        take_back(loop, returned[i]);
    free(returned);
    if (atomic_load(&loop->stop) && !loop->is_stopping) {
        loop->is_stopping = true;
        loop->stop_ms = loop->now_ms + STOP_MS;
    }
}

void edge_loop_give_back(struct edge_loop *loop, struct edge_connection *connection,
                         bool read_body_next)
{
    connection->reads_next = read_body_next;
    edge_inbox_put(&loop->inbox, connection);
}

/* --- time -------------------------------------------------------------------------------- */

/* A client that has sent nothing gets no reason. */
static void end_late(struct edge_loop *loop, struct edge_connection *connection)
{
    bool in_request = connection->state == EDGE_BODY ||
                      (connection->state == EDGE_HEAD && connection->in.length > 0);

    if (in_request && !loop->is_stopping)
        refuse(loop, connection, 408);
    else
        bury(loop, connection);
}

static void tick(struct edge_loop *loop)
{
    loop->next_tick_ms = loop->now_ms + TICK_MS;
    for (size_t i = loop->table.count; i > 0; i--) {
        struct edge_connection *connection = loop->table.items[i - 1];
        bool reads = connection->state == EDGE_HEAD || connection->state == EDGE_BODY;
        if (connection->state != EDGE_HELD &&
            (connection->deadline_ms <= loop->now_ms || (reads && loop->is_stopping)))
            end_late(loop, connection);
    }
}

/* --- the thread -------------------------------------------------------------------------- */

static void stop_listening(struct edge_loop *loop)
{
    while (loop->listener_count > 0)
        close(loop->listeners[--loop->listener_count]);
}

static void handle_round(struct edge_loop *loop, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        int *listener = events[i].data.ptr;
        if (events[i].data.ptr == loop)
            continue; /* the bell */
        if (listener >= loop->listeners && listener < loop->listeners + EDGE_LISTEN_MAX)
            accept_some(loop, *listener);
        else
            handle_event(loop, events[i].data.ptr);
    }
    take_back_all(loop);
}

static bool may_end(const struct edge_loop *loop)
{
    return loop->is_stopping && (loop->table.count == 0 || loop->now_ms >= loop->stop_ms);
}

static int wait_ms(const struct edge_loop *loop)
{
    if (loop->table.count == 0 && !loop->is_stopping)
        return -1;
    return loop->next_tick_ms > loop->now_ms ? (int)(loop->next_tick_ms - loop->now_ms) : 0;
}

static void run(void *arg)
{
    struct edge_loop *loop = arg;
    struct epoll_event events[EVENTS_MAX];

    while (!may_end(loop)) {
        int n = epoll_wait(loop->table.epoll, events, EVENTS_MAX, wait_ms(loop));
        loop->now_ms = clock_mono_ms();
        handle_round(loop, events, n);
        if (loop->is_stopping)
            stop_listening(loop);
        if (loop->now_ms >= loop->next_tick_ms || loop->is_stopping)
            tick(loop);
        edge_table_free_dead(&loop->table);
    }
}

/* --- life -------------------------------------------------------------------------------- */

static void watch_own(struct edge_loop *loop, int fd, void *as)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = as };

    if (fd < 0 || epoll_ctl(loop->table.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        log_error("cannot watch sockets: errno %d", errno);
        abort();
    }
}

enum status edge_loop_start(const struct edge_loop_options *options, struct edge_loop **loop_out)
{
    struct edge_loop *loop = xcalloc(1, sizeof(*loop));

    loop->options = *options;
    enum status status = edge_listen(options->host, options->port, loop->listeners,
                                     &loop->listener_count, &loop->port);
    if (status != STATUS_OK) {
        free(loop);
        return status;
    }
    edge_inbox_init(&loop->inbox);
    loop->table.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->now_ms = loop->next_tick_ms = clock_mono_ms();
    watch_own(loop, loop->inbox.bell, loop);
    for (size_t i = 0; i < loop->listener_count; i++)
        watch_own(loop, loop->listeners[i], &loop->listeners[i]);
    *loop_out = loop; /* before the thread calls anybody */
    loop->thread = thread_start("http", run, loop);
    return STATUS_OK;
}

int edge_loop_port(const struct edge_loop *loop)
{
    return loop->port;
}

void edge_loop_stop(struct edge_loop *loop)
{
    atomic_store(&loop->stop, true);
    edge_inbox_ring(&loop->inbox);
    pthread_join(loop->thread, NULL);
    stop_listening(loop);
}

void edge_loop_destroy(struct edge_loop **loop)
{
    struct edge_loop *l = *loop;
    size_t count;
    struct edge_connection **returned = edge_inbox_take(&l->inbox, &count);

    free(returned); /* they are in the table, too */
    while (l->table.count > 0)
        bury(l, l->table.items[l->table.count - 1]);
    close(l->table.epoll);
    edge_table_finish(&l->table);
    edge_inbox_finish(&l->inbox);
    free(l);
    *loop = NULL;
}
