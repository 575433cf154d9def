#ifndef MESSENGERCTL_STORES_VERIFY_H
#define MESSENGERCTL_STORES_VERIFY_H

#include <stdbool.h>

#include "services/messengerctl/stores/installation.h"

/* Compares two installations: users, pictures, revoked tokens that have not expired, dialogs,
 * messages, user sequences. Prints the first differences of each kind, and totals. STATUS_CONFLICT
 * when they differ. Other failures are printed.
 */
enum status verify_run(struct installation *a, struct installation *b) MUST_CHECK;

#endif
