#include "services/messengerctl/stores/backup.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "services/common/base/buffer.h"
#include "services/common/store/sqlite_backup.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/stores/backup_files.h"

static enum status copy_store(const char *data, const char *directory, const char *name)
{
    char *from = backup_files_path(data, name), *to = backup_files_path(directory, name);
    struct buffer why = { 0 };
    struct stat copy;

    enum status status = sqlite_backup_make(from, to, &why);
    if (status != STATUS_OK)
        console_error("%s", buffer_text(&why));
    else if (stat(to, &copy) == 0)
        console_line("%s: copied and read back, %lld KiB", name, (long long)copy.st_size / 1024);
    buffer_finish(&why);
    free(from);
    free(to);
    return status;
}

static void remove_all(const char *directory)
{
    backup_files_remove(directory, BACKUP_MESSAGES);
    backup_files_remove(directory, BACKUP_USERS);
    backup_files_remove(directory, BACKUP_KEY);
    backup_files_remove_directory(directory);
}

enum status backup_make(const char *data, const char *directory)
{
    enum status status = backup_files_make_directory(directory);

    if (status != STATUS_OK)
        return status;
    status = copy_store(data, directory, BACKUP_MESSAGES);
    if (status == STATUS_OK)
        status = copy_store(data, directory, BACKUP_USERS);
    if (status == STATUS_OK)
        status = backup_files_copy_small(data, directory, BACKUP_KEY);
    if (status == STATUS_OK)
        status = backup_files_flush_directory(directory);
    if (status == STATUS_OK)
        console_line("the backup is in %s", directory);
    else
        remove_all(directory);
    return status;
}
