#include "services/common/store/sqlite_health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"

struct identity {
    dev_t device;
    ino_t inode;
};

struct sqlite_health {
    char *path, *log_path;
    char *replaced_text, *damaged_text;
    struct identity file, log;
    atomic_bool watches_log; /* `log` is set before */
    _Atomic(const char *) problem;
    struct sqlite_health *next;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sqlite_health *list; /* of this process; few */

static bool identify(const char *path, struct identity *identity_out)
{
    struct stat found;

    if (stat(path, &found) != 0)
        return false;
    *identity_out = (struct identity){ found.st_dev, found.st_ino };
    return true;
}

static bool is_at(const struct identity *identity, const char *path)
{
    struct identity found;

    return identify(path, &found) && found.device == identity->device &&
           found.inode == identity->inode;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

struct sqlite_health *sqlite_health_start(const char *path)
{
    struct sqlite_health *health = xcalloc(1, sizeof(*health));

    health->path = xstrdup(path);
    health->log_path = xasprintf("%s-wal", path);
    health->replaced_text = xasprintf("%s was removed or replaced", file_name(path));
    health->damaged_text = xasprintf("%s is damaged", file_name(path));
    if (!identify(path, &health->file))
        health->problem = health->replaced_text;
    pthread_mutex_lock(&list_lock);
    health->next = list;
    list = health;
    pthread_mutex_unlock(&list_lock);
    return health;
}

void sqlite_health_stop(struct sqlite_health **health)
{
    struct sqlite_health *h = *health;

    if (h == NULL)
        return;
    pthread_mutex_lock(&list_lock);
    struct sqlite_health **link = &list;
    while (*link != h)
        link = &(*link)->next;
    *link = h->next;
    pthread_mutex_unlock(&list_lock);
    free(h->path);
    free(h->log_path);
    free(h->replaced_text);
    free(h->damaged_text);
    free(h);
    *health = NULL;
}

void sqlite_health_watch_log(struct sqlite_health *health)
{
    if (!health->watches_log && identify(health->log_path, &health->log))
        health->watches_log = true;
}

/* The first problem stays. */
static void set_problem(struct sqlite_health *health, const char *problem, const char *details)
{
    const char *none = NULL;

    if (atomic_compare_exchange_strong(&health->problem, &none, problem))
        log_error("%s: %s%s; nothing is stored or read any more until a restart", health->path,
                  problem, details);
}

const char *sqlite_health_problem(struct sqlite_health *health)
{
    if (health->problem == NULL &&
        (!is_at(&health->file, health->path) ||
         (health->watches_log && !is_at(&health->log, health->log_path))))
        set_problem(health, health->replaced_text, "");
    return health->problem;
}

void sqlite_health_note_damage(struct sqlite_health *health, const char *what)
{
    char *details = xasprintf(" (%s)", what);

    set_problem(health, health->damaged_text, details);
    free(details);
}

void sqlite_health_note_failure(sqlite3 *handle)
{
    int code = sqlite3_errcode(handle) & 0xff;
    const char *path = sqlite3_db_filename(handle, "main");

    if ((code != SQLITE_CORRUPT && code != SQLITE_NOTADB) || path == NULL)
        return;
    pthread_mutex_lock(&list_lock);
    for (struct sqlite_health *health = list; health != NULL; health = health->next)
        if (strcmp(health->path, path) == 0)
            sqlite_health_note_damage(health, sqlite3_errmsg(handle));
    pthread_mutex_unlock(&list_lock);
}
