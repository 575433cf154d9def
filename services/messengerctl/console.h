#ifndef MESSENGERCTL_CONSOLE_H
#define MESSENGERCTL_CONSOLE_H

#include <stdbool.h>

/*
 * All that people see: lines on standard output, errors on standard error, and a bar at the bottom
 * of a terminal, which the lines leave whole. Control characters become question marks.
 */
void console_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "messengerctl: ..." */
void console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool console_is_terminal(void);

/* Draws the bar over the one before; on a terminal only. "" takes it away. */
void console_bar(const char *text);

#endif
