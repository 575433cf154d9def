#include "services/user/rules/name_rules.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <utf8proc.h>

#include "services/common/base/text.h"
#include "services/user/rules/name_joining.h"

enum {
    NAME_CHARACTERS_MAX = 64,
    NAME_DECOMPOSED_MAX = 4 * NAME_CHARACTERS_MAX, /* no character has a longer decomposition */
    NONSPACING_IN_A_ROW_MAX = 4,
    MARKS_OF_A_LETTER_MAX = 6,
    VIRAMA = 9, /* Canonical_Combining_Class */
    ZWNJ = 0x200C,
    ZWJ = 0x200D,
};

/* A name, decomposed. */
struct name {
    utf8proc_int32_t at[NAME_DECOMPOSED_MAX];
    size_t count;
};

/* What the walk over a name has seen. */
struct walk {
    bool in_letters;     /* false at the begin and after a space, hyphen ... */
    unsigned marks;      /* since the last letter */
    unsigned nonspacing; /* in a row */
    unsigned selectors;  /* since the last letter */
};

static utf8proc_category_t category_of(utf8proc_int32_t c)
{
    return utf8proc_category(c);
}

static bool is_ignorable(utf8proc_int32_t c)
{
    return utf8proc_get_property(c)->ignorable;
}

static bool is_letter(utf8proc_int32_t c)
{
    return category_of(c) >= UTF8PROC_CATEGORY_LU && category_of(c) <= UTF8PROC_CATEGORY_LO &&
           !is_ignorable(c);
}

static bool is_mark(utf8proc_int32_t c)
{
    return (category_of(c) == UTF8PROC_CATEGORY_MN || category_of(c) == UTF8PROC_CATEGORY_MC) &&
           !is_ignorable(c);
}

/* Space, hyphen, apostrophe, full stop. */
static bool is_separator(utf8proc_int32_t c)
{
    return c == ' ' || c == '-' || c == '\'' || c == 0x2019 || c == '.';
}

static unsigned combining_class(utf8proc_int32_t c)
{
    return (unsigned)utf8proc_get_property(c)->combining_class;
}

/* Han, of the planes that have ideographs; Mongolian letters. */
static bool takes_selector(utf8proc_int32_t base, utf8proc_int32_t selector)
{
    bool han = (base >= 0x3400 && base <= 0x9FFF) || (base >= 0xF900 && base <= 0xFAFF) ||
               (base >= 0x20000 && base <= 0x3FFFF);
    bool mongolian = base >= 0x1820 && base <= 0x18AA;
    bool general =
        (selector >= 0xFE00 && selector <= 0xFE0F) || (selector >= 0xE0100 && selector <= 0xE01EF);

    return (han && general) ||
           (mongolian && ((selector >= 0x180B && selector <= 0x180D) || selector == 0x180F));
}

/* --- joiners (UAX #31 section 2.3.1) ------------------------------------------------------- */

/* The one before `i`, and before the marks that precede it; 0 if there is none. */
static utf8proc_int32_t letter_before(const struct name *name, size_t i)
{
    while (i > 0 && is_mark(name->at[i - 1]))
        i--;
    return i > 0 ? name->at[i - 1] : 0;
}

static utf8proc_int32_t letter_after(const struct name *name, size_t i)
{
    for (i++; i < name->count && is_mark(name->at[i]);)
        i++;
    return i < name->count ? name->at[i] : 0;
}

/* Letter, marks, virama, marks that may be reordered, then `i`. */
static bool follows_virama(const struct name *name, size_t i)
{
    while (i > 0 && combining_class(name->at[i - 1]) != 0 &&
           combining_class(name->at[i - 1]) != VIRAMA)
        i--;
    return i > 0 && combining_class(name->at[i - 1]) == VIRAMA && is_letter(letter_before(name, i));
}

static bool is_context_a1(const struct name *name, size_t i)
{
    return name_joining_forwards(letter_before(name, i)) &&
           name_joining_backwards(letter_after(name, i));
}

static bool is_context_a2(const struct name *name, size_t i)
{
    for (size_t next = i + 1; next < name->count; next++)
        if (combining_class(name->at[next]) == 0)
            return is_letter(name->at[next]) && follows_virama(name, i);
    return false;
}

/* Not before a dependent vowel. These have class 0, as have few other marks. */
static bool is_context_b(const struct name *name, size_t i)
{
    bool mark_follows =
        i + 1 < name->count && is_mark(name->at[i + 1]) && combining_class(name->at[i + 1]) == 0;
    return follows_virama(name, i) && !mark_follows;
}

static bool joiner_is_needed(const struct name *name, size_t i)
{
    if (name->at[i] == ZWNJ)
        return is_context_a1(name, i) || is_context_a2(name, i);
    return is_context_b(name, i);
}

/* --- the walk ------------------------------------------------------------------------------ */

static bool take_mark(struct walk *walk, const struct name *name, size_t i)
{
    bool nonspacing = category_of(name->at[i]) == UTF8PROC_CATEGORY_MN;

    walk->nonspacing = nonspacing ? walk->nonspacing + 1 : 0;
    walk->marks++;
    if (nonspacing && name->at[i] == name->at[i - 1])
        return false;
    return walk->nonspacing <= NONSPACING_IN_A_ROW_MAX && walk->marks <= MARKS_OF_A_LETTER_MAX;
}

static bool take_separator(struct walk *walk, const struct name *name, size_t i)
{
    utf8proc_int32_t before = i > 0 ? name->at[i - 1] : 0;

    if (!walk->in_letters && !(before == '.' && name->at[i] == ' '))
        return false;
    *walk = (struct walk){ .in_letters = false };
    return true;
}

static bool take_character(struct walk *walk, const struct name *name, size_t i)
{
    utf8proc_int32_t c = name->at[i];

    if (is_letter(c)) {
        *walk = (struct walk){ .in_letters = true };
        return true;
    }
    if (is_separator(c))
        return take_separator(walk, name, i);
    if (!walk->in_letters)
        return false;
    if (is_mark(c))
        return take_mark(walk, name, i);
    if (c == ZWNJ || c == ZWJ)
        return joiner_is_needed(name, i);
    return takes_selector(letter_before(name, i), c) && ++walk->selectors == 1;
}

static bool decompose(const char *nfc, struct name *name_out)
{
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)nfc, 0, name_out->at, NAME_DECOMPOSED_MAX,
                           UTF8PROC_NULLTERM | UTF8PROC_DECOMPOSE);
    name_out->count = count > 0 ? (size_t)count : 0;
    return count > 0 && count <= NAME_DECOMPOSED_MAX;
}

bool name_rules_accept(const char *nfc)
{
    struct name name;
    struct walk walk = { .in_letters = false };

    if (text_code_points(nfc) > NAME_CHARACTERS_MAX || !decompose(nfc, &name))
        return false;
    for (size_t i = 0; i < name.count; i++)
        if (!take_character(&walk, &name, i))
            return false;
    return walk.in_letters || name.at[name.count - 1] == '.';
}
