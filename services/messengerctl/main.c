#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/buffer.h"
#include "services/common/base/log.h"
#include "services/common/base/version.h"
#include "services/messengerctl/admin/admin_audit.h"
#include "services/messengerctl/admin/admin_invites.h"
#include "services/messengerctl/admin/admin_link.h"
#include "services/messengerctl/admin/admin_users.h"
#include "services/messengerctl/command_line.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/doctor/doctor.h"
#include "services/messengerctl/help.h"
#include "services/messengerctl/stores/backup.h"
#include "services/messengerctl/stores/copy.h"
#include "services/messengerctl/stores/pairs.h"
#include "services/messengerctl/stores/verify.h"

enum { EXIT_DIFFERS = 1, EXIT_USAGE = 2, MINUTE_S = 60, DAY_S = 86400 };

struct command {
    const char *noun, *verb; /* verb "": none */
    const char *arguments;
    int arguments_min, arguments_max; /* behind noun and verb */
    unsigned options;                 /* that it takes */
    int expires_days_max;             /* of --expires, which is a minute at least */
    int (*run)(const struct command *command, const struct command_line *line);
    /* of run_on_two */
    enum status (*run_two)(struct installation *one, struct installation *other);
    /* of run_admin */
    bool (*administer)(struct admin_link *link, const struct command_line *line);
    /* of run_on_two: the second one is created if it is missing, and must differ from the first */
    bool into;
};

static void handle_signal(int number)
{
    (void)number;
    pairs_stop();
}

/* The first signal stops the copy at the next item, the second one at once: it can be resumed from
 * any point. */
static void handle_signals(void)
{
    struct sigaction action = { .sa_handler = handle_signal };

    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* of a server that goes away */
}

static int exit_code(enum status status)
{
    return status == STATUS_OK ? EXIT_SUCCESS : EXIT_DIFFERS;
}

static int run_opened(const struct command *command, struct installation *one,
                      struct installation *other)
{
    if (!installation_open(one, true) || !installation_open(other, !command->into))
        return EXIT_DIFFERS;
    return exit_code(command->run_two(one, other));
}

static int run_on_two(const struct command *command, const struct command_line *line)
{
    struct installation one = { 0 }, other = { 0 };
    int code = EXIT_USAGE;

    if (installation_name(&one, line->words[2]) && installation_name(&other, line->words[3])) {
        if (command->into && installation_same(&one, &other))
            console_error("FROM and TO are the same: %s", one.name);
        else
            code = run_opened(command, &one, &other);
    }
    installation_close(&one);
    installation_close(&other);
    return code;
}

static int run_renew(const struct command *command, const struct command_line *line)
{
    struct installation installation;
    int code = EXIT_USAGE;

    (void)command;
    if (installation_name(&installation, line->words[2])) {
        code = EXIT_DIFFERS;
        if (installation_open(&installation, true))
            code = exit_code(message_store_renew(installation.messages));
    }
    installation_close(&installation);
    return code;
}

static int run_backup(const struct command *command, const struct command_line *line)
{
    (void)command;
    return exit_code(backup_make(command_line_data(line), line->words[1]));
}

static int run_restore(const struct command *command, const struct command_line *line)
{
    (void)command;
    bool force = (line->options & OPTION_FORCE) != 0;
    return exit_code(backup_restore(command_line_data(line), line->words[1], force));
}

