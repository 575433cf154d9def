#ifndef MESSENGERCTL_HELP_H
#define MESSENGERCTL_HELP_H

/* Prints what --help shows. */
void help_print(void);

#endif
