#ifndef COMMON_STORE_SQLITE_BACKUP_H
#define COMMON_STORE_SQLITE_BACKUP_H

#include <stdbool.h>

#include "services/common/base/buffer.h"
#include "services/common/base/status.h"

/* Copies of SQLite files, for backups. Each failure is explained in `why`, for people. */

/*
 * Writes a copy of the file `from`, which may be in use, as of one moment, to the new file `to`
 * (mode 0600), reads it back (PRAGMA integrity_check), and flushes it to the disk. On failure there
 * is no file `to`. STATUS_NOT_FOUND: there is no file `from`, and none was created;
 * STATUS_UNAVAILABLE for any other failure.
 */
enum status sqlite_backup_make(const char *from, const char *to, struct buffer *why) MUST_CHECK;

/*
 * Whether a process has the file open; false also when there is none. When it is not in use, its
 * log is checkpointed and removed. STATUS_UNAVAILABLE: cannot be determined, as of a damaged file.
 */
enum status sqlite_backup_in_use(const char *path, bool *in_use_out, struct buffer *why) MUST_CHECK;

#endif
