#ifndef GATEWAY_SOCKET_WS_FRAME_IN_H
#define GATEWAY_SOCKET_WS_FRAME_IN_H

#include <stddef.h>
#include <stdint.h>

/* One frame received from a client (RFC 6455, section 5). */

enum { WS_HEADER_MAX = 14 };

struct ws_frame_in {
    unsigned first_byte; /* FIN, reserved bits (0), opcode */
    char *payload;       /* within the given bytes, unmasked */
    size_t length;
    size_t size; /* of header and payload */
};

enum ws_frame_in_result {
    WS_FRAME_IN_WHOLE,
    WS_FRAME_IN_PART,   /* valid so far */
    WS_FRAME_IN_BROKEN, /* its header violates the protocol; detected before its payload arrives */
};

/*
 * Parses the frame at the beginning of `bytes`. A frame is broken, and `*code_out` its close code,
 * when it is not masked, has reserved bits or an unknown opcode, is a fragmented control frame or
 * one of over 125 bytes, or has a payload of over `payload_max` bytes. A whole frame is unmasked in
 * place, so it must not be parsed twice.
 */
enum ws_frame_in_result ws_frame_in_read(unsigned char *bytes, size_t length, uint64_t payload_max,
                                         struct ws_frame_in *frame_out, int *code_out);

#endif
