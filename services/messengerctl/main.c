#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/log.h"
#include "services/common/base/version.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/copy.h"
#include "services/messengerctl/pairs.h"
#include "services/messengerctl/verify.h"

enum { EXIT_DIFFERS = 1, EXIT_USAGE = 2 };

static const struct command {
    const char *noun, *verb;
    const char *arguments;
    bool into; /* the second one is created if it is missing, and must differ from the first */
    enum status (*run)(struct installation *one, struct installation *other);
} commands[] = {
    { "store", "copy", "FROM TO", true, copy_run },
    { "store", "verify", "A B", false, verify_run },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
{
    puts(
        "messengerctl: copies and compares the stores of an installation\n\n"
        "usage: messengerctl store copy FROM TO\n"
        "       messengerctl store verify A B\n"
        "       messengerctl --version | --help\n\n"
        "  store copy    copies all users, pictures, revoked tokens, dialogs and messages of FROM\n"
        "                to TO, which is empty or has the data of an earlier copy. Can be stopped\n"
        "                at any time: run the same command again to resume, or to copy what is\n"
        "                new in FROM. FROM may be in use, TO may not.\n"
        "  store verify  compares all data of A and B, and prints the differences\n\n"
        "An installation is one of\n"
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

static const struct command *find_command(const char *noun, const char *verb)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].noun, noun) == 0 && strcmp(commands[i].verb, verb) == 0)
            return &commands[i];
    console_error("unknown command \"%s %s\"; see --help", noun, verb);
    return NULL;
}

static int run_opened(const struct command *command, struct installation *one,
                      struct installation *other)
{
    if (!installation_open(one, true) || !installation_open(other, !command->into))
        return EXIT_DIFFERS;
    return command->run(one, other) == STATUS_OK ? EXIT_SUCCESS : EXIT_DIFFERS;
}

static int run_command(const struct command *command, const char *first, const char *second)
{
    struct installation one = { 0 }, other = { 0 };
    int code = EXIT_USAGE;

    if (installation_name(&one, first) && installation_name(&other, second)) {
        if (command->into && installation_same(&one, &other))
            console_error("FROM and TO are the same: %s", one.name);
        else
            code = run_opened(command, &one, &other);
    }
    installation_close(&one);
    installation_close(&other);
    return code;
}

int main(int argc, char **argv)
{
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
        if (strncmp(argv[i], "--", 2) == 0) {
            console_error("unknown option %s; see --help", argv[i]);
            return EXIT_USAGE;
        }
    }
    if (argc < 3) {
        console_error("a command is missing: \"store copy\" or \"store verify\"; see --help");
        return EXIT_USAGE;
    }
    const struct command *command = find_command(argv[1], argv[2]);
    if (command == NULL)
        return EXIT_USAGE;
    if (argc != 5) {
        console_error("usage: messengerctl %s %s %s", command->noun, command->verb,
                      command->arguments);
        return EXIT_USAGE;
    }
    handle_signals();
    return run_command(command, argv[3], argv[4]);
}
