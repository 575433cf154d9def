#include "gateway/edge/ws_accept.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "services/common/base/id.h"

enum { KEY_LENGTH = 24 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 22 digits and two signs of padding. */
bool ws_accept_is_key(const char *key)
{
    return strlen(key) == KEY_LENGTH && strspn(key, digits) == KEY_LENGTH - 2 &&
           strcmp(key + KEY_LENGTH - 2, "==") == 0;
}

/* 20 bytes: six groups of three, and two with one sign of padding. */
static void encode(const unsigned char bytes[ID_SHA1_BYTES], char out[WS_ACCEPT_SIZE])
{
    for (size_t i = 0; i < ID_SHA1_BYTES; i += 3) {
        unsigned third = i + 2 < ID_SHA1_BYTES ? bytes[i + 2] : 0;
        unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | third;
        for (int j = 0; j < 4; j++)
            *out++ = digits[group >> (18 - 6 * j) & 63];
    }
    out[-1] = '=';
    out[0] = '\0';
}

void ws_accept(const char *key, char out[WS_ACCEPT_SIZE])
{
    unsigned char digest[ID_SHA1_BYTES];
    char text[KEY_LENGTH + 64];

    int n = snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    id_sha1(text, (size_t)n, digest);
    encode(digest, out);
}
