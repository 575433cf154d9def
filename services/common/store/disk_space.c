#include "services/common/store/disk_space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "services/common/base/memory.h"

#define SQLITE "sqlite://"

enum { PART_OF_DISK = 10 };

bool disk_space_look(const char *url, int64_t wanted_low_bytes, struct disk_space *space_out)
{
    struct statvfs info;

    if (strncmp(url, SQLITE, strlen(SQLITE)) != 0)
        return false;
    char *directory = xstrdup(url + strlen(SQLITE));
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        slash[slash == directory] = '\0';
    int result = statvfs(slash != NULL ? directory : ".", &info);
    free(directory);
    if (result != 0)
        return false;
    int64_t block = (int64_t)info.f_frsize, part = (int64_t)info.f_blocks * block / PART_OF_DISK;
    space_out->free_bytes = (int64_t)info.f_bavail * block;
    space_out->low_bytes = part < wanted_low_bytes ? part : wanted_low_bytes;
    return true;
}

bool disk_space_is_low(const char *url, int64_t wanted_low_bytes)
{
    struct disk_space space;

    return wanted_low_bytes > 0 && disk_space_look(url, wanted_low_bytes, &space) &&
           space.free_bytes < space.low_bytes;
}
