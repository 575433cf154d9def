#ifndef GATEWAY_SOCKET_WS_FRAME_IN_H
#define GATEWAY_SOCKET_WS_FRAME_IN_H

#include <stddef.h>
#include <stdint.h>

/* One frame as a client sends it (RFC 6455, section 5). */

enum { WS_HEADER_MAX = 14 };

struct ws_frame_in {
    unsigned first_byte; /* FIN, reserved bits (0), opcode */
    char *payload;       /* within the bytes that were given, unmasked */
    size_t length;
    size_t size; /* of header and payload */
};

enum ws_frame_in_result {
    WS_FRAME_IN_WHOLE,
    WS_FRAME_IN_PART,   /* good so far */
    WS_FRAME_IN_BROKEN, /* its header breaks a rule, which is seen before its payload is there */
};

/*
 * Looks at the frame at the beginning of `bytes`: without a mask, with reserved bits, an unknown
 * opcode, a control frame in parts or of over 125 bytes, or a payload of more than `payload_most`,
 * it is broken, and `*code_out` is the close code. A whole one is unmasked in place: not to be
 * looked at twice.
 */
enum ws_frame_in_result ws_frame_in_read(unsigned char *bytes, size_t length, uint64_t payload_max,
                                         struct ws_frame_in *frame_out, int *code_out);

#endif
