#ifndef GATEWAY_SOCKET_WS_FRAME_OUT_H
#define GATEWAY_SOCKET_WS_FRAME_OUT_H

#include <stdatomic.h>
#include <stddef.h>

#include "gateway/socket/ws_protocol.h"

/*
 * One WebSocket frame as a server sends it, header and payload in one piece: encoded once, shared
 * by all sockets that get it, constant after its making. Counted references, from any thread.
 */
struct ws_frame_out {
    atomic_uint references;
    size_t length;
    unsigned char bytes[];
};

/* With one reference, the caller's. `payload` is copied. */
struct ws_frame_out *ws_frame_out_create(enum ws_opcode opcode, const void *payload, size_t length);

/* A close frame; `reason` is cut to the 123 bytes that fit. */
struct ws_frame_out *ws_frame_out_create_close(int code, const char *reason);

struct ws_frame_out *ws_frame_out_ref(struct ws_frame_out *frame);
void ws_frame_out_unref(struct ws_frame_out **frame);

#endif
