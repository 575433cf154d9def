#include "services/common/store/sqlite_layer.h"

#include <pthread.h>
#include <string.h>

#include "services/common/base/log.h"

/*
 * SQLite's own VFS keeps its file in the memory that the caller of xOpen has allocated; a file
 * begins with a pointer to the table of its functions. Ours follows it and begins with such a
 * table.
 */
static size_t aligned_size(size_t size)
{
    const size_t align = _Alignof(max_align_t);
    return (size + align - 1) / align * align;
}

struct sqlite_layer_file *sqlite_layer_file_of(sqlite3_file *file)
{
    return (struct sqlite_layer_file *)file->pMethods;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *flags_out)
{
    struct sqlite_layer *layer = (struct sqlite_layer *)vfs;
    int result = layer->plain->xOpen(layer->plain, name, file, flags, flags_out);

    if (result != SQLITE_OK)
        return result;
    size_t place = (size_t)vfs->szOsFile - layer->file_size;
    struct sqlite_layer_file *ours = (struct sqlite_layer_file *)((char *)file + place);
    memset(ours, 0, layer->file_size);
    ours->plain = file->pMethods;
    ours->methods = *file->pMethods;
    file->pMethods = &ours->methods;
    layer->opened(file, name, flags);
    return SQLITE_OK;
}

/* Functions that the layer does not replace receive the layer as their VFS: it is a copy. */
static bool register_layer(struct sqlite_layer *layer)
{
    sqlite3_vfs *plain = sqlite3_vfs_find(NULL);

    if (plain == NULL)
        return false;
    layer->vfs = *plain;
    layer->vfs.zName = layer->name;
    layer->vfs.szOsFile = (int)(aligned_size((size_t)plain->szOsFile) + layer->file_size);
    layer->vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&layer->vfs, 0) != SQLITE_OK)
        return false;
    layer->plain = plain;
    return true;
}

bool sqlite_layer_supports(int version)
{
    return version >= SQLITE_LAYER_VERSION_MIN && version < SQLITE_LAYER_VERSION_END;
}

const char *sqlite_layer_use(struct sqlite_layer *layer)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    if (!sqlite_layer_supports(sqlite3_libversion_number())) {
        log_warn("sqlite %s has not been tested with the layer \"%s\": writing without it",
                 sqlite3_libversion(), layer->name);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    bool is_registered = layer->plain != NULL || register_layer(layer);
    pthread_mutex_unlock(&lock);
    if (is_registered)
        return layer->name;
    log_warn("sqlite: cannot register the layer \"%s\": writing without it", layer->name);
    return NULL;
}
