#ifndef COMMON_STORE_SQLITE_HEALTH_H
#define COMMON_STORE_SQLITE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

/*
 * Whether a SQLite file can still be trusted: that it is the file at its path, and that nothing has
 * shown that it is damaged. A process whose file was removed or replaced would go on writing to one
 * that nobody will ever read. A problem lasts until the process restarts. From any thread.
 */
struct sqlite_health;

/* Begins to watch the file at `path`, which exists; of the same name `sqlite3_db_filename` has. */
struct sqlite_health *sqlite_health_start(const char *path);
void sqlite_health_stop(struct sqlite_health **health);

/* From now on, the write-ahead log must stay, too: for a process that keeps a connection which has
 * written, so that SQLite does not delete the log. */
void sqlite_health_watch_log(struct sqlite_health *health);

/* What is wrong, for people and with the name of the file; NULL: nothing. Logged the first time.
 * Costs two system calls. */
const char *sqlite_health_problem(struct sqlite_health *health);

/* Data that contradicts itself was read. */
void sqlite_health_note_damage(struct sqlite_health *health, const char *what);

/* An operation of the connection failed: SQLite may have found that the file is damaged. */
void sqlite_health_note_failure(sqlite3 *handle);

#endif
