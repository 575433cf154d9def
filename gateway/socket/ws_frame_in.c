#include "gateway/socket/ws_frame_in.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/socket/ws_protocol.h"

enum { CONTROL_MAX = 125, MASK_BYTES = 4 };

/* The size of the header that begins with these bytes; 2 while it is unknown. */
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

static int check_header(const unsigned char *header, uint64_t payload_max)
{
    unsigned opcode = header[0] & 15u;
    bool final = (header[0] & 128) != 0, reserved_bits = (header[0] & 112) != 0;
    bool control = opcode >= 8;

    if (reserved_bits || (opcode > 2 && opcode < 8) || opcode > 10 || (header[1] & 128) == 0)
        return WS_CLOSE_PROTOCOL_ERROR;
    if (control && (!final || (header[1] & 127) > CONTROL_MAX))
        return WS_CLOSE_PROTOCOL_ERROR;
    return claimed_length(header) > payload_max ? WS_CLOSE_TOO_BIG : 0;
}

/* Eight bytes at a time: the mask repeats every four. */
static void unmask_payload(const unsigned char mask[MASK_BYTES], unsigned char *payload,
                           size_t length)
{
    uint64_t wide, part;
    size_t i = 0;

    memcpy(&wide, mask, MASK_BYTES);
    memcpy((unsigned char *)&wide + MASK_BYTES, mask, MASK_BYTES);
    for (; i + sizeof(wide) <= length; i += sizeof(wide)) {
        memcpy(&part, payload + i, sizeof(part));
        part ^= wide;
        memcpy(payload + i, &part, sizeof(part));
    }
    for (; i < length; i++)
        payload[i] ^= mask[i % MASK_BYTES];
}

enum ws_frame_in_result ws_frame_in_read(unsigned char *bytes, size_t length, uint64_t payload_max,
                                         struct ws_frame_in *frame_out, int *code_out)
{
    size_t header = header_size(bytes, length);

    if (length < header)
        return WS_FRAME_IN_PART;
    *code_out = check_header(bytes, payload_max);
    if (*code_out != 0)
        return WS_FRAME_IN_BROKEN;
    size_t payload = (size_t)claimed_length(bytes);
    if (length - header < payload)
        return WS_FRAME_IN_PART;
    unmask_payload(bytes + header - MASK_BYTES, bytes + header, payload);
    *frame_out = (struct ws_frame_in){ .first_byte = bytes[0],
                                       .payload = (char *)bytes + header,
                                       .length = payload,
                                       .size = header + payload };
    return WS_FRAME_IN_WHOLE;
}
