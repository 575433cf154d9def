#ifndef USER_STORE_SQLITE_UPDATES_H
#define USER_STORE_SQLITE_UPDATES_H

#include "services/common/store/sqlite_writer.h"
#include "services/user/store/user_store.h"

/* Changes of profiles in a SQLite file; each promises what user_store.h says of its namesake. */

enum status news_sqlite_update(struct sqlite_writer *writer, const char *key,
                               const struct user_update *wanted) MUST_CHECK;

enum status news_sqlite_announced(struct sqlite_writer *writer, const char *key,
                                  uint64_t revision) MUST_CHECK;

enum status news_sqlite_take_over(struct sqlite_writer *writer, const char *key,
                                  const struct user *user) MUST_CHECK;

#endif
