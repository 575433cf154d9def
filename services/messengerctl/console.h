#ifndef MESSENGERCTL_CONSOLE_H
#define MESSENGERCTL_CONSOLE_H

#include <stdbool.h>

/*
 * The program's output: lines on standard output, errors on standard error, and a progress bar at
 * the bottom of a terminal. Names and texts of a store must not control the terminal, so control
 * characters (also C1 and those of text direction) and ill-formed UTF-8 become question marks.
 */
void console_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "messengerctl: ..." */
void console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of JSON, well-formed; such characters in its strings are escaped as \uXXXX. */
void console_json(const char *json);

/* Replaces such characters in place. */
void console_clean(char *text);

/* False when something could not be written to standard output. */
bool console_is_written(void);

bool console_is_terminal(void);

/* Draws the bar over the previous one; on a terminal only. "" removes it. */
void console_bar(const char *text);

#endif
