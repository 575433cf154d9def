#ifndef MESSENGERCTL_STORES_BACKUP_FILES_H
#define MESSENGERCTL_STORES_BACKUP_FILES_H

#include <stdbool.h>

#include "services/common/base/status.h"

/* Files and directories of a backup. Failures are printed. */

#define BACKUP_MESSAGES "messages.db"
#define BACKUP_USERS "users.db"
#define BACKUP_KEY "jwt.key"

/* "<directory>/<name>"; the caller frees it. */
char *backup_files_path(const char *directory, const char *name);

bool backup_files_exists(const char *directory, const char *name);

/* Creates the directory (mode 0700), or accepts an empty one. */
enum status backup_files_make_directory(const char *directory) MUST_CHECK;

/* Removes an empty directory, if it is there and empty. */
void backup_files_remove_directory(const char *directory);

/* Copies a small file, mode 0600, and flushes it; STATUS_OK when there is none. */
enum status backup_files_copy_small(const char *from_directory, const char *to_directory,
                                    const char *name) MUST_CHECK;

/* Moves a file; STATUS_OK when there is none. */
enum status backup_files_move(const char *from_directory, const char *to_directory,
                              const char *name) MUST_CHECK;

/* Removes the file if it is there. */
void backup_files_remove(const char *directory, const char *name);

/* Makes the names in a directory durable. */
enum status backup_files_flush_directory(const char *directory) MUST_CHECK;

#endif
