#ifndef COMMON_STORE_DISK_SPACE_H
#define COMMON_STORE_DISK_SPACE_H

#include <stdbool.h>
#include <stdint.h>

/* The file system of a store. */
struct disk_space {
    int64_t free_bytes; /* that the programs may still write (statvfs, f_bavail) */
    int64_t low_bytes;  /* with less it is low: what was wanted, and at most a tenth of its size */
};

/* `url` is that of the store. False: not known, as for a database server or while the directory is
 * missing. */
bool disk_space_look(const char *url, int64_t wanted_low_bytes, struct disk_space *space_out);

/* Whether the space is known, and low. `wanted_low_bytes` 0: it never is. */
bool disk_space_is_low(const char *url, int64_t wanted_low_bytes);

#endif
