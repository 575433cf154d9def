#include "services/messengerctl/admin_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/memory.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/first_line.h"

static const char url_name[] = "MESSENGER_NATS_URL";
static const char user_name[] = "MESSENGER_NATS_USER";
static const char password_name[] = "MESSENGER_NATS_PASSWORD";
static const char password_file_name[] = "MESSENGER_NATS_PASSWORD_FILE";
static const char default_url[] = "nats://127.0.0.1:4222";
static const char default_user[] = "admin";

static void find_url(const struct settings *settings, const char *data)
{
    if (getenv(url_name) != NULL || strcmp(settings->nats_url, default_url) != 0)
        return;
    char *path = xasprintf("%s/nats.url", data);
    char *url = first_line_read(path);
    if (url != NULL && *url != '\0')
        setenv(url_name, url, 1);
    free(url);
    free(path);
}

/* One that exists and cannot be read is an error that settings_load reports, and so is a directory
 * named by --data that has none. */
static void find_password(const struct settings *settings, const char *data, bool must_exist)
{
    const char *user = *settings->nats_user != '\0' ? settings->nats_user : default_user;

    if (*settings->nats_password != '\0' || getenv(password_name) != NULL ||
        getenv(password_file_name) != NULL)
        return;
    char *path = xasprintf("%s/secrets/nats_%s", data, user);
    if (must_exist || access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
        setenv(password_file_name, path, 1);
    free(path);
}

static void find_user(const struct settings *settings)
{
    bool has_password = *settings->nats_password != '\0' || getenv(password_name) != NULL ||
                        getenv(password_file_name) != NULL;

    if (*settings->nats_user == '\0' && has_password)
        setenv(user_name, default_user, 1);
}

void admin_settings_find(const struct settings *settings, const char *data, bool must_exist)
{
    find_url(settings, data);
    find_password(settings, data, must_exist);
    find_user(settings);
}

/* The first one only: others may follow from it. */
static void print_problem(struct buffer *problems)
{
    const char *text = buffer_text(problems);

    console_error("the configuration is not usable: %.*s", (int)strcspn(text, "\n"), text);
}

/* Read twice: what is missing after the first time is then in the environment. */
bool admin_settings_load(const struct command_line *line, struct settings *settings_out)
{
    struct buffer problems = { 0 };
    if (settings_load(line->config, settings_out, &problems) != STATUS_OK)
        buffer_clear(&problems); /* they are found again below */
    const char *given = line->data != NULL ? line->data : settings_out->data_directory;

    admin_settings_find(settings_out, given, (line->options & OPTION_DATA) != 0);
    settings_finish(settings_out);
    enum status status = settings_load(line->config, settings_out, &problems);
    if (status != STATUS_OK)
        print_problem(&problems);
    buffer_finish(&problems);
    return status == STATUS_OK;
}
