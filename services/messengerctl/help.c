#include "services/messengerctl/help.h"

#include <stdio.h>

static const char usage[] =
    "messengerctl: administers accounts; checks the configuration; backs up, restores, copies and\n"
    "compares stores\n\n"
    "usage: messengerctl user list [--json]\n"
    "       messengerctl user show|disable|enable|sessions NAME [--json]\n"
    "       messengerctl user logout NAME [SESSION]\n"
    "       messengerctl user delete NAME --force\n"
    "       messengerctl user reset-password NAME [--expires 24h]\n"
    "       messengerctl invite create [--expires \"1 week\"]\n"
    "       messengerctl invite list [--json]\n"
    "       messengerctl invite revoke ID\n"
    "       messengerctl audit [--user NAME|ID] [--kind KIND] [--address ADDRESS]\n"
    "                          [--since 2h|DATE] [--until 2h|DATE] [--limit N] [--json]\n"
    "       messengerctl doctor [--config FILE] [--data DATA] [--json]\n"
    "       messengerctl backup DIR [--data DATA]\n"
    "       messengerctl restore DIR [--data DATA] [--force]\n"
    "       messengerctl store copy FROM TO\n"
    "       messengerctl store verify A B\n"
    "       messengerctl store renew A\n"
    "       messengerctl --version | --help\n";

static const char accounts[] =
    "Accounts, through a running user service. NAME is a tag, or an e-mail address.\n\n"
    "  user list            all accounts, by tag\n"
    "  user show            one account, and its sessions\n"
    "  user disable         ends its sessions; nobody can log in to it until \"user enable\"\n"
    "  user sessions        where it is logged in; the first column is SESSION for \"user "
    "logout\"\n"
    "  user logout          ends one session, or all\n"
    "  user delete          for good: profile, picture, sessions, and the texts of its messages,\n"
    "                       unless accounts.eraseMessages is false; nobody can have its tag again\n"
    "  user reset-password  prints a link with which its owner chooses a new password; it works\n"
    "                       once, a day unless --expires is given, and replaces an earlier link\n"
    "  invite create        prints a link for one sign-up, where registration.mode is \"invite\"\n"
    "  invite list          all invites, with their makers; the first column is ID\n"
    "  invite revoke        the link no longer works\n"
    "  audit                what concerned the security of accounts, the newest first: log-ins\n"
    "                       and failed ones, sign-ups, passwords, ends of sessions, invites, and\n"
    "                       what the administrator did. The last 100, or --limit; with --json\n"
    "                       all. Times are of the local time zone, as are those of DATE:\n"
    "                       2026-11-28, 2026-11-28T09:30, 2026-11-28T09:30:00Z; or how long ago.\n"
    "                       KIND is one of the words of the second column\n\n"
    "  --json prints one JSON object on each line, with dates in UTC. Links begin with app.url.\n"
    "  Beside `make run` nothing else is needed: the address of NATS and the password are in "
    "DATA.\n"
    "  Elsewhere: --config FILE or MESSENGER_CONFIG, MESSENGER_NATS_URL, MESSENGER_NATS_USER\n"
    "  (default: admin), MESSENGER_NATS_PASSWORD_FILE.\n\n"
    "  messengerctl user list --json | grep '\"disabled\":true'\n"
    "  messengerctl user disable @ann\n"
    "  messengerctl user reset-password ann@example.com --expires 2h\n"
    "  messengerctl audit --kind log_in_failed --since 24h\n"
    "  messengerctl audit --json --since 2026-11-01 > audit.ndjson\n"
    "  docker compose run --rm messengerctl invite create --expires \"2 days\"\n";

static const char checks[] =
    "Configuration.\n\n"
    "  doctor        reads the configuration as the other programs do (--config, "
    "MESSENGER_CONFIG,\n"
    "                the environment; beside `make run` also its key in DATA), and prints a line\n"
    "                for each setting that matters on the open internet: ok, warn or bad, and\n"
    "                what to do. Exit status 0: all are ok, 1: not all, 2: not usable.\n\n"
    "  messengerctl doctor --config config.json --json | grep -v '\"severity\":\"ok\"'\n"
    "  docker compose run --rm doctor\n";

static const char stores[] =
    "Stores.\n\n"
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
    "DATA is the directory of `make run`: --data, or $MESSENGER_DATA_DIRECTORY, or $DATA_DIR,\n"
    "or ./data. An installation (FROM, TO, A, B) is one of\n"
    "  sqlite:///directory      the directory with users.db and messages.db\n"
    "  mongodb://host/database  optionally with user:password@ before the host, and ?options\n"
    "  @file                    a file whose first line is one of these, so that a password\n"
    "                           is not visible in the list of processes\n\n"
    "Exit status: 0 success, 1 failure or differences, 2 usage error.";

void help_print(void)
{
    puts(usage);
    puts(accounts);
    puts(checks);
    puts(stores);
}
