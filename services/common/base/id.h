#ifndef COMMON_BASE_ID_H
#define COMMON_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Identifiers of 12 bytes, shown as 24 hex digits: fresh ones are MongoDB ObjectIds (4 bytes of
 * seconds, 5 random bytes of this process, a 3-byte counter), derived ones are the first 12 bytes
 * of a SHA-256. All functions may be called from any thread.
 */
enum { ID_BYTES = 12, ID_HEX = 24 };

struct id {
    unsigned char bytes[ID_BYTES];
};

/* A fresh ObjectId. */
struct id id_new(void);

/* First 12 bytes of SHA-256 over the parts, joined by '|'. */
struct id id_from_parts(const char *first, const char *second);

/* SHA-1, only for protocols that prescribe it: it does not withstand an attacker. */
enum { ID_SHA1_BYTES = 20 };
void id_sha1(const void *data, size_t length, unsigned char out[ID_SHA1_BYTES]);

/* Writes 24 hex digits and a NUL. */
void id_to_hex(const struct id *id, char hex_out[ID_HEX + 1]);

/* False unless `hex` is exactly 24 hex digits. */
bool id_from_hex(const char *hex, struct id *id_out);

/* `bytes` random bytes of the kernel as 2 * bytes hex digits and a NUL. */
void id_random_hex(char *hex_out, size_t bytes);

/* The same, from a generator that the kernel has seeded: unique, but not secret. Without a system
 * call, so for identifiers of each request. */
void id_unique_hex(char *hex_out, size_t bytes);

void id_random_bytes(void *out, size_t bytes);

#endif
