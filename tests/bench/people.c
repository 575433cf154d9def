#include "tests/bench/people.h"

#include <stdio.h>
#include <string.h>

uint64_t people_mix(uint64_t number) /* splitmix64 */
{
    number += 0x9e3779b97f4a7c15;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

static void put_syllable(char *out, unsigned number) /* of 64 */
{
    static const char consonants[] = "bdfghklmnprstvwz", vowels[] = "aeio";

    out[0] = consonants[number >> 2 & 15];
    out[1] = vowels[number & 3];
}

void people_tag(uint32_t number, char tag_out[TAG_SIZE])
{
    uint32_t mixed = number * 2654435761U; /* odd: no two numbers give the same */
    char names[10] = "????_????";

    put_syllable(names, mixed >> 28 << 2 | 0);
    put_syllable(names + 2, mixed >> 24 << 2 | 2);
    put_syllable(names + 5, mixed >> 18);
    put_syllable(names + 7, mixed >> 12);
    snprintf(tag_out, TAG_SIZE, "@%s%u", names, mixed & 0xFFF);
}

void people_email(uint32_t number, char email_out[PEOPLE_EMAIL_SIZE])
{
    char tag[TAG_SIZE];

    people_tag(number, tag);
    snprintf(email_out, PEOPLE_EMAIL_SIZE, "%s@example.com", tag + 1);
}

struct id people_id(uint32_t number)
{
    struct id id = { { 0x5f, 0x7b, 0x10, 0x6b, 0xbe, 0xd2, 0x8f, 0x24 } };

    for (int i = 0; i < 4; i++)
        id.bytes[ID_BYTES - 1 - i] = (unsigned char)(number >> 8 * i);
    return id;
}
