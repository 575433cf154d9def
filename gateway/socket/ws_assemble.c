#include "gateway/socket/ws_assemble.h"

#include <stdbool.h>

#include "gateway/socket/ws_protocol.h"
#include "services/common/base/text.h"

enum { KEEP_BYTES = 4096 };

static struct ws_input refuse_frame(int code, const char *reason)
{
    return (struct ws_input){ .event = WS_REFUSE, .code = code, .reason = reason };
}

/* RFC 6455, section 7.4: the codes that a close frame may contain. */
static bool is_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static struct ws_input take_close(const char *data, size_t length)
{
    struct ws_input input = { .event = WS_CLOSE, .code = WS_CLOSE_NORMAL };

    if (length == 1)
        return refuse_frame(WS_CLOSE_PROTOCOL_ERROR, "bad close frame");
    if (length >= 2) {
        input.code = (unsigned char)data[0] << 8 | (unsigned char)data[1];
        if (!is_close_code(input.code))
            return refuse_frame(WS_CLOSE_PROTOCOL_ERROR, "bad close code");
        if (!text_is_utf8(data + 2, length - 2))
            return refuse_frame(WS_CLOSE_INVALID_DATA, "not UTF-8");
    }
    return input;
}

static struct ws_input whole_text(const char *data, size_t length)
{
    if (!text_is_utf8(data, length))
        return refuse_frame(WS_CLOSE_INVALID_DATA, "not UTF-8");
    return (struct ws_input){ .event = WS_TEXT, .data = data, .length = length };
}

static struct ws_input take_part(struct ws_assembly *assembly, bool final, const char *data,
                                 size_t length)
{
    if (assembly->parts.length + length > WS_MESSAGE_MAX)
        return refuse_frame(WS_CLOSE_TOO_BIG, "message too big");
    buffer_append(&assembly->parts, data, length);
    assembly->in_message = !final;
    if (!final)
        return (struct ws_input){ .event = WS_NOTHING };
    return whole_text(buffer_text(&assembly->parts), assembly->parts.length);
}

struct ws_input ws_assemble(struct ws_assembly *assembly, unsigned first_byte, const char *data,
                            size_t length)
{
    bool final = (first_byte & 128) != 0;

    switch (first_byte & 15) {
    case WS_OPCODE_PING:
        return (struct ws_input){ .event = WS_PING, .data = data, .length = length };
    case WS_OPCODE_PONG:
        return (struct ws_input){ .event = WS_PONG };
    case WS_OPCODE_CLOSE:
        return take_close(data, length);
    case WS_OPCODE_BINARY:
        return refuse_frame(WS_CLOSE_UNSUPPORTED_DATA, "text frames only");
    case WS_OPCODE_TEXT:
        if (assembly->in_message)
            return refuse_frame(WS_CLOSE_PROTOCOL_ERROR, "a message within a message");
        if (assembly->parts.capacity > KEEP_BYTES)
            buffer_finish(&assembly->parts);
        buffer_clear(&assembly->parts);
        if (final)
            return length > WS_MESSAGE_MAX ? refuse_frame(WS_CLOSE_TOO_BIG, "message too big")
                                           : whole_text(data, length);
        return take_part(assembly, final, data, length);
    case WS_OPCODE_CONTINUATION:
        if (!assembly->in_message)
            return refuse_frame(WS_CLOSE_PROTOCOL_ERROR, "a continuation of nothing");
        return take_part(assembly, final, data, length);
    default:
        return refuse_frame(WS_CLOSE_PROTOCOL_ERROR, "unknown opcode");
    }
}

void ws_assemble_finish(struct ws_assembly *assembly)
{
    buffer_finish(&assembly->parts);
    assembly->in_message = 0;
}
