#include "services/common/store/sqlite_paced_file.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "services/common/base/clock.h"
#include "services/common/store/sqlite_clean_file.h"
#include "services/common/store/sqlite_layer.h"

enum {
    STEP_US = 2000,
    STEP_MIN = 16 * 1024, /* bytes */
    STEP_MAX = 1024 * 1024,
    PAUSE_MAX_US = 20 * 1000, /* on a disk that is slow anyway */
};

struct sqlite_paced_file {
    struct sqlite_layer_file head;
    atomic_bool hurry;
    int64_t unsynced, step; /* bytes */
};

static struct sqlite_paced_file *in(sqlite3_file *file)
{
    return (struct sqlite_paced_file *)sqlite_layer_file_of(file);
}

static int sync_step(sqlite3_file *file)
{
    struct sqlite_paced_file *paced = in(file);
    int64_t begin_us = clock_mono_us();
    int result = paced->head.plain->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    int64_t took_us = clock_mono_us() - begin_us;

    if (took_us < STEP_US / 2 && paced->step < STEP_MAX)
        paced->step *= 2;
    else if (took_us > STEP_US * 2 && paced->step > STEP_MIN)
        paced->step /= 2;
    if (took_us > PAUSE_MAX_US)
        took_us = PAUSE_MAX_US;
    nanosleep(&(struct timespec){ .tv_nsec = took_us * 1000 }, NULL);
    return result;
}

static int write_paced(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct sqlite_paced_file *paced = in(file);
    int result = sqlite_clean_file_write(file, bytes, size, offset);

    paced->unsynced += size;
    if (result != SQLITE_OK || paced->unsynced < paced->step || atomic_load(&paced->hurry))
        return result;
    paced->unsynced = 0;
    return sync_step(file);
}

static void open_paced(sqlite3_file *file, const char *name, int flags)
{
    (void)name;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return;
    in(file)->step = STEP_MIN;
    in(file)->head.methods.xWrite = write_paced;
}

const char *sqlite_paced_file_layer(void)
{
    static struct sqlite_layer layer = {
        .name = "paced file",
        .file_size = sizeof(struct sqlite_paced_file),
        .opened = open_paced,
    };
    return sqlite_layer_use(&layer);
}

struct sqlite_paced_file *sqlite_paced_file_of(sqlite3 *handle)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file == NULL || file->pMethods->xWrite != write_paced)
        return NULL;
    return in(file);
}

void sqlite_paced_file_hurry(struct sqlite_paced_file *file, bool hurry)
{
    if (file != NULL)
        atomic_store(&file->hurry, hurry);
}
