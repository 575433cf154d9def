#ifndef MESSENGERCTL_VERIFY_H
#define MESSENGERCTL_VERIFY_H

#include <stdbool.h>

#include "services/messengerctl/installation.h"

/*
 * Compares everything of two installations: users, pictures, tokens that are revoked and have not
 * expired, dialogs, messages, user sequences. Prints the first few differences of each kind and
 * totals. STATUS_CONFLICT: they differ. Other failures are printed.
 */
enum status verify_run(struct installation *a, struct installation *b) MUST_CHECK;

#endif
