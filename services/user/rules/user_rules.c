#include "services/user/rules/user_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "services/common/base/memory.h"
#include "services/common/base/tag.h"
#include "services/common/base/text.h"
#include "services/user/rules/name_rules.h"

enum { EMAIL_MAX = 254, PASSWORD_MAX = 1024 };

const char *user_rules_check_tag(const char *tag)
{
    if (tag_is_valid(tag))
        return NULL;
    return "tag: must be @, a letter, then letters, digits or _, at most 33 characters";
}

const char *user_rules_check_name(const char *field, const char *name, char nfc_out[USER_NAME_SIZE])
{
    char *nfc = strlen(name) < 4 * USER_NAME_SIZE ? text_nfc(name) : NULL;
    bool good = nfc != NULL && name_rules_accept(nfc) && strlen(nfc) < USER_NAME_SIZE;

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

/* U+0020 for the other characters of category Zs, as a password's typist sees them (RFC 8265
 * section 4.2.2). Notes a control character. */
static utf8proc_int32_t map_password_character(utf8proc_int32_t c, void *failed)
{
    utf8proc_category_t category = utf8proc_category(c);

    if (category == UTF8PROC_CATEGORY_CC)
        *(bool *)failed = true;
    return category == UTF8PROC_CATEGORY_ZS ? ' ' : c;
}

char *user_rules_prepare_password(const char *password)
{
    utf8proc_uint8_t *prepared = NULL;
    bool failed = password[0] == '\0';
    utf8proc_ssize_t length = utf8proc_map_custom(
        (const utf8proc_uint8_t *)password, 0, &prepared,
        UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE, map_password_character, &failed);
    if (length < 0)
        return NULL;
    if (!failed)
        return (char *)prepared;
    memory_wipe(prepared, (size_t)length);
    free(prepared);
    return NULL;
}

const char *user_rules_check_password(const char *field, const char *password, size_t min)
{
    static _Thread_local char problem[80];
    char *prepared = user_rules_prepare_password(password);
    size_t length = prepared != NULL ? strlen(prepared) : 0;

    snprintf(problem, sizeof(problem), "%s: must have %zu to %d bytes", field, min, PASSWORD_MAX);
    if (prepared == NULL && password[0] != '\0')
        snprintf(problem, sizeof(problem), "%s: must not contain control characters", field);
    if (prepared != NULL)
        memory_wipe(prepared, length);
    free(prepared);
    return length > 0 && length >= min && length <= PASSWORD_MAX ? NULL : problem;
}
