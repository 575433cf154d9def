#include "services/messengerctl/stores/backup_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "services/messengerctl/console.h"

enum { SMALL_MAX = 4096 };

static enum status fail(const char *path)
{
    console_error("%s: %s", path, strerror(errno));
    return STATUS_UNAVAILABLE;
}

char *backup_files_path(const char *directory, const char *name)
{
    return xasprintf("%s/%s", directory, name);
}

bool backup_files_exists(const char *directory, const char *name)
{
    char *path = backup_files_path(directory, name);
    bool exists = access(path, F_OK) == 0;

    free(path);
    return exists;
}

static bool is_empty(const char *directory)
{
    DIR *list = opendir(directory);
    bool empty = list != NULL;

    for (const struct dirent *entry; empty && (entry = readdir(list)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (list != NULL)
        closedir(list);
    return empty;
}

enum status backup_files_make_directory(const char *directory)
{
    if (mkdir(directory, 0700) == 0)
        return STATUS_OK;
    if (errno != EEXIST)
        return fail(directory);
    if (is_empty(directory))
        return STATUS_OK;
    console_error("%s is there already, and not empty", directory);
    return STATUS_ALREADY_EXISTS;
}

void backup_files_remove_directory(const char *directory)
{
    if (rmdir(directory) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
        console_error("%s: %s", directory, strerror(errno));
}

static enum status write_small(const char *path, const char *data, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fail(path);
    bool written = write(file, data, length) == (ssize_t)length && fsync(file) == 0;
    enum status status = written ? STATUS_OK : fail(path);

    close(file);
    return status;
}

enum status backup_files_copy_small(const char *from_directory, const char *to_directory,
                                    const char *name)
{
    char *from = backup_files_path(from_directory, name),
         *to = backup_files_path(to_directory, name);
    char data[SMALL_MAX];
    enum status status = STATUS_OK;
    int file = open(from, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        status = errno == ENOENT ? STATUS_OK : fail(from);
    } else {
        ssize_t length = read(file, data, sizeof(data));
        close(file);
        status = length < 0 ? fail(from) : write_small(to, data, (size_t)length);
        memory_wipe(data, sizeof(data));
    }
    free(from);
    free(to);
    return status;
}

enum status backup_files_move(const char *from_directory, const char *to_directory,
                              const char *name)
{
    char *from = backup_files_path(from_directory, name),
         *to = backup_files_path(to_directory, name);
    enum status status = STATUS_OK;

    if (rename(from, to) != 0 && errno != ENOENT)
        status = fail(from);
    free(from);
    free(to);
    return status;
}

void backup_files_remove(const char *directory, const char *name)
{
    char *path = backup_files_path(directory, name);

    if (unlink(path) != 0 && errno != ENOENT)
        console_error("%s: %s", path, strerror(errno));
    free(path);
}

enum status backup_files_flush_directory(const char *directory)
{
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return fail(directory);
    enum status status = fsync(file) == 0 ? STATUS_OK : fail(directory);

    close(file);
    return status;
}
