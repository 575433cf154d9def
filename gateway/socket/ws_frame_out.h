#ifndef GATEWAY_SOCKET_WS_FRAME_OUT_H
#define GATEWAY_SOCKET_WS_FRAME_OUT_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * One WebSocket frame as a server sends it, header and payload in one piece: encoded once, shared
 * by all sockets that get it, constant after its making. Counted references, from any thread.
 */
struct frame {
    atomic_uint references;
    size_t length;
    unsigned char bytes[];
};

enum frame_opcode { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

/* With one reference, the caller's. `payload` is copied. */
struct frame *frame_create(enum frame_opcode opcode, const void *payload, size_t length);

/* A close frame; `reason` is cut to the 123 bytes that fit. */
struct frame *frame_create_close(int code, const char *reason);

struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame **frame);

#endif
