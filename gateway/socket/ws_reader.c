#include "gateway/socket/ws_reader.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/socket/ws_frame_in.h"
#include "gateway/socket/ws_protocol.h"

/* Whether the unparsed bytes are in `kept`, and not in the caller's buffer. */
static bool is_in_kept(const struct ws_reader *reader)
{
    return reader->kept.length > 0;
}

void ws_reader_keep(struct ws_reader *reader)
{
    struct buffer *kept = &reader->kept;

    if (reader->left == 0) {
        buffer_finish(kept);
    } else if (is_in_kept(reader)) {
        memmove(kept->data, reader->at, reader->left);
        kept->length = reader->left;
    } else {
        buffer_append(kept, reader->at, reader->left);
    }
    reader->at = (unsigned char *)kept->data;
}

void ws_reader_take(struct ws_reader *reader, void *bytes, size_t length)
{
    ws_reader_keep(reader);
    if (is_in_kept(reader)) {
        buffer_append(&reader->kept, bytes, length);
        reader->at = (unsigned char *)reader->kept.data;
    } else {
        reader->at = bytes;
    }
    reader->left += length;
}

/* `recvfrom`, for `recv` is another function in this program (http_socket.h). */
static ssize_t read_once(int socket, void *bytes, size_t size)
{
    ssize_t n;

    do
        n = recvfrom(socket, bytes, size, MSG_DONTWAIT, NULL, NULL);
    while (n < 0 && errno == EINTR);
    return n;
}

bool ws_reader_fill(struct ws_reader *reader, int socket, void *scratch, size_t size)
{
    ws_reader_keep(reader);
    bool behind = is_in_kept(reader);
    void *target = behind ? buffer_reserve(&reader->kept, size) : scratch;

    if (behind) /* they may have moved, also if nothing is read */
        reader->at = (unsigned char *)reader->kept.data;
    ssize_t n = read_once(socket, target, size);
    /* Bytes that arrive after a short read cause another event. */
    reader->socket_has_more = n == (ssize_t)size || reader->socket_ended;
    if (n > 0) {
        reader->at = behind ? (unsigned char *)reader->kept.data : scratch;
        reader->kept.length += behind ? (size_t)n : 0;
        reader->left += (size_t)n;
        return true;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static struct ws_input refuse_input(int code)
{
    return (struct ws_input){ .event = WS_REFUSE,
                              .code = code,
                              .reason =
                                  code == WS_CLOSE_TOO_BIG ? "message too big" : "protocol error" };
}

struct ws_input ws_reader_next(struct ws_reader *reader)
{
    struct ws_input input = { .event = WS_NOTHING };
    struct ws_frame_in frame;
    int code;

    while (input.event == WS_NOTHING) {
        switch (ws_frame_in_read(reader->at, reader->left, WS_MESSAGE_MAX, &frame, &code)) {
        case WS_FRAME_IN_PART:
            return input;
        case WS_FRAME_IN_BROKEN:
            return refuse_input(code);
        case WS_FRAME_IN_WHOLE:
            reader->at += frame.size;
            reader->left -= frame.size;
            input = ws_assemble(&reader->assembly, frame.first_byte, frame.payload, frame.length);
        }
    }
    return input;
}

bool ws_reader_has_more(const struct ws_reader *reader)
{
    return reader->socket_has_more || reader->left > 0;
}

void ws_reader_finish(struct ws_reader *reader)
{
    ws_assemble_finish(&reader->assembly);
    buffer_finish(&reader->kept);
    reader->at = NULL;
    reader->left = 0;
}
