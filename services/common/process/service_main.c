#define _GNU_SOURCE /* SCHED_BATCH */
#include "services/common/process/service_main.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/version.h"
#include "services/common/process/bus_settings.h"
#include "services/common/process/healthcheck.h"

enum {
    EXIT_UNHEALTHY = 1,
    EXIT_CANNOT_START = 1,
    EXIT_USAGE = 2,
    EXIT_HANGS = 3,
    STOP_SECONDS = 9 /* after SERVICE_STOP_MS there is little left that takes time */
};

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

static void handle_loss(void *ctx)
{
    struct connect_hook *hook = ctx;

    pthread_mutex_lock(&hook->lock);
    if (hook->state != NULL && hook->program->on_bus_loss != NULL)
        hook->program->on_bus_loss(hook->state);
    pthread_mutex_unlock(&hook->lock);
}

/* Without the bus there is no work, and nothing to finish: acknowledged writes are stored. A
 * restart may have the right password. */
static void handle_refused(void *ctx)
{
    (void)ctx;
    log_error("NATS refuses the log-in; ending");
    _exit(EXIT_CANNOT_START);
}

/* Not by the default action, which the first process of a container does not have. */
static void handle_alarm(int number)
{
    static const char text[] = "the end hangs: cut short\n";

    (void)number;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(EXIT_HANGS + 1);
    _exit(EXIT_HANGS);
}

static void set_hook(struct connect_hook *hook, void *state)
{
    pthread_mutex_lock(&hook->lock);
    hook->state = state;
    pthread_mutex_unlock(&hook->lock);
}

static void print_help(const struct service_program *program)
{
    printf(
        "messenger %s: %s\n\n"
        "usage: %s [--config FILE] [--check | --get KEY | --healthcheck | --version | --help]\n\n"
        "  --config FILE  a config.json; or set MESSENGER_CONFIG\n"
        "  --check        only checks the configuration\n"
        "  --get KEY      prints the value of a key; for a secret, whether it is set\n"
        "  --healthcheck  checks the instance that runs on this host; exit status 0: healthy\n\n"
        "Each key of the file also has an environment variable, which takes precedence:\n\n",
        program->name, program->summary, program->name);
    settings_print(stdout);
}

struct arguments {
    const char *config;
    bool check;
    bool healthcheck;
    const char *get; /* a key, or NULL */
};

/* True when the program should continue; otherwise `*exit_out` is its exit status. */
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
            puts(messenger_build);
            return false;
        }
        if (strcmp(argv[i], "--check") == 0) {
            arguments_out->check = true;
            continue;
        }
        if (strcmp(argv[i], "--healthcheck") == 0) {
            arguments_out->healthcheck = true;
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

static int check_health(const struct service *service, const struct service_program *program)
{
    struct buffer why = { 0 };

    log_init(service->name, LOG_LEVEL_ERROR); /* the one line says it all */
    bool healthy = (program->is_healthy != NULL ? program->is_healthy : healthcheck_ask_bus)(
        &service->settings, service->name, &why);
    printf("%s: %s: %s\n", service->name, healthy ? "healthy" : "not healthy", buffer_text(&why));
    buffer_finish(&why);
    return healthy ? 0 : EXIT_UNHEALTHY;
}

static int run_service(struct service *service, const struct service_program *program,
                       const sigset_t *signals)
{
    struct connect_hook hook = { .program = program, .lock = PTHREAD_MUTEX_INITIALIZER };
    struct bus_options options = bus_settings_options(&service->settings, program->name);
    void *state = NULL;
    int received;

    options.on_connect = handle_connect;
    options.on_refused = handle_refused;
    options.on_loss = handle_loss;
    options.ctx = &hook;
    signal(SIGALRM, handle_alarm);
    if (bus_connect(&options, &service->bus) != STATUS_OK)
        return EXIT_CANNOT_START;
    if (program->start(service, &state) != STATUS_OK) {
        bus_destroy(&service->bus);
        return EXIT_CANNOT_START;
    }
    set_hook(&hook, state);
    if (bus_is_connected(service->bus))
        handle_connect(&hook);
    log_info("started, version %s, pid %ld", messenger_build, (long)getpid());
    sigwait(signals, &received);
    log_info("stopping on signal %d", received);
    alarm(STOP_SECONDS); /* an end that hangs becomes a visible failure */
    set_hook(&hook, NULL);
    bus_end_by(service->bus, clock_mono_us() + SERVICE_STOP_MS * 1000);
    program->stop(service, state);
    bus_destroy(&service->bus);
    log_info("stopped");
    return 0;
}

/*
 * SCHED_BATCH: a woken thread does not preempt the running one, and so finds more work when it is
 * scheduled: under load, far fewer wake-ups and commits for each message. No difference on an idle
 * core (sched(7)). Optional: a refusal is ignored.
 */
static void prefer_batches(void)
{
    struct sched_param none = { 0 };

    sched_setscheduler(0, SCHED_BATCH, &none); /* inherited by all later threads */
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
    umask(077); /* databases are for their owner only, wherever they are */
    prefer_batches();
    if (!load_settings(&service, arguments.config))
        exit_code = EXIT_USAGE;
    else if (arguments.get != NULL)
        exit_code = print_setting(&service, arguments.get);
    else if (arguments.healthcheck)
        exit_code = check_health(&service, program);
    else if (!arguments.check)
        exit_code = run_service(&service, program, &signals);
    settings_finish(&service.settings);
    return exit_code;
}

char *service_main_store_url(const struct service *service, const char *configured,
                             const char *file_name)
{
    if (configured[0] != '\0')
        return xstrdup(configured);
    return xasprintf("sqlite://%s/%s", service->settings.data_directory, file_name);
}
