#ifndef MESSENGERCTL_STORES_BACKUP_H
#define MESSENGERCTL_STORES_BACKUP_H

#include <stdbool.h>

#include "services/common/base/status.h"

/*
 * Backups of a SQLite installation: a directory with messages.db, users.db and, if the data
 * directory has one, jwt.key, the key of the tokens that `make run` keeps there. Progress and
 * failures are printed.
 */

/*
 * Copies the data directory `data`, which may be in use, to `directory`, which is created or empty.
 * Each store is copied as of one moment, messages before users, so that each user that a message
 * names is in the other file. Each copy is read back. After a failure, `directory` has no file of
 * this call.
 */
enum status backup_make(const char *data, const char *directory) MUST_CHECK;

/*
 * Puts a backup into the data directory `data`, which no service may use, with another epoch, so
 * that each client reads its lists again. What was there is moved to a directory in it, whose name
 * is printed. Without `force`, refuses if that would lose something: when the installed stores are
 * newer, are others, or cannot be read.
 */
enum status backup_restore(const char *data, const char *directory, bool force) MUST_CHECK;

#endif
