#include "services/user/user_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "services/common/base/tag.h"
#include "services/common/base/text.h"

enum { NAME_LETTERS_MAX = 64, EMAIL_MAX = 254, PASSWORD_MAX = 1024 };

const char *user_rules_check_tag(const char *tag)
{
    if (tag_is_valid(tag))
        return NULL;
    return "tag: must be @, a letter, then letters, digits or _, at most 33 characters";
}

static bool is_letter(utf8proc_category_t category)
{
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static bool is_mark(utf8proc_category_t category)
{
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

/* Space, hyphen, apostrophe (straight or U+2019), full stop. */
static bool is_joiner(utf8proc_int32_t c)
{
    return c == ' ' || c == '-' || c == '\'' || c == 0x2019 || c == '.';
}

/*
 * A joiner stands alone between two parts; a full stop may also end the name ("Jr.") and be
 * followed by a space ("J. R.").
 */
static bool is_name(const char *name)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)name;
    utf8proc_int32_t c, before = 0;
    size_t count = 0;

    for (; *at != '\0'; count++, before = c) {
        at += utf8proc_iterate(at, -1, &c);
        utf8proc_category_t category = utf8proc_category(c);
        if (is_letter(category))
            continue;
        if (count == 0)
            return false;
        if (is_mark(category) && !is_joiner(before))
            continue;
        if (!is_joiner(c) || (is_joiner(before) && !(before == '.' && c == ' ')))
            return false;
    }
    return count >= 1 && count <= NAME_LETTERS_MAX && (!is_joiner(before) || before == '.');
}

const char *user_rules_check_name(const char *field, const char *name, char nfc_out[USER_NAME_SIZE])
{
    char *nfc = strlen(name) < 4 * USER_NAME_SIZE ? text_nfc(name) : NULL;
    bool good = nfc != NULL && is_name(nfc) && strlen(nfc) < USER_NAME_SIZE;

    if (good)
        memcpy(nfc_out, nfc, strlen(nfc) + 1);
    free(nfc);
    if (good)
        return NULL;
    return strcmp(field, "firstName") == 0
               ? "firstName: must be 1 to 64 letters, parts joined by single spaces, - ' or ."
               : "lastName: must be 1 to 64 letters, parts joined by single spaces, - ' or .";
}

static bool is_email(const char *email)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)email;
    const char *sign = strchr(email, '@');
    utf8proc_int32_t c;

    if (strlen(email) > EMAIL_MAX || sign == NULL || sign == email || strchr(sign + 1, '@') != NULL)
        return false;
    const char *dot = strchr(sign + 1, '.');
    if (dot == NULL || dot == sign + 1 || email[strlen(email) - 1] == '.')
        return false;
    while (*at != '\0') {
        utf8proc_ssize_t n = utf8proc_iterate(at, -1, &c);
        if (n <= 0)
            return false;
        utf8proc_category_t category = utf8proc_category(c);
        if (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_CF)
            return false; /* white space, separators, control and format characters */
        at += n;
    }
    return true;
}

const char *user_rules_check_email(const char *email, char key_out[USER_EMAIL_SIZE])
{
    char *key = is_email(email) ? text_casefold(email) : NULL;
    bool good = key != NULL && strlen(key) < USER_EMAIL_SIZE;

    if (good)
        memcpy(key_out, key, strlen(key) + 1);
    free(key);
    return good ? NULL : "email: must be like name@example.com, at most 254 bytes, no white space";
}

const char *user_rules_check_password(const char *password, size_t min)
{
    size_t length = strlen(password);
    static _Thread_local char problem[80];

    if (length >= min && length <= PASSWORD_MAX)
        return NULL;
    snprintf(problem, sizeof(problem), "password: must have %zu to %d bytes", min, PASSWORD_MAX);
    return problem;
}
