#ifndef GATEWAY_SOCKET_WS_ASSEMBLE_H
#define GATEWAY_SOCKET_WS_ASSEMBLE_H

#include <stddef.h>

#include "services/common/base/buffer.h"

/*
 * Joins the frames of one client into whole text messages (RFC 6455, section 5.4), at most
 * WS_MESSAGE_MAX bytes each, in well-formed UTF-8. A zeroed struct is ready. One thread.
 * Headers have been checked (ws_frame_in.h): masks, reserved bits, lengths of control frames.
 */
enum { WS_MESSAGE_MAX = 64 * 1024 };

struct ws_assembly {
    struct buffer parts; /* of a message in several frames */
    int in_message;
};

enum ws_event {
    WS_NOTHING, /* a part; more is to come */
    WS_TEXT,    /* a whole message: `data`, `length` */
    WS_PING,    /* must be answered with the same payload */
    WS_PONG,
    WS_CLOSE,  /* the client closes; answer with `code` */
    WS_REFUSE, /* close with `code` and `reason` */
};

struct ws_input {
    enum ws_event event;
    const char *data; /* borrowed until the next call */
    size_t length;
    int code;
    const char *reason;
};

/* `first_byte` is the frame's: FIN, reserved bits, opcode. `data` is unmasked. */
struct ws_input ws_assemble(struct ws_assembly *assembly, unsigned first_byte, const char *data,
                            size_t length);
void ws_assemble_finish(struct ws_assembly *assembly);

#endif
