#ifndef USER_RULES_NAME_JOINING_H
#define USER_RULES_NAME_JOINING_H

#include <stdbool.h>
#include <stdint.h>

/* Cursive joining (ArabicShaping.txt of Unicode 14.0), of the scripts in the basic plane, of Hanifi
 * Rohingya and of Adlam. False for every other character. */

/* Joins the letter that follows: Joining_Type D or L. */
bool name_joining_forwards(int32_t c);

/* Joins the letter before: Joining_Type D or R. */
bool name_joining_backwards(int32_t c);

#endif
