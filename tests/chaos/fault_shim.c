/*
 * Preloaded into a program: a disk that is full or slow, and a clock that is wrong.
 *
 * CHAOS_CONTROL names a file of three native 64-bit numbers, which shim.py changes while the
 * program runs: disk full (0 or 1), milliseconds that a sync takes longer, milliseconds that the
 * wall clock is ahead. CHAOS_DATA names the directory whose regular files are on that disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { FD_PATH_SIZE = 40, NS_PER_MS = 1000000, MS_PER_S = 1000 };

struct control {
    volatile int64_t disk_full, sync_delay_ms, clock_offset_ms;
};

static const struct control untouched;
static const struct control *control = &untouched;
static char data_directory[PATH_MAX];
static size_t data_length;

__attribute__((constructor)) static void shim_init(void)
{
    const char *path = getenv("CHAOS_CONTROL"), *data = getenv("CHAOS_DATA");

    if (data == NULL || realpath(data, data_directory) == NULL)
        data_directory[0] = '\0';
    data_length = strlen(data_directory);
    if (path == NULL)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "fault_shim: %s: %s\n", path, strerror(errno));
        _exit(127);
    }
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

/* --- the disk ------------------------------------------------------------------------------ */

/* errno as it was, whatever is asked meanwhile. */
static bool is_data_file(int fd)
{
    char link[FD_PATH_SIZE], path[PATH_MAX];
    struct stat status;
    int saved = errno;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    bool inside = data_length > 0 && length > (ssize_t)data_length &&
                  memcmp(path, data_directory, data_length) == 0 && path[data_length] == '/' &&
                  fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    errno = saved;
    return inside;
}

static bool has_no_room(int fd)
{
    return control->disk_full != 0 && is_data_file(fd);
}

static bool grows(int fd, off_t length)
{
    struct stat status;

    return fstat(fd, &status) == 0 && length > status.st_size;
}

EXPORT ssize_t write(int fd, const void *data, size_t length)
{
    if (has_no_room(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, data, length);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    if (has_no_room(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, length, offset);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return pwrite64(fd, data, length, offset);
}

EXPORT int ftruncate64(int fd, off64_t length)
{
    if (has_no_room(fd) && grows(fd, length)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}

EXPORT int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    if (has_no_room(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return fallocate64(fd, mode, offset, length);
}

/* Returns the error instead of setting errno. */
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t length)
{
    return posix_fallocate64(fd, offset, length);
}

static void wait_for_the_disk(int fd)
{
    int64_t ms = control->sync_delay_ms;

    if (ms <= 0 || !is_data_file(fd))
        return;
    struct timespec pause = { .tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS };
    nanosleep(&pause, NULL);
}

EXPORT int fsync(int fd)
{
    wait_for_the_disk(fd);
    return (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    wait_for_the_disk(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

/* --- the clock ------------------------------------------------------------------------------ */

static void shift(struct timespec *at, int64_t ms)
{
    int64_t ns = at->tv_nsec + ms % MS_PER_S * NS_PER_MS;
    int64_t carry = ns < 0 ? -1 : ns / (NS_PER_MS * MS_PER_S);

    at->tv_sec += ms / MS_PER_S + carry;
    at->tv_nsec = ns - carry * NS_PER_MS * MS_PER_S;
}

/* Not through the vDSO: a little slower, but nothing to look up before main. */
EXPORT int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, id, now);

    if (failed == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        shift(now, control->clock_offset_ms);
    return failed;
}

EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    *now = (struct timeval){ .tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / MS_PER_S };
    return 0;
}

EXPORT time_t time(time_t *out)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    if (out != NULL)
        *out = at.tv_sec;
    return at.tv_sec;
}

/*
 * The kernel waits by its own clock, so a deadline read from ours is taken back to it. In glibc the
 * second bit of __wrefs says that the condition waits by the monotonic clock, which is not ours.
 */
EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict deadline)
{
    enum { BY_MONOTONIC_CLOCK = 2 };
    clockid_t id =
        (cond->__data.__wrefs & BY_MONOTONIC_CLOCK) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    struct timespec real = *deadline;

    if (id == CLOCK_REALTIME)
        shift(&real, -control->clock_offset_ms);
    return pthread_cond_clockwait(cond, mutex, id, &real);
}
