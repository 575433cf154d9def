#include "services/common/store/disk_space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "services/common/base/memory.h"

#define SQLITE "sqlite://"

int64_t disk_space_free(const char *url)
{
    struct statvfs info;

    if (strncmp(url, SQLITE, strlen(SQLITE)) != 0)
        return -1;
    char *directory = xstrdup(url + strlen(SQLITE));
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        slash[slash == directory] = '\0';
    int result = statvfs(slash != NULL ? directory : ".", &info);
    free(directory);
    return result == 0 ? (int64_t)info.f_bavail * (int64_t)info.f_frsize : -1;
}
