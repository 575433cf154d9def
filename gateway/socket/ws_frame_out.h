#ifndef GATEWAY_SOCKET_WS_FRAME_OUT_H
#define GATEWAY_SOCKET_WS_FRAME_OUT_H

#include <stdatomic.h>
#include <stddef.h>

#include "gateway/socket/ws_protocol.h"

/*
 * One WebSocket frame to send, header and payload contiguous: encoded once, shared by all sockets
 * that receive it, immutable. Counted references; from any thread.
 */
struct ws_frame_out {
    atomic_uint references;
    size_t length;
    unsigned char bytes[];
};

/* Returns one reference, owned by the caller. `payload` is copied. */
struct ws_frame_out *ws_frame_out_create(enum ws_opcode opcode, const void *payload, size_t length);

/* A close frame; `reason` (NULL: empty) is truncated to the WS_CLOSE_REASON_MAX bytes that fit. */
struct ws_frame_out *ws_frame_out_create_close(int code, const char *reason);

struct ws_frame_out *ws_frame_out_ref(struct ws_frame_out *frame);
void ws_frame_out_unref(struct ws_frame_out **frame);

#endif