/* Ctrl-C ends it at once: nothing is left half done here. */
static int run_admin(const struct command *command, const struct command_line *line)
{
    struct admin_link link;

    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    log_init("messengerctl", LOG_LEVEL_NONE); /* each failure is printed as a line for people */
    bool done = admin_link_open(&link, line) && command->administer(&link, line);
    admin_link_close(&link);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_doctor(const struct command *command, const struct command_line *line)
{
    (void)command;
    return doctor_run(line);
}

/* --- the table ------------------------------------------------------------------------------- */

#define ADMIN(name, min, max, more, days, function)                                                \
    .arguments = (name), .arguments_min = (min), .arguments_max = (max),                           \
    .options = OPTION_CONFIG | OPTION_DATA | (more), .expires_days_max = (days), .run = run_admin, \
    .administer = (function)

static const struct command commands[] = {
    { "user", "list", ADMIN("[--json]", 0, 0, OPTION_JSON, 0, admin_users_list) },
    { "user", "show", ADMIN("NAME [--json]", 1, 1, OPTION_JSON, 0, admin_users_show) },
    { "user", "disable", ADMIN("NAME", 1, 1, 0, 0, admin_users_disable) },
    { "user", "enable", ADMIN("NAME", 1, 1, 0, 0, admin_users_enable) },
    { "user", "sessions", ADMIN("NAME [--json]", 1, 1, OPTION_JSON, 0, admin_users_sessions) },
    { "user", "logout", ADMIN("NAME [SESSION]", 1, 2, 0, 0, admin_users_logout) },
    { "user", "delete", ADMIN("NAME --force", 1, 1, OPTION_FORCE, 0, admin_users_delete) },
    { "user", "reset-password",
      ADMIN("NAME [--expires 24h]", 1, 1, OPTION_EXPIRES, 30, admin_users_reset_password) },
    { "invite", "create",
      ADMIN("[--expires \"1 week\"]", 0, 0, OPTION_EXPIRES, 366, admin_invites_create) },
    { "invite", "list", ADMIN("[--json]", 0, 0, OPTION_JSON, 0, admin_invites_list) },
    { "invite", "revoke", ADMIN("ID", 1, 1, 0, 0, admin_invites_revoke) },
    { "audit", "",
      ADMIN("[--user NAME|ID] [--kind KIND] [--address ADDRESS] [--since 2h|DATE]"
            " [--until 2h|DATE] [--limit N] [--json]",
            0, 0,
            OPTION_JSON | OPTION_USER | OPTION_KIND | OPTION_ADDRESS | OPTION_SINCE | OPTION_UNTIL |
                OPTION_LIMIT,
            0, admin_audit_list) },
    { "doctor", "", "[--config FILE] [--data DATA] [--json]", 0, 0,
      OPTION_CONFIG | OPTION_DATA | OPTION_JSON, .run = run_doctor },
    { "backup", "", "DIR [--data DATA]", 1, 1, OPTION_DATA, .run = run_backup },
    { "restore", "", "DIR [--data DATA] [--force]", 1, 1, OPTION_DATA | OPTION_FORCE,
      .run = run_restore },
    { "store", "copy", "FROM TO", 2, 2, 0, .run = run_on_two, .run_two = copy_run, .into = true },
    { "store", "verify", "A B", 2, 2, 0, .run = run_on_two, .run_two = verify_run },
    { "store", "renew", "A", 1, 1, 0, .run = run_renew },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static bool is_command(const struct command *command, const struct command_line *line)
{
    return line->count > 0 && strcmp(command->noun, line->words[0]) == 0 &&
           (*command->verb == '\0' ||
            (line->count > 1 && strcmp(command->verb, line->words[1]) == 0));
}

/* Those of a noun, or all. The caller frees it. */
static char *command_names(const char *noun)
{
    struct buffer names = { 0 };

    for (size_t i = 0; i < COMMANDS; i++)
        if (noun == NULL || strcmp(noun, commands[i].noun) == 0)
            buffer_printf(&names, "%s\"%s%s%s\"", names.length > 0 ? ", " : "", commands[i].noun,
                          *commands[i].verb != '\0' ? " " : "", commands[i].verb);
    return buffer_take(&names, NULL);
}

/* Of a word that is a noun only. */
static bool lacks_verb(const struct command_line *line)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (line->count == 1 && strcmp(line->words[0], commands[i].noun) == 0)
            return true;
    return line->count == 0;
}

static const struct command *find_command(const struct command_line *line)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_command(&commands[i], line))
            return &commands[i];
    if (lacks_verb(line)) {
        char *names = command_names(line->words[0]);
        console_error("a command is missing, one of %s; see --help", names);
        free(names);
        return NULL;
    }
    console_error("unknown command \"%s%s%s\"; see --help", line->words[0],
                  line->count > 1 ? " " : "", line->count > 1 ? line->words[1] : "");
    return NULL;
}

static bool lasts_well(const struct command *command, const struct command_line *line)
{
    if ((line->options & OPTION_EXPIRES) == 0 ||
        (line->expires_s >= MINUTE_S &&
         line->expires_s <= (int64_t)command->expires_days_max * DAY_S))
        return true;
    console_error("--expires must be from 1 minute to %d days", command->expires_days_max);
    return false;
}

static bool fits(const struct command *command, const struct command_line *line)
{
    int words = line->count - 1 - (*command->verb != '\0');

    if (words >= command->arguments_min && words <= command->arguments_max &&
        (line->options & ~command->options) == 0)
        return lasts_well(command, line);
    console_error("usage: messengerctl %s%s%s %s", command->noun, *command->verb != '\0' ? " " : "",
                  command->verb, command->arguments);
    return false;
}

/* A list that is cut short must not pass for the whole. */
static int check_output(int code)
{
    if (console_is_written())
        return code;
    console_error("the output could not be written");
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct command_line line;

    umask(077);
    log_init("messengerctl", LOG_LEVEL_WARN);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            help_print();
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts(messenger_build);
            return EXIT_SUCCESS;
        }
    }
    if (!command_line_read(argc, argv, &line))
        return EXIT_USAGE;
    const struct command *command = find_command(&line);
    if (command == NULL || !fits(command, &line))
        return EXIT_USAGE;
    handle_signals();
    return check_output(command->run(command, &line));
}
