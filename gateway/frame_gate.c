#define _GNU_SOURCE /* ppoll */
#include "gateway/frame_gate.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { CONTROL_MOST = 125, HEADER_END_BYTES = 4 };

static _Thread_local struct {
    bool serving; /* this thread has begun a connection */
    int socket;
    int header_match;    /* how many bytes of CR LF CR LF have been seen in a row */
    size_t after_header; /* bytes read behind the first of them */
    bool armed;
    int broken; /* close code of the rule that a frame broke */
    struct frame_scan scan;
} gate = { .socket = -1 };

/* --- the rules of a frame's header (RFC 6455, section 5) --------------------------------- */

/* How long the header is that begins with these bytes; 2 while that cannot be told. */
static size_t header_size(const unsigned char *header, size_t length)
{
    if (length < 2)
        return 2;
    unsigned short_length = header[1] & 127u;
    return 2 +
           (short_length == 126   ? 2u
            : short_length == 127 ? 8u
                                  : 0u) +
           ((header[1] & 128) != 0 ? 4u : 0u);
}

static uint64_t claimed_length(const unsigned char *header)
{
    unsigned short_length = header[1] & 127u;
    size_t bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    uint64_t length = 0;

    if (bytes == 0)
        return short_length;
    for (size_t i = 0; i < bytes; i++)
        length = length << 8 | header[2 + i];
    return length;
}

static int check_header(const unsigned char *header, uint64_t payload_most)
{
    unsigned opcode = header[0] & 15u;
    bool final = (header[0] & 128) != 0, reserved_bits = (header[0] & 112) != 0;
    bool control = opcode >= 8;

    if (reserved_bits || (opcode > 2 && opcode < 8) || opcode > 10 || (header[1] & 128) == 0)
        return WS_CLOSE_PROTOCOL_ERROR;
    if (control && (!final || (header[1] & 127) > CONTROL_MOST))
        return WS_CLOSE_PROTOCOL_ERROR;
    return claimed_length(header) > payload_most ? WS_CLOSE_TOO_BIG : 0;
}

int frame_scan(struct frame_scan *scan, const unsigned char *bytes, size_t length, size_t *good_out)
{
    size_t at = 0, frame_start = 0;

    while (at < length) {
        if (scan->payload_left > 0) {
            size_t rest = length - at;
            size_t skip = scan->payload_left < rest ? (size_t)scan->payload_left : rest;
            scan->payload_left -= skip;
            at += skip;
            continue;
        }
        if (scan->header_length == 0)
            frame_start = at;
        scan->header[scan->header_length++] = bytes[at++];
        if (scan->header_length < header_size(scan->header, scan->header_length))
            continue;
        int broken = check_header(scan->header, scan->payload_most);
        if (broken != 0) {
            *good_out = frame_start;
            return broken;
        }
        scan->payload_left = claimed_length(scan->header);
        scan->header_length = 0;
    }
    *good_out = length;
    return 0;
}

/* --- one connection ---------------------------------------------------------------------- */

void frame_gate_reset(void)
{
    memset(&gate, 0, sizeof(gate));
    gate.serving = true;
    gate.socket = -1;
}

bool frame_gate_header_is_all(void)
{
    return gate.header_match == HEADER_END_BYTES && gate.after_header == 0;
}

int frame_gate_socket(void)
{
    return gate.socket;
}

void frame_gate_arm(uint64_t payload_most)
{
    gate.scan = (struct frame_scan){ .payload_most = payload_most };
    gate.broken = 0;
    gate.armed = true;
}

int frame_gate_disarm(void)
{
    gate.armed = false;
    return gate.broken;
}

static void follow_header(const unsigned char *bytes, size_t length)
{
    static const unsigned char end[] = { '\r', '\n', '\r', '\n' };

    for (size_t i = 0; i < length; i++) {
        if (gate.header_match == HEADER_END_BYTES) {
            gate.after_header += length - i;
            return;
        }
        if (bytes[i] == end[gate.header_match])
            gate.header_match++;
        else
            gate.header_match = bytes[i] == '\r' ? 1 : 0;
    }
}

/* --- what the library calls -------------------------------------------------------------- */

/* Seen by the libraries, unlike everything else of this program. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    size_t good;

    if (gate.serving && gate.broken != 0 && fd == gate.socket) {
        errno = ECONNABORTED;
        return -1;
    }
    ssize_t n = recvfrom(fd, buffer, size, flags, NULL, NULL);
    if (!gate.serving || n <= 0)
        return n;
    if (!gate.armed) {
        gate.socket = fd;
        follow_header(buffer, (size_t)n);
        return n;
    }
    if (fd != gate.socket)
        return n;
    gate.broken = frame_scan(&gate.scan, buffer, (size_t)n, &good);
    if (gate.broken != 0 && good == 0) {
        errno = ECONNABORTED;
        return -1;
    }
    return (ssize_t)good;
}

/* glibc declares that poll only writes what it is given; this one looks first. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
EXPORTED int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
    bool reading =
        gate.armed && count == 1 && fds[0].fd == gate.socket && (fds[0].events & POLLOUT) == 0;

    if (reading && gate.broken != 0) { /* so that recv gets to say so */
        fds[0].revents = POLLIN;
        return 1;
    }
    /* Whoever wants such a thread back shuts its socket down: no need to look every 2 seconds. */
    return ppoll(fds, count, reading || timeout_ms < 0 ? NULL : &timeout, NULL);
}
#pragma GCC diagnostic pop
