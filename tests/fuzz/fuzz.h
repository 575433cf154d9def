/*
 * A fuzz program is one parser of foreign bytes and the properties it must keep. It runs under
 * libFuzzer (clang) or, where there is none, under the small driver in standalone.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* What both drivers call with each input. Asserts; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
