#ifndef USER_RULES_NAME_RULES_H
#define USER_RULES_NAME_RULES_H

#include <stdbool.h>

/*
 * What a first or last name may hold, for names of all scripts (after UAX #31, Unicode
 * Identifiers):
 *
 * - 1 to 64 code points of letters (L) and marks (Mn, Mc), beginning with a letter. Letters are
 * joined by single spaces, hyphens, apostrophes (U+0027, U+2019) or full stops; a full stop may be
 *   followed by a space, and end the name. After one of these comes a letter.
 * - Nothing that is not seen (Default_Ignorable_Code_Point: fillers, the grapheme joiner, bidi
 * controls, soft hyphens ...), whatever its category, except where the script needs it:
 *   - U+200C and U+200D in the contexts A1, A2 and B of UAX #31 section 2.3.1: between letters that
 *     would join, and after a virama;
 *   - one variation selector after a Han ideograph (names registered with one form of it), one free
 *     variation selector after a Mongolian letter.
 * - At most 4 nonspacing marks in a row, none twice (UTS #39 section 5.4), and at most 6 marks on a
 *   letter: enough for Vietnamese (2), Hebrew with accents (4), Thai (2), Tibetan (4), Burmese (5
 * with spacing ones), and too few to cover the lines above.
 *
 * The rules hold for canonically equivalent names alike: marks are counted when decomposed (NFD),
 * characters when composed (NFC).
 */

/* `nfc` is UTF-8. */
bool name_rules_accept(const char *nfc);

#endif
