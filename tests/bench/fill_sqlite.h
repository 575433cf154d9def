#ifndef BENCH_FILL_SQLITE_H
#define BENCH_FILL_SQLITE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fills the SQLite stores of a messenger that does not run, as if so many people had used it for
 * long: row by row, in the order in which they would have been stored, but in one transaction and
 * without waiting for the disk. The tables are made by the stores themselves.
 */
struct fill {
    uint32_t users;      /* the last three are special, see below */
    uint32_t rounds;     /* messages of each conversation of the ring */
    uint32_t deep;       /* messages between the last but two and the last but one */
    uint32_t contacts;   /* users 0, 1... whom the last one has a dialog with, of 2 messages */
    uint32_t text_bytes; /* of a message */
    const char *password_hash;
};

/* In the ring, each user writes with the two that follow: two conversations a user. */
enum { FILL_SPECIAL_USERS = 3, FILL_RING_STEPS = 2, FILL_HUB_MESSAGES = 2 };

void fill_users(const struct fill *fill, const char *path);
void fill_messages(const struct fill *fill, const char *path);

/* --- what both are made with ------------------------------------------------------------- */

struct fill_db;

struct fill_db *fill_open(const char *path);
void fill_close(struct fill_db **db);

/* A statement, numbered from 0 on in the order of the calls. */
void fill_prepare(struct fill_db *db, const char *sql);

/* Binds by what `kinds` says of each: i int64_t, t const char *, b struct id *; then runs it. */
void fill_run(struct fill_db *db, size_t statement, const char *kinds, ...);

#endif
