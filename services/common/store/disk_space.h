#ifndef COMMON_STORE_DISK_SPACE_H
#define COMMON_STORE_DISK_SPACE_H

#include <stdint.h>

/* Bytes that the programs may still write to the file system of a store (statvfs, f_bavail); -1:
 * not known, as for a database server or while the directory is missing. `url` is that of the
 * store. */
int64_t disk_space_free(const char *url);

#endif
