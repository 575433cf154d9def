#include "gateway/http/accept_encoding.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { WEIGHT_MAX = 1000, NOT_LISTED = -1, QVALUE_LENGTH_MAX = 5 };

/* In thousandths; `other` is that of "*". */
struct weights {
    int of[CODINGS];
    int other;
};

/* "0" or "1" and at most three decimals, at most 1 in all (RFC 9110 section 12.4.2). */
static bool read_qvalue(const char *text, size_t length, int *weight_out)
{
    int weight, unit = WEIGHT_MAX / 10;

    if (length == 0 || length > QVALUE_LENGTH_MAX || (text[0] != '0' && text[0] != '1') ||
        (length > 1 && text[1] != '.'))
        return false;
    weight = (text[0] - '0') * WEIGHT_MAX;
    for (size_t i = 2; i < length; i++, unit /= 10) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        weight += (text[i] - '0') * unit;
    }
    *weight_out = weight;
    return weight <= WEIGHT_MAX;
}

/* What follows a coding: nothing, or ";q=<weight>". */
static bool read_weight(const char *text, size_t length, int *weight_out)
{
    *weight_out = WEIGHT_MAX;
    if (length == 0)
        return true;
    size_t begin = 1 + strspn(text + 1, " \t");
    return text[0] == ';' && length > begin + 2 && strncasecmp(text + begin, "q=", 2) == 0 &&
           read_qvalue(text + begin + 2, length - begin - 2, weight_out);
}

/* NULL: a coding that we do not have. */
static int *weight_of(struct weights *weights, const char *name, size_t length)
{
    static const struct {
        const char *name;
        enum content_coding coding;
    } codings[] = {
        { "identity", CODING_IDENTITY },
        { "gzip", CODING_GZIP },
        { "x-gzip", CODING_GZIP }, /* RFC 9110 section 8.4.1.3 */
        { "br", CODING_BR },
    };

    if (length == 1 && name[0] == '*')
        return &weights->other;
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++)
        if (length == strlen(codings[i].name) && strncasecmp(name, codings[i].name, length) == 0)
            return &weights->of[codings[i].coding];
    return NULL;
}

static void read_element(struct weights *weights, const char *text, size_t length)
{
    int weight;

    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    size_t name = strcspn(text, ",; \t");
    size_t rest = name + strspn(text + name, " \t");
    int *listed = weight_of(weights, text, name);
    if (listed != NULL && *listed == NOT_LISTED &&
        read_weight(text + rest, rest < length ? length - rest : 0, &weight))
        *listed = weight;
}

static void read_list(struct weights *weights, const char *list)
{
    while (*list != '\0') {
        list += strspn(list, " \t,");
        size_t length = strcspn(list, ",");
        read_element(weights, list, length);
        list += length;
    }
}

enum content_coding accept_encoding_choose(const char *const *values, size_t count,
                                           unsigned available)
{
    struct weights weights = { { NOT_LISTED, NOT_LISTED, NOT_LISTED }, NOT_LISTED };
    enum content_coding best = CODING_IDENTITY;
    int best_weight =
        0; /* what identity has unless it is listed: acceptable, but the last choice */

    for (size_t i = 0; i < count; i++)
        read_list(&weights, values[i]);
    for (int coding = CODING_IDENTITY; coding < CODINGS; coding++) {
        int weight = weights.of[coding] != NOT_LISTED ? weights.of[coding] : weights.other;
        bool is_there = coding == CODING_IDENTITY || (available & 1u << coding) != 0;
        if (is_there && weight > 0 && weight >= best_weight) {
            best = (enum content_coding)coding;
            best_weight = weight;
        }
    }
    return best;
}
