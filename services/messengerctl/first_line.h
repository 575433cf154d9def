#ifndef MESSENGERCTL_FIRST_LINE_H
#define MESSENGERCTL_FIRST_LINE_H

/* The first line of a file, without its end, at most 4095 bytes of it; "" when there is none. A new
 * string, which the caller frees; NULL with errno when the file cannot be read. */
char *first_line_read(const char *path);

#endif
