/* A directory of a test's own, and its removal with all that is in it. */
#ifndef UNIT_TEMP_DIR_H
#define UNIT_TEMP_DIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { TEMP_PATH_SIZE = 512 };

/* Makes it; the path is good until the next call. */
static inline const char *temp_dir_make(void)
{
    static char path[TEMP_PATH_SIZE];
    const char *root = getenv("TMPDIR");

    snprintf(path, sizeof(path), "%s/messenger-unit-XXXXXX", root != NULL ? root : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void temp_dir_remove(const char *path)
{
    DIR *dir = opendir(path);
    char inner[TEMP_PATH_SIZE];

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int n = snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (n > 0 && (size_t)n < sizeof(inner) && unlink(inner) != 0)
            temp_dir_remove(inner);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

static inline void temp_file_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#endif
