#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "services/common/base/log.h"
#include "tests/bench/fail.h"
#include "tests/bench/scenarios.h"

static const struct scenario {
    const char *name, *summary;
    void (*run)(struct options *options);
} scenarios[] = {
    { "send", "pairs of users who write to each other", scenario_send },
    { "floor", "raw request-reply over NATS", scenario_floor },
    { "responder", "answers the floor's requests, until it is killed", scenario_responder },
    { "fan-out", "a user about whom many contacts are notified", scenario_fan_out },
    { "call", "sockets that call in turn, so many at a time", scenario_call },
    { "login", "log-ins, so many at a time", scenario_login },
    { "hash", "checks a password again and again", scenario_hash },
    { "sockets", "very many users with a socket each", scenario_sockets },
    { "ends", "connections of this program with itself", scenario_ends },
    { "fill", "fills the SQLite stores of a messenger that does not run", scenario_fill },
    { "roster", "prints users of a filled store, with tokens", scenario_roster },
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static void allow_many_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    log_init("bench", LOG_LEVEL_WARN);
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        puts("bench SCENARIO --option value ...: what tests/bench/run.py runs\n");
        for (int i = 0; i < SCENARIOS; i++)
            printf("  %-10s %s\n", scenarios[i].name, scenarios[i].summary);
        return argc < 2 ? 1 : 0;
    }
    allow_many_files();
    for (int i = 0; i < SCENARIOS; i++) {
        if (strcmp(argv[1], scenarios[i].name) == 0) {
            struct options *options = options_read(argc - 2, argv + 2);
            scenarios[i].run(options);
            return 0;
        }
    }
    fail("there is no scenario \"%s\"; --help lists them", argv[1]);
}
