#include "services/messengerctl/stores/installation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/memory.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/first_line.h"

static const char sqlite_scheme[] = "sqlite://";
static const char mongo_scheme[] = "mongodb://";

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* The directory of a SQLite installation, or NULL. */
static const char *directory_of(const struct installation *installation)
{
    return begins_with(installation->url, sqlite_scheme) ? installation->url + strlen(sqlite_scheme)
                                                         : NULL;
}

/* --- names --------------------------------------------------------------------------------- */

static char *read_url_file(const char *path)
{
    char *url = first_line_read(path);

    if (url == NULL) {
        console_error("cannot read %s: %s", path, strerror(errno));
    } else if (*url == '\0') {
        console_error("%s: the first line must be a URL", path);
        free(url);
        url = NULL;
    }
    return url;
}

/* Without the part before the last '@', which may contain a password (with an '@' in it), and
 * without the part after a '?'. */
static char *mongo_name(const char *url)
{
    const char *host = url + strlen(mongo_scheme);
    size_t length = strcspn(host, "?");

    for (size_t i = length; i > 0; i--) {
        if (host[i - 1] == '@') {
            host += i;
            length -= i;
            break;
        }
    }
    size_t host_length = strcspn(host, "/?");
    bool has_database = length > host_length + 1;
    return has_database ? xasprintf("%s%.*s", mongo_scheme, (int)length, host)
                        : xasprintf("%s%.*s/messenger", mongo_scheme, (int)host_length, host);
}

bool installation_name(struct installation *installation, const char *argument)
{
    *installation = (struct installation){ 0 };
    installation->url = *argument == '@' ? read_url_file(argument + 1) : xstrdup(argument);
    if (installation->url == NULL)
        return false;
    if (directory_of(installation) != NULL && *directory_of(installation) != '\0')
        installation->name = xstrdup(installation->url);
    else if (begins_with(installation->url, mongo_scheme) &&
             installation->url[strlen(mongo_scheme)] != '\0')
        installation->name = mongo_name(installation->url);
    if (installation->name != NULL)
        return true;
    /* Not printed if it was read from a file: that is for secrets. */
    console_error("%s names no installation; use sqlite:///directory, mongodb://host/database, or "
                  "@file with one of them",
                  *argument == '@' || strchr(argument, '@') != NULL ? "the URL" : argument);
    installation_close(installation);
    return false;
}

bool installation_same(const struct installation *one, const struct installation *other)
{
    struct stat first, second;

    if (strcmp(one->name, other->name) == 0)
        return true;
    return directory_of(one) != NULL && directory_of(other) != NULL &&
           stat(directory_of(one), &first) == 0 && stat(directory_of(other), &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* --- life ---------------------------------------------------------------------------------- */

static bool is_file(const char *directory, const char *name)
{
    char *path = xasprintf("%s/%s", directory, name);
    struct stat status;

    bool is = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    free(path);
    return is;
}

/* What would be made without a word if it were a slip of the pen. */
static bool check_directory(const char *directory, bool must_exist)
{
    struct stat status;

    if (stat(directory, &status) != 0) {
        if (errno == ENOENT && !must_exist)
            return true;
        console_error("%s: %s", directory, strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        console_error("%s is no directory; name the one that users.db and messages.db lie in",
                      directory);
        return false;
    }
    if (must_exist && (!is_file(directory, "users.db") || !is_file(directory, "messages.db"))) {
        console_error("%s is no installation: there is no %s in it", directory,
                      is_file(directory, "users.db") ? "messages.db" : "users.db");
        return false;
    }
    return true;
}

static enum status open_stores(struct installation *installation)
{
    const char *directory = directory_of(installation);
    char *users = directory != NULL ? xasprintf("%s/users.db", installation->url)
                                    : xstrdup(installation->url);
    char *messages = directory != NULL ? xasprintf("%s/messages.db", installation->url)
                                       : xstrdup(installation->url);

    enum status status = user_store_open(users, &installation->users);
    if (status == STATUS_OK)
        status = message_store_open(messages, &installation->messages);
    free(users);
    free(messages);
    return status;
}

bool installation_open(struct installation *installation, bool must_exist)
{
    if (directory_of(installation) != NULL &&
        !check_directory(directory_of(installation), must_exist))
        return false;
    enum status status = open_stores(installation);
    if (status != STATUS_OK)
        console_error("cannot open %s", installation->name);
    return status == STATUS_OK;
}

void installation_close(struct installation *installation)
{
    user_store_close(&installation->users);
    message_store_close(&installation->messages);
    if (installation->url != NULL)
        memory_wipe(installation->url, strlen(installation->url));
    free(installation->url);
    free(installation->name);
    *installation = (struct installation){ 0 };
}

enum status installation_failed(const struct installation *installation, enum status status,
                                const char *doing)
{
    console_error("%s: %s failed: %s", installation->name, doing,
                  status == STATUS_UNAVAILABLE ? "the store does not answer" : status_name(status));
    return status;
}
