/*
 * A client's frames. The reader gives the same verdict however the bytes are split, and the
 * messages that come out are the payloads that went in, joined. The first byte of an input says how
 * to split.
 */
#include "gateway/socket/ws_protocol.h"
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket/ws_frame_in.h"
#include "gateway/socket/ws_reader.h"
#include "services/common/base/buffer.h"
#include "services/common/base/text.h"

enum { FIN = 128, CONTINUATION = 0, TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, MASK_BYTES = 4 };

static void note(struct buffer *said, const struct ws_input *input)
{
    buffer_printf(said, "%d %d %zu:", input->event, input->code, input->length);
    if (input->length > 0)
        buffer_append(said, input->data, input->length);
}

static size_t piece_of(size_t size, size_t at, unsigned plan)
{
    size_t piece = plan == 0 ? size : 1 + (plan * 2654435761u + at) % plan;

    return piece < size - at ? piece : size - at;
}

/* Until nothing more is there. False: the client's end. */
static bool read_all(struct ws_reader *reader, struct buffer *said)
{
    struct ws_input input;

    while ((input = ws_reader_next(reader)).event != WS_NOTHING) {
        note(said, &input);
        if (input.event == WS_REFUSE || input.event == WS_CLOSE)
            return false;
    }
    return true;
}

/* From a socket, which has nothing more after each piece. */
static struct buffer read_from_socket(const uint8_t *data, size_t size, unsigned plan)
{
    struct ws_reader reader = { .left = 0 };
    struct buffer said = { 0 };
    char scratch[64];
    int pair[2];

    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = piece_of(size, at, plan);
        assert(send(pair[1], data + at, piece, 0) == (ssize_t)piece);
        bool more = true;
        do
            more = ws_reader_fill(&reader, pair[0], scratch, sizeof(scratch)) &&
                   read_all(&reader, &said);
        while (more && reader.socket_has_more);
        if (more) /* and once more, for nothing */
            more = ws_reader_fill(&reader, pair[0], scratch, sizeof(scratch)) &&
                   read_all(&reader, &said);
        if (!more)
            break;
        ws_reader_keep(&reader);
    }
    ws_reader_finish(&reader);
    close(pair[0]);
    close(pair[1]);
    return said;
}

/* What the client has said, up to its end, as read in pieces whose sizes follow from `plan`; 0: in
 * one piece. */
static struct buffer read_in_pieces(const uint8_t *data, size_t size, unsigned plan)
{
    struct ws_reader reader = { .left = 0 };
    struct buffer said = { 0 };
    bool over = false;

    for (size_t at = 0, piece; at < size && !over; at += piece) {
        piece = piece_of(size, at, plan);
        char *copy = malloc(piece);
        assert(copy != NULL);
        memcpy(copy, data + at, piece);
        ws_reader_take(&reader, copy, piece);
        over = !read_all(&reader, &said);
        ws_reader_keep(&reader);
        assert(over || reader.kept.length <= WS_MESSAGE_MAX + WS_HEADER_MAX);
        free(copy);
    }
    ws_reader_finish(&reader);
    return said;
}

struct view {
    unsigned first_byte;
    const uint8_t *mask, *payload;
    size_t length;
};

/* The next whole frame of bytes, read in another way than the gateway does. */
static bool next_frame(const uint8_t **at, size_t *left, struct view *frame)
{
    const uint8_t *p = *at;
    uint64_t length;
    size_t bytes;

    if (*left < 2)
        return false;
    length = p[1] & 127u;
    bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    if ((p[1] & 128) == 0 || *left < 2 + bytes + MASK_BYTES)
        return false;
    for (size_t i = 0; i < bytes; i++)
        length = (i == 0 ? 0 : length << 8) | p[2 + i];
    if (length > WS_MESSAGE_MAX || *left - 2 - bytes - MASK_BYTES < length)
        return false;
    *frame = (struct view){ p[0], p + 2 + bytes, p + 2 + bytes + MASK_BYTES, (size_t)length };
    *at = frame->payload + length;
    *left -= (size_t)(*at - p);
    return true;
}

static char *unmask(const struct view *frame)
{
    char *payload = malloc(frame->length > 0 ? frame->length : 1);

    assert(payload != NULL);
    for (size_t i = 0; i < frame->length; i++)
        payload[i] = (char)(frame->payload[i] ^ frame->mask[i % MASK_BYTES]);
    return payload;
}

static void check_refusal(const struct ws_input *input, unsigned opcode)
{
    assert(input->reason != NULL && strlen(input->reason) <= 123);
    if (input->code == WS_CLOSE_PROTOCOL_ERROR) /* a gap in the order, or a bad good-bye */
        assert(opcode == CONTINUATION || opcode == TEXT || opcode == CLOSE);
    else
        assert(input->code == WS_CLOSE_TOO_BIG || input->code == WS_CLOSE_INVALID_DATA ||
               input->code == WS_CLOSE_UNSUPPORTED_DATA);
}

static bool is_good_header(unsigned first_byte, size_t length)
{
    unsigned opcode = first_byte & 15u;
    bool control = opcode >= CLOSE;

    return (first_byte & 112u) == 0 && (opcode <= 2 || (opcode >= CLOSE && opcode <= PONG)) &&
           (!control || ((first_byte & FIN) != 0 && length <= 125));
}

/* Goes on to the first refusal or good-bye. `joined` models the message under way. Frames whose
 * header is broken never come here. */
static void assemble(const uint8_t *data, size_t size)
{
    struct ws_assembly assembly = { .in_message = 0 };
    struct buffer joined = { 0 };
    struct view frame;
    bool over = false;

    while (!over && next_frame(&data, &size, &frame) &&
           is_good_header(frame.first_byte, frame.length)) {
        char *payload = unmask(&frame);
        unsigned opcode = frame.first_byte & 15u;
        struct ws_input input = ws_assemble(&assembly, frame.first_byte, payload, frame.length);
        over = input.event == WS_REFUSE || input.event == WS_CLOSE;
        if (input.event == WS_REFUSE)
            check_refusal(&input, opcode);
        if (!over && opcode == TEXT)
            buffer_clear(&joined);
        if (!over && opcode <= TEXT)
            buffer_append(&joined, payload, frame.length);
        if (input.event == WS_TEXT) {
            assert(input.length == joined.length && input.length <= WS_MESSAGE_MAX);
            assert(input.length == 0 || memcmp(input.data, joined.data, input.length) == 0);
            assert(text_is_utf8(input.data, input.length));
        }
        if (!over && opcode <= TEXT)
            assert((input.event == WS_TEXT) == ((frame.first_byte & FIN) != 0));
        if (!over && opcode == PING)
            assert(input.event == WS_PING && input.data == payload && input.length <= 125);
        free(payload);
    }
    ws_assemble_finish(&assembly);
    buffer_finish(&joined);
}

static void assert_same(struct buffer *a, struct buffer b)
{
    assert(a->length == b.length && (b.length == 0 || memcmp(a->data, b.data, b.length) == 0));
    buffer_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buffer whole = read_in_pieces(data + 1, size - 1, 0);
    assert_same(&whole, read_in_pieces(data + 1, size - 1, 1));
    assert_same(&whole, read_in_pieces(data + 1, size - 1, 2 + data[0]));
    assert_same(&whole, read_from_socket(data + 1, size - 1, 2 + data[0]));
    buffer_finish(&whole);
    assemble(data + 1, size - 1);
    return 0;
}
