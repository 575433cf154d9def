#ifndef GATEWAY_SOCKET_WS_FRAME_IN_H
#define GATEWAY_SOCKET_WS_FRAME_IN_H

#include <stddef.h>
#include <stdint.h>

/* One frame as a client sends it (RFC 6455, section 5). */

/* RFC 6455, section 7.4.1. */
enum {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED_DATA = 1003,
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_SERVICE_RESTART = 1012, /* of the IANA registry, as is 1013 */
    WS_CLOSE_TRY_AGAIN_LATER = 1013,
};

enum { WS_HEADER_MOST = 14 };

struct ws_frame {
    unsigned first_byte; /* FIN, reserved bits (0), opcode */
    char *payload;       /* within the bytes that were given, unmasked */
    size_t length;
    size_t size; /* of header and payload */
};

enum ws_frame_result {
    WS_FRAME_WHOLE,
    WS_FRAME_PART,   /* good so far */
    WS_FRAME_BROKEN, /* its header breaks a rule, which is seen before its payload is there */
};

/*
 * Looks at the frame at the beginning of `bytes`: without a mask, with reserved bits, an unknown
 * opcode, a control frame in parts or of over 125 bytes, or a payload of more than `payload_most`,
 * it is broken, and `*code_out` is the close code. A whole one is unmasked in place: not to be
 * looked at twice.
 */
enum ws_frame_result ws_frame_read(unsigned char *bytes, size_t length, uint64_t payload_most,
                                   struct ws_frame *frame_out, int *code_out);

#endif
