#ifndef MESSENGERCTL_CONSOLE_H
#define MESSENGERCTL_CONSOLE_H

#include <stdbool.h>

/*
 * The program's output: lines on standard output, errors on standard error, and a progress bar at
 * the bottom of a terminal. Control characters are replaced by question marks.
 */
void console_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "messengerctl: ..." */
void console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool console_is_terminal(void);

/* Draws the bar over the previous one; on a terminal only. "" removes it. */
void console_bar(const char *text);

#endif
