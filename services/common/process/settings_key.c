#include "services/common/process/settings_key.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { JWT_KEY_MIN = 32 };

/* Random keys have at least so many, also in hexadecimal digits. */
static bool has_few_characters(const char *key)
{
    enum { FEW = 8 };
    bool seen[UCHAR_MAX + 1] = { false };
    int count = 0;

    for (; *key != '\0'; key++) {
        count += !seen[(unsigned char)*key];
        seen[(unsigned char)*key] = true;
    }
    return count < FEW;
}

const char *settings_key_weakness(const char *key)
{
    static const char *const samples[] = {
        "secret_private_key", /* of the original */
        "put 32 random bytes or more here, or leave the key out with make run",
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        if (strcmp(key, samples[i]) == 0)
            return "it is the sample of the documentation";
    if (strlen(key) < JWT_KEY_MIN)
        return "it has fewer than 32 bytes";
    if (has_few_characters(key))
        return "it has fewer than 8 different characters";
    return NULL;
}
