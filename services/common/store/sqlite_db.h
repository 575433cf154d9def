#ifndef COMMON_STORE_SQLITE_DB_H
#define COMMON_STORE_SQLITE_DB_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "services/common/base/status.h"

/*
 * One SQLite file: WAL, synchronous=FULL, schema brought up to date when it is opened, and a pool
 * of connections for readers. Several processes may use the same file. All functions may be called
 * from any thread; a connection belongs to one thread at a time.
 */
struct sqlite_db;
struct sqlite_conn;
struct sqlite_health;

/* Opens or creates the file at `path`, and its directory. `migrations` are SQL scripts; the table
 * schema_version has the number of those applied, and the others are applied in one transaction.
 * Failures are logged.
 */
enum status sqlite_db_open(const char *path, const char *const *migrations, size_t migration_count,
                           struct sqlite_db **db_out) MUST_CHECK;
void sqlite_db_close(struct sqlite_db **db);

/* Why the file cannot be used any more, until a restart; NULL: it can (sqlite_health.h). */
const char *sqlite_db_problem(struct sqlite_db *db);
struct sqlite_health *sqlite_db_health(struct sqlite_db *db);

/* Data that contradicts itself was read: as SQLite does not checksum its pages, a damaged one may
 * look like a sound one with other rows. Returns STATUS_UNAVAILABLE. */
enum status sqlite_conn_note_damage(struct sqlite_conn *conn, const char *what);

/* A connection for reading; blocks while all are in use. NULL when the file cannot be opened or has
 * a problem. */
struct sqlite_conn *sqlite_db_borrow(struct sqlite_db *db);
void sqlite_db_give_back(struct sqlite_db *db, struct sqlite_conn *conn);

/* A connection owned by the caller; `layer` is the name of a layer (sqlite_layer.h), or NULL. NULL
 * when the file cannot be opened. */
struct sqlite_conn *sqlite_conn_open(struct sqlite_db *db, const char *layer);
void sqlite_conn_close(struct sqlite_conn **conn);

/* SQLite's own, borrowed. */
sqlite3 *sqlite_conn_handle(struct sqlite_conn *conn);

/*
 * The prepared statement of an SQL literal, reset and without bindings; kept with the connection
 * (found by the literal's address). NULL when it cannot be prepared, which is logged.
 */
sqlite3_stmt *sqlite_conn_prepare(struct sqlite_conn *conn, const char *sql_literal);

/* Runs statements without results; STATUS_UNAVAILABLE on failure, which is logged. */
enum status sqlite_conn_exec(struct sqlite_conn *conn, const char *sql) MUST_CHECK;

/* Steps: SQLITE_ROW, SQLITE_DONE or an error, which is logged. Resets unless it is a row. */
int sqlite_step(sqlite3_stmt *statement);

/* From now on only sqlite_conn_checkpoint checkpoints the log; `committed` is called after each
 * commit of this connection with the number of pages in the log. NULL: as before. */
void sqlite_conn_on_commit(struct sqlite_conn *conn, void (*committed)(void *ctx, int log_pages),
                           void *ctx);

/*
 * Checkpoints the log as far as readers allow, without waiting for them. Returns the number of
 * pages of the log that are in the file, counted from its beginning; 0 when another connection is
 * checkpointing, when sqlite3_interrupt ended it, or on failure, which is logged.
 */
int sqlite_conn_checkpoint(struct sqlite_conn *conn);

/* Checkpoints the whole log and empties its file, so that nothing of what was deleted is left in
 * it. STATUS_BUSY: a reader or another checkpoint prevents it now. Blocks; writers wait meanwhile
 * for what has been written last. */
enum status sqlite_db_empty_log(struct sqlite_db *db) MUST_CHECK;

int64_t sqlite_conn_last_rowid(struct sqlite_conn *conn);

/* Column as text, "" for NULL; borrowed until the next step. */
const char *sqlite_column_text_or_empty(sqlite3_stmt *statement, int column);

/* Binds text until the statement is run; `text` is borrowed until then. */
void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text);

/* Copies a text column, cut off at `size` with its NUL. */
void sqlite_column_copy(sqlite3_stmt *statement, int column, char *out, size_t size);

#endif
