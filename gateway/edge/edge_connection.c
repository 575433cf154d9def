#include "gateway/edge/edge_connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/common/base/memory.h"

struct edge_connection *edge_connection_create(int socket, const char *peer)
{
    struct edge_connection *connection = xcalloc(1, sizeof(*connection));

    connection->socket = socket;
    memcpy(connection->peer, peer, strnlen(peer, EDGE_ADDRESS_SIZE - 1));
    return connection;
}

static void wipe_body(struct edge_connection *connection)
{
    if (connection->body.data != NULL)
        memory_wipe(connection->body.data, connection->body.length);
    buffer_finish(&connection->body);
}

void edge_connection_destroy(struct edge_connection **connection)
{
    struct edge_connection *c = *connection;

    if (c->socket >= 0)
        close(c->socket);
    buffer_finish(&c->in);
    http_head_finish(&c->head);
    wipe_body(c);
    buffer_finish(&c->out);
    free(c);
    *connection = NULL;
}

/* Removes bytes from the beginning of what has been received; no memory is kept for none. */
static void consume(struct edge_connection *connection, size_t length)
{
    struct buffer *in = &connection->in;

    assert(length <= in->length);
    memory_wipe(in->data, length); /* it may be a password */
    memmove(in->data, in->data + length, in->length - length);
    in->length -= length;
    if (in->length == 0)
        buffer_finish(in);
}

static int64_t allowed_ms(size_t bytes)
{
    return (int64_t)bytes * 1000 / EDGE_LEAST_BYTES_PER_SECOND;
}

void edge_connection_allow(struct edge_connection *connection, size_t before, size_t now)
{
    connection->deadline_ms += allowed_ms(now) - allowed_ms(before);
}

int edge_connection_take_head(struct edge_connection *connection)
{
    struct http_head_scan *scan = &connection->scan;

    if (connection->in.length == 0)
        return EDGE_MORE;
    int result = http_head_scan_on(scan, connection->in.data, connection->in.length);
    if (result != HTTP_HEAD_COMPLETE)
        return result;
    result = http_head_read(connection->in.data + scan->begin, scan->seen - scan->begin,
                            &connection->head);
    connection->has_head = result == HTTP_HEAD_COMPLETE;
    connection->body_is_complete = connection->head.body == HTTP_HEAD_NO_BODY;
    consume(connection, scan->seen);
    return result;
}

static int take_length(struct edge_connection *connection)
{
    struct buffer *body = &connection->body;
    uint64_t length = connection->head.length;

    if (length > connection->body_max)
        return EDGE_TOO_LARGE;
    size_t n = connection->in.length;
    if (n > length - body->length)
        n = (size_t)length - body->length;
    if (n > 0) {
        buffer_append(body, connection->in.data, n);
        consume(connection, n);
    }
    return body->length == length ? EDGE_COMPLETE : EDGE_MORE;
}

static int take_chunks(struct edge_connection *connection)
{
    size_t used;

    if (connection->in.length == 0)
        return EDGE_MORE;
    enum chunked_result result =
        chunked_decode(&connection->chunked, connection->in.data, connection->in.length, &used,
                       connection->body_max, &connection->body);
    if (result == CHUNKED_BROKEN)
        return 400;
    if (result == CHUNKED_TOO_LARGE)
        return EDGE_TOO_LARGE;
    consume(connection, used);
    return result == CHUNKED_DONE ? EDGE_COMPLETE : EDGE_MORE;
}

int edge_connection_take_body(struct edge_connection *connection)
{
    int result = EDGE_COMPLETE;

    if (connection->body_is_complete)
        return result;
    result = connection->head.body == HTTP_HEAD_CHUNKED ? take_chunks(connection)
                                                        : take_length(connection);
    connection->body_is_complete = result == EDGE_COMPLETE;
    return result;
}

void edge_connection_expect_body(const struct edge_connection *connection)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (connection->head.minor > 0 && !connection->body_is_complete && connection->in.length == 0 &&
        http_head_has_token(&connection->head, "Expect", "100-continue"))
        (void)!send(connection->socket, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void edge_connection_next(struct edge_connection *connection)
{
    http_head_finish(&connection->head);
    wipe_body(connection);
    buffer_finish(&connection->out);
    connection->sent = 0;
    connection->scan = (struct http_head_scan){ 0 };
    connection->chunked = (struct chunked){ 0 };
    connection->has_head = connection->body_is_complete = false;
    connection->state = EDGE_HEAD;
}

void edge_connection_answer(struct edge_connection *connection, const void *bytes, size_t length)
{
    if (length > 0)
        buffer_append(&connection->out, bytes, length);
}
