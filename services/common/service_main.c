#include "services/common/service_main.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/log.h"
#include "services/common/memory.h"
#include "services/common/version.h"

enum { EXIT_CANNOT_START = 1, EXIT_USAGE = 2, STOP_SECONDS = 9 };

/* The state that the bus's callback may use; set once started, cleared before the stop. */
struct connect_hook {
    const struct service_program *program;
    pthread_mutex_t lock;
    void *state;
};

static void handle_connect(void *ctx)
{
    struct connect_hook *hook = ctx;

    pthread_mutex_lock(&hook->lock);
    if (hook->state != NULL && hook->program->on_bus_connect != NULL)
        hook->program->on_bus_connect(hook->state);
    pthread_mutex_unlock(&hook->lock);
}

static void set_hook(struct connect_hook *hook, void *state)
{
    pthread_mutex_lock(&hook->lock);
    hook->state = state;
    pthread_mutex_unlock(&hook->lock);
}

static void print_help(const struct service_program *program)
{
    printf("messenger %s: %s\n\n"
           "usage: %s [--config FILE] [--check | --get KEY | --version | --help]\n\n"
           "  --config FILE  a config.json; MESSENGER_CONFIG names one too\n"
           "  --check        only says whether the configuration is usable\n"
           "  --get KEY      prints what a key is set to; of a secret, whether it is\n\n"
           "Every key of the file also has an environment variable, which wins:\n\n",
           program->name, program->summary, program->name);
    settings_print(stdout);
}

struct arguments {
    const char *config;
    bool check;
    const char *get; /* a key, or NULL */
};

/* True when the program should go on; otherwise `*exit_out` is its exit code. */
static bool read_arguments(int argc, char **argv, const struct service_program *program,
                           struct arguments *arguments_out, int *exit_out)
{
    *arguments_out = (struct arguments){ .config = getenv("MESSENGER_CONFIG") };
    *exit_out = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(program);
            return false;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts(MESSENGER_VERSION);
            return false;
        }
        if (strcmp(argv[i], "--check") == 0) {
            arguments_out->check = true;
            continue;
        }
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            arguments_out->config = argv[++i];
            continue;
        }
        if (strcmp(argv[i], "--get") == 0 && i + 1 < argc) {
            arguments_out->get = argv[++i];
            continue;
        }
        fprintf(stderr, "%s: unknown argument \"%s\"; --help lists all\n", program->name, argv[i]);
        *exit_out = EXIT_USAGE;
        return false;
    }
    return true;
}

static bool load_settings(struct service *service, const char *config)
{
    struct buffer problems = { 0 };
    enum log_level level = LOG_LEVEL_INFO;

    enum status status = settings_load(config, &service->settings, &problems);
    if (status != STATUS_OK)
        fprintf(stderr, "%s: the configuration is not usable:\n%s", service->name,
                buffer_text(&problems));
    buffer_finish(&problems);
    log_level_from_name(service->settings.log_level, &level);
    log_init(service->name, level);
    return status == STATUS_OK;
}

static int print_setting(const struct service *service, const char *key)
{
    if (settings_print_value(&service->settings, key, stdout))
        return 0;
    fprintf(stderr, "%s: no such key: %s\n", service->name, key);
    return EXIT_USAGE;
}

static int run(struct service *service, const struct service_program *program,
               const sigset_t *signals)
{
    struct connect_hook hook = { .program = program, .lock = PTHREAD_MUTEX_INITIALIZER };
    struct bus_options options = {
        .url = service->settings.nats_url,
        .name = program->name,
        .on_connect = handle_connect,
        .ctx = &hook,
    };
    void *state = NULL;
    int received;

    if (bus_connect(&options, &service->bus) != STATUS_OK)
        return EXIT_CANNOT_START;
    if (program->start(service, &state) != STATUS_OK) {
        bus_destroy(&service->bus);
        return EXIT_CANNOT_START;
    }
    set_hook(&hook, state);
    if (bus_is_connected(service->bus))
        handle_connect(&hook);
    log_info("started, version %s, pid %ld", MESSENGER_VERSION, (long)getpid());
    sigwait(signals, &received);
    log_info("stopping on signal %d", received);
    alarm(STOP_SECONDS); /* an end that hangs becomes a visible failure */
    set_hook(&hook, NULL);
    program->stop(service, state);
    bus_destroy(&service->bus);
    log_info("stopped");
    return 0;
}

int service_main(int argc, char **argv, const struct service_program *program)
{
    struct service service = { .name = program->name };
    struct arguments arguments;
    sigset_t signals;
    int exit_code;

    if (!read_arguments(argc, argv, program, &arguments, &exit_code))
        return exit_code;
    /* Blocked before any thread starts, so that only sigwait gets them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!load_settings(&service, arguments.config))
        exit_code = EXIT_USAGE;
    else if (arguments.get != NULL)
        exit_code = print_setting(&service, arguments.get);
    else if (!arguments.check)
        exit_code = run(&service, program, &signals);
    settings_finish(&service.settings);
    return exit_code;
}

char *service_store_url(const struct service *service, const char *configured,
                        const char *file_name)
{
    if (configured[0] != '\0')
        return xstrdup(configured);
    return xasprintf("sqlite://%s/%s", service->settings.data_directory, file_name);
}
