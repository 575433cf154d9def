#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/buffer.h"
#include "services/common/base/memory.h"
#include "services/common/store/sqlite_backup.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/stores/backup.h"
#include "services/messengerctl/stores/backup_files.h"
#include "services/messengerctl/stores/installation.h"

#define STAGE "restore.partial"

static const char *const names[] = {
    BACKUP_MESSAGES, BACKUP_MESSAGES "-wal", BACKUP_MESSAGES "-shm",
    BACKUP_USERS,    BACKUP_USERS "-wal",    BACKUP_USERS "-shm",
    BACKUP_KEY
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* --- may it be replaced? ------------------------------------------------------------------- */

static enum status check_unused(const char *data, const char *name, bool force)
{
    char *path = backup_files_path(data, name);
    struct buffer why = { 0 };
    bool in_use;

    enum status status = sqlite_backup_in_use(path, &in_use, &why);
    if (status == STATUS_OK && in_use) {
        console_error("%s is in use: stop the services first", path);
        status = STATUS_BUSY;
    } else if (status != STATUS_OK && force) {
        console_line("%s cannot be read (%s): replacing it", name, buffer_text(&why));
        status = STATUS_OK;
    } else if (status != STATUS_OK) {
        console_error("%s; --force replaces it", buffer_text(&why));
    }
    buffer_finish(&why);
    free(path);
    return status;
}

struct contents {
    char epoch[EPOCH_SIZE];
    struct message_store_counts messages;
    struct user_store_counts users;
};

static enum status read_contents(const char *directory, struct contents *contents_out)
{
    struct installation installation;
    char *url = xasprintf("sqlite://%s", directory);
    enum status status = STATUS_UNAVAILABLE;

    if (installation_name(&installation, url) && installation_open(&installation, true)) {
        status = message_store_epoch(installation.messages, contents_out->epoch);
        if (status == STATUS_OK)
            status = message_store_count(installation.messages, &contents_out->messages);
        if (status == STATUS_OK)
            status = user_store_count(installation.users, &contents_out->users);
    }
    installation_close(&installation);
    free(url);
    return status;
}

static bool is_newer(const struct contents *installed, const struct contents *backup)
{
    return installed->messages.changes > backup->messages.changes ||
           installed->messages.messages > backup->messages.messages ||
           installed->users.users > backup->users.users ||
           installed->users.images > backup->users.images ||
           installed->users.revoked > backup->users.revoked ||
           installed->users.changes > backup->users.changes;
}

/* Why the installed stores must not be replaced without --force; NULL: nothing is lost. */
static const char *find_loss(const char *data, const char *stage)
{
    struct contents installed = { .epoch = "" }, backup = { .epoch = "" };

    if (!backup_files_exists(data, BACKUP_MESSAGES) && !backup_files_exists(data, BACKUP_USERS))
        return NULL;
    if (!backup_files_exists(data, BACKUP_MESSAGES) || !backup_files_exists(data, BACKUP_USERS))
        return "one of the installed stores is missing";
    if (read_contents(data, &installed) != STATUS_OK)
        return "the installed stores cannot be read";
    if (read_contents(stage, &backup) != STATUS_OK)
        return "the backup cannot be read";
    if (strcmp(installed.epoch, backup.epoch) != 0)
        return "the installed stores are not those of which this is a backup";
    return is_newer(&installed, &backup) ? "the installed stores are newer than the backup" : NULL;
}

static enum status check_loss(const char *data, const char *stage, bool force)
{
    const char *loss = find_loss(data, stage);

    if (loss == NULL)
        return STATUS_OK;
    if (force) {
        console_line("%s: replacing them", loss);
        return STATUS_OK;
    }
    console_error("%s; --force replaces them", loss);
    return STATUS_CONFLICT;
}

/* --- the stage ------------------------------------------------------------------------------ */

static void clear_stage(const char *stage)
{
    for (size_t i = 0; i < NAMES; i++)
        backup_files_remove(stage, names[i]);
    backup_files_remove_directory(stage);
}

static enum status stage_store(const char *directory, const char *stage, const char *name)
{
    char *from = backup_files_path(directory, name), *to = backup_files_path(stage, name);
    struct buffer why = { 0 };

    enum status status = sqlite_backup_make(from, to, &why);
    if (status != STATUS_OK)
        console_error("%s", buffer_text(&why));
    buffer_finish(&why);
    free(from);
    free(to);
    return status;
}

static enum status fill_stage(const char *directory, const char *stage)
{
    enum status status = backup_files_make_directory(stage);

    if (status == STATUS_OK)
        status = stage_store(directory, stage, BACKUP_MESSAGES);
    if (status == STATUS_OK)
        status = stage_store(directory, stage, BACKUP_USERS);
    if (status == STATUS_OK)
        status = backup_files_copy_small(directory, stage, BACKUP_KEY);
    return status;
}

/* Migrates the stores, too. Closing them checkpoints and removes their logs. */
static enum status renew(const char *stage)
{
    struct installation installation;
    char *url = xasprintf("sqlite://%s", stage);
    enum status status = STATUS_UNAVAILABLE;

    if (installation_name(&installation, url) && installation_open(&installation, true))
        status = message_store_renew(installation.messages);
    installation_close(&installation);
    free(url);
    return status;
}

/* --- the exchange --------------------------------------------------------------------------- */

static char *new_attic(const char *data)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm parts;

    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", gmtime_r(&now, &parts));
    char *attic = xasprintf("%s/before-restore-%s", data, stamp);
    for (int n = 2; access(attic, F_OK) == 0; n++) {
        free(attic);
        attic = xasprintf("%s/before-restore-%s-%d", data, stamp, n);
    }
    return attic;
}

