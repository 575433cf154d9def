#include "services/messengerctl/stores/tally.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "services/messengerctl/console.h"

enum { TEXT_SIZE = 512 };

void tally_difference(struct tally *tally, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    if (++tally->differing > TALLY_PRINTED_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    console_line("  %s", text);
    if (tally->differing == TALLY_PRINTED_MAX)
        console_line("  (further differences in %s are only counted)", tally->what);
}

void tally_count(struct tally *tally, const void *in_a, const void *in_b, const char *name)
{
    tally->in_a += in_a != NULL;
    tally->in_b += in_b != NULL;
    if (in_a == NULL || in_b == NULL)
        tally_difference(tally, "%s is in %s only", name, in_a != NULL ? "A" : "B");
}

void tally_print(const struct tally *tally)
{
    if (tally->differing == 0)
        console_line("%s: %" PRIu64 ", all the same", tally->what, tally->in_a);
    else
        console_line("%s: %" PRIu64 " in A, %" PRIu64 " in B; %" PRIu64 " differences", tally->what,
                     tally->in_a, tally->in_b, tally->differing);
}
