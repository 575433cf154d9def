#include "tests/bench/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "tests/bench/fail.h"

struct option {
    const char *name, *value;
    bool asked;
};

struct options {
    struct option *items;
    int count;
};

struct options *options_read(int argc, char **argv)
{
    struct options *options = xcalloc(1, sizeof(*options));

    options->items = xcalloc((size_t)argc / 2 + 1, sizeof(*options->items));
    for (int i = 0; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0)
            fail("\"%s\" is not an option", argv[i]);
        if (i + 1 == argc)
            fail("%s needs a value", argv[i]);
        options->items[options->count++] = (struct option){ argv[i] + 2, argv[i + 1], false };
    }
    return options;
}

void options_finish(struct options **options)
{
    for (int i = 0; i < (*options)->count; i++)
        if (!(*options)->items[i].asked)
            fail("unknown option --%s", (*options)->items[i].name);
    free((*options)->items);
    free(*options);
    *options = NULL;
}

/* NULL when it is not given. */
static const char *find(struct options *options, const char *name)
{
    for (int i = 0; i < options->count; i++) {
        if (strcmp(options->items[i].name, name) == 0) {
            options->items[i].asked = true;
            return options->items[i].value;
        }
    }
    return NULL;
}

const char *options_text(struct options *options, const char *name, const char *otherwise)
{
    const char *value = find(options, name);

    if (value == NULL && otherwise == NULL)
        fail("--%s is missing", name);
    return value != NULL ? value : otherwise;
}

int64_t options_int(struct options *options, const char *name, int64_t min, int64_t otherwise)
{
    const char *value = find(options, name);
    int64_t number = otherwise;

    if (value != NULL && !text_to_int(value, min, INT64_MAX, &number))
        fail("--%s must be a whole number, at least %lld", name, (long long)min);
    return number;
}

double options_double(struct options *options, const char *name, double otherwise)
{
    const char *value = find(options, name);
    char *end;

    if (value == NULL)
        return otherwise;
    double number = strtod(value, &end);
    if (*value == '\0' || *end != '\0' || !isfinite(number) || number < 0)
        fail("--%s must be a number, at least 0", name);
    return number;
}
