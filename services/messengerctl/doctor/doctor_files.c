#include "services/messengerctl/doctor/doctor_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/memory.h"

enum { GROUP_READS = S_IRGRP | S_IWGRP, OTHERS_READ = S_IROTH | S_IWOTH };

/* With the log and the index of SQLite, and what `make run` keeps beside a store. */
static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
static const char *const secrets[] = { "jwt.key", "secrets" };

/* The caller frees it. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Adds to `*bits`; a file that is missing has none. `path_take` is freed. */
static void add_mode(char *path_take, mode_t *bits)
{
    struct stat info;

    if (stat(path_take, &info) == 0)
        *bits |= info.st_mode;
    free(path_take);
}

/* What the modes of all the files allow to anybody. */
static mode_t modes_of(const char *directory, const char *const *paths, size_t count)
{
    mode_t bits = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof(suffixes) / sizeof(suffixes[0]); j++)
            add_mode(xasprintf("%s%s", paths[i], suffixes[j]), &bits);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        add_mode(xasprintf("%s/%s", directory, secrets[i]), &bits);
    return bits;
}

static void judge(struct doctor_report *report, const char *setting, const char *directory,
                  mode_t entry, mode_t files)
{
    if ((entry & S_IWOTH) != 0 || ((entry & S_IXOTH) != 0 && (files & OTHERS_READ) != 0))
        doctor_report_add(report, DOCTOR_BAD, setting,
                          "every account of this machine may read or replace the store in %s: "
                          "chmod -R go-rwx it",
                          directory);
    else if ((entry & S_IWGRP) != 0 || ((entry & S_IXGRP) != 0 && (files & GROUP_READS) != 0))
        doctor_report_add(report, DOCTOR_WARN, setting,
                          "the group of the store in %s may read or replace it: chmod -R go-rwx it",
                          directory);
    else if ((entry & (S_IROTH | S_IXOTH)) != 0)
        doctor_report_add(report, DOCTOR_WARN, setting,
                          "every account of this machine may enter %s, and read any copy there "
                          "that is not closed: chmod go-rwx it",
                          directory);
    else
        doctor_report_add(report, DOCTOR_OK, setting, "%s is for its owner only", directory);
}

void doctor_files_check_stores(struct doctor_report *report, const char *setting,
                               const char *const *paths, size_t count)
{
    char *directory = directory_of(paths[0]);
    struct stat entry;

    if (stat(directory, &entry) == 0)
        judge(report, setting, directory, entry.st_mode, modes_of(directory, paths, count));
    else if (errno == ENOENT)
        doctor_report_add(report, DOCTOR_OK, setting, "%s does not exist on this machine",
                          directory);
    else
        doctor_report_add(report, DOCTOR_WARN, setting,
                          "%s cannot be checked (%s): run this as its owner", directory,
                          strerror(errno));
    free(directory);
}
