#ifndef COMMON_STORE_SQLITE_SCRUB_H
#define COMMON_STORE_SQLITE_SCRUB_H

#include "services/common/store/sqlite_db.h"

/*
 * Checks the structure of a file once, on a thread of its own with the lowest priority, so that
 * damage is known before somebody reads it: SQLite checks only the pages that it reads. The result
 * is in sqlite_db_problem. A file of more than 1 GiB is not checked, which is logged: its log could
 * not be emptied meanwhile, and the page cache of the system would be lost.
 */
struct sqlite_scrub;

/* `db` is borrowed until the stop. NULL, logged, when the file cannot be opened. */
struct sqlite_scrub *sqlite_scrub_start(struct sqlite_db *db);

/* Interrupts the check. NULL is allowed. */
void sqlite_scrub_stop(struct sqlite_scrub **scrub);

#endif
