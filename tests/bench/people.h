#ifndef BENCH_PEOPLE_H
#define BENCH_PEOPLE_H

#include <stdint.h>

#include "services/common/base/id.h"
#include "services/common/base/tag.h"

/*
 * The users that a store is filled with: number 0, 1, 2... Their tags look like those of people
 * ("@kamo_tire2041"): a first name of 256, a last name of 4,096, a number; no two are the same, and
 * neighbours by number are not neighbours by tag.
 */
enum { PEOPLE_MAX = 1 << 30, PEOPLE_EMAIL_SIZE = 64 };

void people_tag(uint32_t number, char tag_out[TAG_SIZE]);
void people_email(uint32_t number, char email_out[PEOPLE_EMAIL_SIZE]);
struct id people_id(uint32_t number);

/* A number that looks like chance, always the same for the same `number`. */
uint64_t people_mix(uint64_t number);

#endif
