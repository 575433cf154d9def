#include "services/messengerctl/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static char bar[LINE_SIZE]; /* what stands at the bottom, or "" */

bool console_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

static void draw_line(const char *text)
{
    printf("\r%s\033[K", text);
    fflush(stdout);
}

void console_bar(const char *text)
{
    if (!console_is_terminal() || (*text == '\0' && *bar == '\0'))
        return;
    snprintf(bar, sizeof(bar), "%s", text);
    draw_line(bar);
}

/* Text from a store must not control the terminal. */
static void print_line(FILE *out, const char *prefix, const char *format, va_list args)
{
    char text[LINE_SIZE];

    vsnprintf(text, sizeof(text), format, args);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (*bar != '\0')
        draw_line("");
    fprintf(out, "%s%s\n", prefix, text);
    fflush(out);
    if (*bar != '\0')
        draw_line(bar);
}

void console_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(stdout, "", format, args);
    va_end(args);
}

void console_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(stderr, "messengerctl: ", format, args);
    va_end(args);
}
