/*
 * Preloaded into a program: a disk that is full, slow or broken, a clock that is wrong, and a
 * record of what a loss of power would take.
 *
 * CHAOS_CONTROL names a file of five native 64-bit numbers, which shim.py changes while the
 * program runs: disk full (0 or 1), milliseconds that a sync takes longer, milliseconds that the
 * wall clock is ahead, journal (0 or 1), syncs fail with EIO (0 or 1). CHAOS_DATA names the
 * directory whose regular files are on that disk.
 *
 * While `journal` is 1, each write, change of a length and sync of those files is appended to the
 * file that CHAOS_JOURNAL names, as a struct record; unsynced.py reads it after the program was
 * killed. Not of `*-shm`, which a store makes again after a loss of power.
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
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { FD_PATH_SIZE = 40, NS_PER_MS = 1000000, MS_PER_S = 1000 };

struct control {
    volatile int64_t disk_full, sync_delay_ms, clock_offset_ms, journal, sync_error;
};

enum record_kind { WRITTEN, RESIZED, SYNCED, SYNC_FAILED };

/* Followed by what was in the file before, `before` bytes, and by what was written, `after` bytes.
 * `time`, of the monotonic clock in nanoseconds, is when the operation began. */
struct record {
    int64_t time, device, inode, kind, offset, size_before, size_after, before, after;
};

static const struct control untouched;
static const struct control *control = &untouched;
static char data_directory[PATH_MAX];
static size_t data_length;
static const char *journal_path;

__attribute__((constructor)) static void shim_init(void)
{
    const char *path = getenv("CHAOS_CONTROL"), *data = getenv("CHAOS_DATA");

    journal_path = getenv("CHAOS_JOURNAL");

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

/* Its path, at least PATH_MAX bytes, without a NUL; 0 if it is no file of the disk. errno as it
 * was, whatever is asked meanwhile. */
static size_t data_file_path(int fd, char *path)
{
    char link[FD_PATH_SIZE];
    struct stat status;
    int saved = errno;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX);
    bool inside = data_length > 0 && length > (ssize_t)data_length &&
                  memcmp(path, data_directory, data_length) == 0 && path[data_length] == '/' &&
                  fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    errno = saved;
    return inside ? (size_t)length : 0;
}

static bool is_data_file(int fd)
{
    char path[PATH_MAX];

    return data_file_path(fd, path) > 0;
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

/* --- the journal ---------------------------------------------------------------------------- */

static bool is_journaled(int fd)
{
    char path[PATH_MAX];
    size_t length = control->journal != 0 && journal_path != NULL ? data_file_path(fd, path) : 0;

    return length > 4 && memcmp(path + length - 4, "-shm", 4) != 0;
}

static struct record begin_record(int fd, enum record_kind kind)
{
    struct timespec now;
    struct stat status = { 0 };

    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    fstat(fd, &status);
    return (struct record){ .time = now.tv_sec * (int64_t)NS_PER_MS * MS_PER_S + now.tv_nsec,
                            .device = (int64_t)status.st_dev,
                            .inode = (int64_t)status.st_ino,
                            .kind = kind,
                            .size_before = status.st_size,
                            .size_after = status.st_size };
}

/* What is in the file from `offset` on; `record->before` becomes its length. */
static void *read_before(int fd, struct record *record, int64_t offset, size_t length)
{
    char link[FD_PATH_SIZE], *bytes = malloc(length + 1);

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    int readable = open(link, O_RDONLY | O_CLOEXEC); /* `fd` may be for writing only */
    ssize_t got = readable < 0 ? -1 : pread64(readable, bytes, length, offset);
    if (readable >= 0)
        close(readable);
    record->offset = offset;
    record->before = got > 0 ? got : 0;
    return bytes;
}

/* With one system call, so that records of several threads do not mix. errno stays. */
static void append_record(struct record *record, void *before, const void *after)
{
    int saved = errno, fd = open(journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct iovec parts[] = { { record, sizeof(*record) },
                             { before, (size_t)record->before },
                             { (void *)(uintptr_t)after, (size_t)record->after } };

    if (fd < 0 || syscall(SYS_writev, fd, parts, 3) < 0)
        fprintf(stderr, "fault_shim: %s: %s\n", journal_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(before);
    errno = saved;
}

static void end_record(int fd, struct record *record, void *before, const void *after)
{
    struct stat status;

    if (fstat(fd, &status) == 0)
        record->size_after = status.st_size;
    append_record(record, before, after);
}

/* Without a position of its own (`offset` < 0) it goes where the file's is. */
static ssize_t write_at(int fd, const void *data, size_t length, off64_t offset)
{
    return offset < 0 ? syscall(SYS_write, fd, data, length)
                      : syscall(SYS_pwrite64, fd, data, length, offset);
}

static ssize_t do_write(int fd, const void *data, size_t length, off64_t offset)
{
    if (has_no_room(fd)) {
        errno = ENOSPC;
        return -1;
    }
    if (!is_journaled(fd))
        return write_at(fd, data, length, offset);
    struct record record = begin_record(fd, WRITTEN);
    off64_t at = offset < 0 ? lseek64(fd, 0, SEEK_CUR) : offset;
    void *before = read_before(fd, &record, at, length);
    ssize_t written = write_at(fd, data, length, offset);
    record.after = written > 0 ? written : 0;
    if (record.before > record.after)
        record.before = record.after;
    end_record(fd, &record, before, data);
    return written;
}

EXPORT ssize_t write(int fd, const void *data, size_t length)
{
    return do_write(fd, data, length, -1);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return do_write(fd, data, length, offset);
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
    if (!is_journaled(fd))
        return (int)syscall(SYS_ftruncate, fd, length);
    struct record record = begin_record(fd, RESIZED);
    size_t cut = record.size_before > length ? (size_t)(record.size_before - length) : 0;
    void *before = read_before(fd, &record, length, cut);
    int failed = (int)syscall(SYS_ftruncate, fd, length);
    end_record(fd, &record, before, NULL);
    return failed;
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
    if (!is_journaled(fd))
        return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    struct record record = begin_record(fd, RESIZED);
    int failed = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    end_record(fd, &record, NULL, NULL);
    return failed;
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

/* A sync that fails leaves the pages unwritten and clean, as Linux does: the next one succeeds and
 * writes none of them. */
static int do_sync(int fd, long call)
{
    bool journaled = is_journaled(fd), broken = control->sync_error != 0 && is_data_file(fd);
    struct record record = { 0 };

    if (journaled)
        record = begin_record(fd, broken ? SYNC_FAILED : SYNCED);
    wait_for_the_disk(fd);
    int failed = broken ? -1 : (int)syscall(call, fd);
    if (broken)
        errno = EIO;
    if (journaled && (broken || failed == 0))
        append_record(&record, NULL, NULL);
    return failed;
}

EXPORT int fsync(int fd)
{
    return do_sync(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return do_sync(fd, SYS_fdatasync);
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
