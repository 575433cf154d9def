#ifndef GATEWAY_FRAME_GATE_H
#define GATEWAY_FRAME_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Stands between the socket and the HTTP library. The library allocates whatever length a
 * WebSocket frame claims (up to 2 GiB) before a byte of it has arrived, takes frames without a
 * mask, reads a frame that stops in the middle for ever, wakes every idle socket every two
 * seconds, and tells nobody the socket's number. All of it can be mended where its bytes come
 * from: this file defines recv() and poll() for the process, and the library, which calls them by
 * name, gets these. They differ from the system's only on threads that serve a connection of the
 * library, and only for that connection's socket.
 *
 * Everything here concerns the connection that the calling thread serves.
 */

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

/* A connection begins, or a request of it has been answered: the next bytes are a header. */
void frame_gate_reset(void);

/*
 * Is the header of this request all that has been read so far? Only then may the socket become a
 * WebSocket, for frames that came along with the header would pass unseen.
 */
bool frame_gate_header_is_all(void);

/* The socket, or -1 before the first byte was read. */
int frame_gate_socket(void);

/* From now on the bytes are frames of a client: headers are checked before the library sees them.
 * Payloads longer than `payload_most` are refused. */
void frame_gate_arm(uint64_t payload_most);

/* Back to an ordinary connection. Returns the close code of the rule that a frame broke, or 0. */
int frame_gate_disarm(void);

/* --- for the tests ----------------------------------------------------------------------- */

/* The state of the check of one stream of frames. */
struct frame_scan {
    uint64_t payload_most;
    uint64_t payload_left;    /* of the frame under way */
    unsigned char header[14]; /* of the next frame, as far as it is there */
    size_t header_length;
};

/* Checks further bytes. Returns 0, or a close code; then `*good_out` bytes came before the frame
 * that broke the rule. */
int frame_scan(struct frame_scan *scan, const unsigned char *bytes, size_t length,
               size_t *good_out);

#endif
