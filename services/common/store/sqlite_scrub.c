#define _GNU_SOURCE /* SCHED_IDLE */
#include "services/common/store/sqlite_scrub.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

#define CHECKED_MAX_BYTES ((int64_t)1 << 30)

enum { PROGRESS_STEPS = 1000 /* of SQLite's virtual machine, between two looks at `stopping` */ };

struct sqlite_scrub {
    struct sqlite_conn *conn;
    pthread_t thread;
    atomic_bool stopping;
};

static int is_stopping(void *arg)
{
    const struct sqlite_scrub *scrub = arg;
    return scrub->stopping;
}

static int64_t file_bytes(struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    int64_t bytes = 0;

    if (s != NULL && sqlite_step(s) == SQLITE_ROW) {
        bytes = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    return bytes;
}

static void check(struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(conn, "PRAGMA quick_check(1)");

    if (s == NULL || sqlite_step(s) != SQLITE_ROW)
        return; /* interrupted, or noted by sqlite_step */
    const char *verdict = sqlite_column_text_or_empty(s, 0);
    if (strcmp(verdict, "ok") != 0 && sqlite_conn_note_damage(conn, verdict) != STATUS_OK)
        log_debug("sqlite: the check has found damage");
    sqlite3_reset(s);
}

static void run_scrub(void *arg)
{
    struct sqlite_scrub *scrub = arg;
    struct sched_param none = { 0 };

    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none); /* a refusal is harmless */
    int64_t bytes = file_bytes(scrub->conn);
    if (bytes > CHECKED_MAX_BYTES)
        log_info("sqlite: a file of %" PRId64 " MiB is not checked at the start", bytes >> 20);
    else
        check(scrub->conn);
}

struct sqlite_scrub *sqlite_scrub_start(struct sqlite_db *db)
{
    struct sqlite_conn *conn = sqlite_conn_open(db, NULL);

    if (conn == NULL)
        return NULL;
    struct sqlite_scrub *scrub = xcalloc(1, sizeof(*scrub));
    scrub->conn = conn;
    sqlite3_progress_handler(sqlite_conn_handle(conn), PROGRESS_STEPS, is_stopping, scrub);
    scrub->thread = thread_start("sqlite-scrub", run_scrub, scrub);
    return scrub;
}

void sqlite_scrub_stop(struct sqlite_scrub **scrub)
{
    struct sqlite_scrub *s = *scrub;

    if (s == NULL)
        return;
    s->stopping = true;
    sqlite3_interrupt(sqlite_conn_handle(s->conn));
    pthread_join(s->thread, NULL);
    sqlite_conn_close(&s->conn);
    free(s);
    *scrub = NULL;
}
