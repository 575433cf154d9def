#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/common/base/log.h"
#include "services/common/base/version.h"
#include "services/messengerctl/backup.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/copy.h"
#include "services/messengerctl/pairs.h"
#include "services/messengerctl/verify.h"

enum { EXIT_DIFFERS = 1, EXIT_USAGE = 2, ARGUMENTS_MAX = 8 };

/* What was given: words without options, and the options. */
struct command_line {
    const char *words[ARGUMENTS_MAX];
    int count;
    const char *data; /* of --data, or its default */
    bool data_given, force;
};

struct command {
    const char *noun, *verb; /* verb "": none */
    const char *arguments;
    int (*run)(const struct command *command, const struct command_line *line);
    enum status (*run_two)(struct installation *one,
                           struct installation *other); /* of run_on_two */
    int argument_count;
    bool into; /* the second one is created if it is missing, and must differ from the first */
    bool takes_data, takes_force;
};

static void print_help(void)
{
    puts(
        "messengerctl: backs up, restores, copies and compares the stores of an installation\n\n"
        "usage: messengerctl backup DIR [--data DATA]\n"
        "       messengerctl restore DIR [--data DATA] [--force]\n"
        "       messengerctl store copy FROM TO\n"
        "       messengerctl store verify A B\n"
        "       messengerctl store renew A\n"
        "       messengerctl --version | --help\n\n"
        "  backup        copies users.db, messages.db and jwt.key of the directory DATA to DIR,\n"
        "                which is new or empty, and reads the copies back. DATA may be in use.\n"
        "  restore       puts a backup into the directory DATA. The services must be stopped.\n"
        "                What was in DATA is kept beside it. Refuses to replace stores that are\n"
        "                newer than the backup, or that cannot be read; --force replaces them.\n"
        "                Each client then reads its lists again.\n"
        "  store copy    copies all users, pictures, revoked tokens, dialogs and messages of FROM\n"
        "                to TO, which is empty or has the data of an earlier copy. Can be stopped\n"
        "                at any time: run the same command again to resume, or to copy what is\n"
        "                new in FROM. FROM may be in use, TO may not.\n"
        "  store verify  compares all data of A and B, and prints the differences\n"
        "  store renew   after A was restored by other means, as of MongoDB, with the services\n"
        "                stopped: makes each client read its lists again\n\n"
        "DATA is a directory with SQLite stores: --data, or $MESSENGER_DATA_DIRECTORY, or "
        "$DATA_DIR,\n"
        "or ./data. An installation (FROM, TO, A, B) is one of\n"
        "  sqlite:///directory      the directory with users.db and messages.db\n"
        "  mongodb://host/database  optionally with user:password@ before the host, and ?options\n"
        "  @file                    a file whose first line is one of these, so that a password\n"
        "                           is not visible in the list of processes\n\n"
        "Exit status: 0 success, 1 failure or differences, 2 usage error.");
}

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
    return exit_code(backup_make(line->data, line->words[1]));
}

static int run_restore(const struct command *command, const struct command_line *line)
{
    (void)command;
    return exit_code(backup_restore(line->data, line->words[1], line->force));
}

static const struct command commands[] = {
    { .noun = "backup",
      .verb = "",
      .arguments = "DIR [--data DATA]",
      .argument_count = 1,
      .run = run_backup,
      .takes_data = true },
    { .noun = "restore",
      .verb = "",
      .arguments = "DIR [--data DATA] [--force]",
      .argument_count = 1,
      .run = run_restore,
      .takes_data = true,
      .takes_force = true },
    { .noun = "store",
      .verb = "copy",
      .arguments = "FROM TO",
      .argument_count = 2,
      .run = run_on_two,
      .into = true,
      .run_two = copy_run },
    { .noun = "store",
      .verb = "verify",
      .arguments = "A B",
      .argument_count = 2,
      .run = run_on_two,
      .run_two = verify_run },
    { .noun = "store", .verb = "renew", .arguments = "A", .argument_count = 1, .run = run_renew },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static bool is_command(const struct command *command, const struct command_line *line)
{
    return line->count > 0 && strcmp(command->noun, line->words[0]) == 0 &&
           (*command->verb == '\0' ||
            (line->count > 1 && strcmp(command->verb, line->words[1]) == 0));
}

static const struct command *find_command(const struct command_line *line)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_command(&commands[i], line))
            return &commands[i];
    if (line->count == 0)
        console_error("a command is missing: \"backup\", \"restore\", \"store copy\", "
                      "\"store verify\" or \"store renew\"; see --help");
    else if (strcmp(line->words[0], "store") == 0 && line->count == 1)
        console_error("a command is missing: \"store copy\", \"store verify\" or "
                      "\"store renew\"; see --help");
    else
        console_error("unknown command \"%s%s%s\"; see --help", line->words[0],
                      line->count > 1 ? " " : "", line->count > 1 ? line->words[1] : "");
    return NULL;
}

static const char *default_data(void)
{
    static const char *const variables[] = { "MESSENGER_DATA_DIRECTORY", "DATA_DIR" };
    const char *given;

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        if ((given = getenv(variables[i])) != NULL && *given != '\0')
            return given;
    return "./data";
}

/* False, printed, for one that is unknown, and for too many words. */
static bool read_line(int argc, char **argv, struct command_line *line_out)
{
    *line_out = (struct command_line){ .data = default_data() };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--force") == 0) {
            line_out->force = true;
        } else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            line_out->data = argv[++i];
            line_out->data_given = true;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            console_error("unknown option %s; see --help", argv[i]);
            return false;
        } else if (line_out->count == ARGUMENTS_MAX) {
            console_error("too many arguments; see --help");
            return false;
        } else {
            line_out->words[line_out->count++] = argv[i];
        }
    }
    return true;
}

static bool fits(const struct command *command, const struct command_line *line)
{
    int words = 1 + (*command->verb != '\0') + command->argument_count;

    if (line->count == words && (!line->data_given || command->takes_data) &&
        (!line->force || command->takes_force))
        return true;
    console_error("usage: messengerctl %s%s%s %s", command->noun, *command->verb != '\0' ? " " : "",
                  command->verb, command->arguments);
    return false;
}

int main(int argc, char **argv)
{
    struct command_line line;

    umask(077);
    log_init("messengerctl", LOG_LEVEL_WARN);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts(messenger_build);
            return EXIT_SUCCESS;
        }
    }
    if (!read_line(argc, argv, &line))
        return EXIT_USAGE;
    const struct command *command = find_command(&line);
    if (command == NULL || !fits(command, &line))
        return EXIT_USAGE;
    handle_signals();
    return command->run(command, &line);
}
