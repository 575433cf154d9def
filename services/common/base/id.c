#include "services/common/base/id.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sys/random.h>

#include "services/common/base/clock.h"

static const char hex_digits[] = "0123456789abcdef";
static unsigned char process_part[5];
static atomic_uint counter;
static uint64_t unique_start;
static atomic_uint_fast64_t unique_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void id_random_bytes(void *out, size_t bytes)
{
    unsigned char *at = out;

    while (bytes > 0) {
        ssize_t n = getrandom(at, bytes, 0);
        if (n <= 0)
            continue; /* only EINTR, early in boot */
        at += n;
        bytes -= (size_t)n;
    }
}

static void seed_random(void)
{
    unsigned start;

    id_random_bytes(process_part, sizeof(process_part));
    id_random_bytes(&start, sizeof(start));
    id_random_bytes(&unique_start, sizeof(unique_start));
    atomic_store(&counter, start);
}

struct id id_new(void)
{
    struct id id;
    uint32_t seconds = (uint32_t)(clock_wall_ms() / 1000);

    pthread_once(&once, seed_random);
    unsigned n = atomic_fetch_add(&counter, 1);
    for (int i = 0; i < 4; i++)
        id.bytes[i] = (unsigned char)(seconds >> (24 - 8 * i));
    memcpy(id.bytes + 4, process_part, sizeof(process_part));
    for (int i = 0; i < 3; i++)
        id.bytes[9 + i] = (unsigned char)(n >> (16 - 8 * i));
    return id;
}

struct id id_from_parts(const char *first, const char *second)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct id id;
    EVP_MD_CTX *sha = EVP_MD_CTX_new();

    if (sha == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(sha, first, strlen(first)) != 1 || EVP_DigestUpdate(sha, "|", 1) != 1 ||
        EVP_DigestUpdate(sha, second, strlen(second)) != 1 ||
        EVP_DigestFinal_ex(sha, digest, NULL) != 1) {
        fputs("fatal: SHA-256 is not to be had from libcrypto\n", stderr);
        abort();
    }
    EVP_MD_CTX_free(sha);
    memcpy(id.bytes, digest, sizeof(id.bytes));
    return id;
}

void id_sha1(const void *data, size_t length, unsigned char out[ID_SHA1_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(data, length, digest, NULL, EVP_sha1(), NULL) != 1) {
        fputs("fatal: SHA-1 is not to be had from libcrypto\n", stderr);
        abort();
    }
    memcpy(out, digest, ID_SHA1_BYTES);
}

static void bytes_to_hex(const unsigned char *bytes, size_t count, char *hex_out)
{
    for (size_t i = 0; i < count; i++) {
        hex_out[2 * i] = hex_digits[bytes[i] >> 4];
        hex_out[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    hex_out[2 * count] = '\0';
}

void id_to_hex(const struct id *id, char hex_out[ID_HEX + 1])
{
    bytes_to_hex(id->bytes, ID_BYTES, hex_out);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool id_from_hex(const char *hex, struct id *id_out)
{
    if (strlen(hex) != ID_HEX)
        return false;
    for (int i = 0; i < ID_BYTES; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id_out->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void id_random_hex(char *hex_out, size_t bytes)
{
    unsigned char chunk[32];

    *hex_out = '\0';
    for (size_t n; bytes > 0; bytes -= n, hex_out += 2 * n) {
        n = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
        id_random_bytes(chunk, n);
        bytes_to_hex(chunk, n, hex_out);
    }
}

/* SplitMix64 (Steele, Lea, Flood 2014): a permutation of 64 bits. */
static uint64_t next_unique(void)
{
    uint64_t z =
        unique_start + (atomic_fetch_add(&unique_count, 1) + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void id_unique_hex(char *hex_out, size_t bytes)
{
    pthread_once(&once, seed_random);
    *hex_out = '\0';
    for (size_t n; bytes > 0; bytes -= n, hex_out += 2 * n) {
        uint64_t chunk = next_unique();
        n = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
        bytes_to_hex((const unsigned char *)&chunk, n, hex_out);
    }
}
