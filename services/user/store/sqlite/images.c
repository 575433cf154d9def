#include "services/user/store/sqlite/images.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/user/store/sqlite/handle.h"

struct drop_job {
    struct sqlite_job head;
    const char *name;
};

static enum status run_drop(struct sqlite_job *head, struct sqlite_conn *conn)
{
    sqlite3_stmt *s = sqlite_conn_prepare(
        conn,
        "DELETE FROM image WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM user WHERE img = ?1)");

    if (s == NULL)
        return STATUS_UNAVAILABLE;
    sqlite_bind_text(s, 1, ((const struct drop_job *)head)->name);
    return sqlite_step(s) == SQLITE_DONE ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status user_sqlite_images_drop(struct user_store *store, const char *name)
{
    struct drop_job job = { { .run = run_drop }, name };
    return sqlite_writer_run(user_sqlite_handle(store)->writer, &job.head);
}

/* Through an index that has both columns, so that no picture is read. */
enum status user_sqlite_images_unused(struct user_store *store, int64_t before_ms, size_t max,
                                      struct user_image_names *names_out)
{
    struct sqlite_db *db = user_sqlite_handle(store)->db;
    struct sqlite_conn *conn = sqlite_db_borrow(db);
    sqlite3_stmt *s =
        conn != NULL
            ? sqlite_conn_prepare(conn, "SELECT name FROM image WHERE stored < ?1 AND NOT EXISTS"
                                        " (SELECT 1 FROM user WHERE img = name) LIMIT ?2")
            : NULL;
    int result = SQLITE_ERROR;

    *names_out = (struct user_image_names){ xcalloc(max, sizeof(*names_out->items)), 0 };
    if (s != NULL) {
        sqlite3_bind_int64(s, 1, before_ms);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)max);
        while ((result = sqlite_step(s)) == SQLITE_ROW)
            sqlite_column_copy(s, 0, names_out->items[names_out->count++].name, USER_IMAGE_SIZE);
    }
    if (conn != NULL)
        sqlite_db_give_back(db, conn);
    if (result == SQLITE_DONE)
        return STATUS_OK;
    free(names_out->items);
    *names_out = (struct user_image_names){ NULL, 0 };
    return STATUS_UNAVAILABLE;
}
