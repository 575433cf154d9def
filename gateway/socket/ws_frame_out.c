#include "gateway/socket/ws_frame_out.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/socket/ws_protocol.h"
#include "services/common/base/memory.h"

enum { FINAL = 0x80, HEADER_MAX = 10 };

static size_t put_header(unsigned char *out, enum ws_opcode opcode, size_t length)
{
    out[0] = (unsigned char)(FINAL | opcode);
    if (length < 126) {
        out[1] = (unsigned char)length;
        return 2;
    }
    size_t bytes = length <= UINT16_MAX ? 2 : 8;
    out[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (unsigned char)((uint64_t)length >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

struct ws_frame_out *ws_frame_out_create(enum ws_opcode opcode, const void *payload, size_t length)
{
    struct ws_frame_out *frame = xmalloc(sizeof(*frame) + HEADER_MAX + length);

    atomic_init(&frame->references, 1);
    size_t header = put_header(frame->bytes, opcode, length);
    if (length > 0)
        memcpy(frame->bytes + header, payload, length);
    frame->length = header + length;
    return frame;
}

struct ws_frame_out *ws_frame_out_create_close(int code, const char *reason)
{
    unsigned char payload[2 + WS_CLOSE_REASON_MAX];
    size_t length = reason == NULL ? 0 : strnlen(reason, WS_CLOSE_REASON_MAX);

    payload[0] = (unsigned char)(code >> 8);
    payload[1] = (unsigned char)code;
    if (length > 0)
        memcpy(payload + 2, reason, length);
    return ws_frame_out_create(WS_OPCODE_CLOSE, payload, 2 + length);
}

struct ws_frame_out *ws_frame_out_ref(struct ws_frame_out *frame)
{
    atomic_fetch_add(&frame->references, 1);
    return frame;
}

void ws_frame_out_unref(struct ws_frame_out **frame)
{
    if (*frame != NULL && atomic_fetch_sub(&(*frame)->references, 1) == 1)
        free(*frame);
    *frame = NULL;
}