static bool is_replaced(const char *stage, const char *name)
{
    return strcmp(name, BACKUP_KEY) != 0 || backup_files_exists(stage, BACKUP_KEY);
}

static enum status keep_old(const char *data, const char *stage)
{
    char *attic = new_attic(data);
    enum status status = STATUS_OK;
    bool any = false;

    for (size_t i = 0; i < NAMES; i++)
        any = any || (is_replaced(stage, names[i]) && backup_files_exists(data, names[i]));
    if (any)
        status = backup_files_make_directory(attic);
    for (size_t i = 0; any && i < NAMES && status == STATUS_OK; i++)
        if (is_replaced(stage, names[i]))
            status = backup_files_move(data, attic, names[i]);
    if (any && status == STATUS_OK)
        status = backup_files_flush_directory(attic);
    if (any && status == STATUS_OK)
        console_line("what was there is in %s", attic);
    free(attic);
    return status;
}

static enum status exchange(const char *data, const char *stage)
{
    enum status status = keep_old(data, stage);

    for (size_t i = 0; i < NAMES && status == STATUS_OK; i++)
        status = backup_files_move(stage, data, names[i]);
    return status == STATUS_OK ? backup_files_flush_directory(data) : status;
}

static enum status check_backup(const char *directory)
{
    static const char *const needed[] = { BACKUP_MESSAGES, BACKUP_USERS };

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (backup_files_exists(directory, needed[i]))
            continue;
        console_error("%s is no backup: it has no %s", directory, needed[i]);
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

enum status backup_restore(const char *data, const char *directory, bool force)
{
    char *stage = backup_files_path(data, STAGE);
    enum status status = check_backup(directory);

    if (status == STATUS_OK && mkdir(data, 0700) != 0 && errno != EEXIST) {
        console_error("%s: %s", data, strerror(errno));
        status = STATUS_UNAVAILABLE;
    }
    clear_stage(stage); /* of a call that was interrupted */
    if (status == STATUS_OK)
        status = check_unused(data, BACKUP_MESSAGES, force);
    if (status == STATUS_OK)
        status = check_unused(data, BACKUP_USERS, force);
    if (status == STATUS_OK)
        status = fill_stage(directory, stage);
    if (status == STATUS_OK)
        status = check_loss(data, stage, force);
    if (status == STATUS_OK)
        status = renew(stage);
    if (status == STATUS_OK)
        status = exchange(data, stage);
    clear_stage(stage);
    if (status == STATUS_OK)
        console_line("restored; each client will read its lists again");
    free(stage);
    return status;
}
