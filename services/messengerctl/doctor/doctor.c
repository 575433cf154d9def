#include "services/messengerctl/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/json_writer.h"
#include "services/common/base/memory.h"
#include "services/messengerctl/admin_settings.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/doctor/doctor_checks.h"

enum { EXIT_FIT = 0, EXIT_FINDINGS = 1, EXIT_UNUSABLE = 2, LOOK_UP_MS = 3000 };

static const char key_name[] = "MESSENGER_JWT_PRIVATE_KEY";
static const char key_file_name[] = "MESSENGER_JWT_PRIVATE_KEY_FILE";
static const char data_name[] = "MESSENGER_DATA_DIRECTORY";

/* --- the settings --------------------------------------------------------------------------- */

/* The key that `make run` made, if none is configured. */
static void find_key(const struct settings *settings)
{
    if (*settings->jwt_private_key != '\0' || getenv(key_name) != NULL ||
        getenv(key_file_name) != NULL)
        return;
    char *path = xasprintf("%s/jwt.key", settings->data_directory);
    if (access(path, F_OK) == 0)
        setenv(key_file_name, path, 1);
    free(path);
}

static void print_problems(struct buffer *problems)
{
    char *text = buffer_take(problems, NULL), *rest = text;

    for (char *problem; (problem = strtok_r(rest, "\n", &rest)) != NULL;)
        console_error("the configuration is not usable: %s", problem);
    free(text);
}

/* Read twice: what `make run` has left is then in the environment. */
static bool load(const struct command_line *line, struct settings *settings_out)
{
    struct buffer problems = { 0 };

    if (line->data != NULL)
        setenv(data_name, line->data, 1);
    if (settings_load(line->config, settings_out, &problems) == STATUS_OK) {
        find_key(settings_out);
        admin_settings_find(settings_out, settings_out->data_directory, false);
    }
    settings_finish(settings_out);
    buffer_clear(&problems);
    enum status status = settings_load(line->config, settings_out, &problems);
    if (status != STATUS_OK)
        print_problems(&problems);
    buffer_finish(&problems);
    return status == STATUS_OK;
}

/* --- printing ------------------------------------------------------------------------------- */

static void print_json(const struct doctor_finding *finding)
{
    struct json_writer w = { 0 };

    json_begin_object(&w);
    json_put_string(&w, "severity", doctor_report_severity_name(finding->severity));
    json_put_string(&w, "setting", finding->setting);
    json_put_string(&w, "text", finding->text);
    json_end_object(&w);
    console_json(buffer_text(&w.out));
    buffer_finish(&w.out);
}

static void print(const struct doctor_report *report, bool as_json)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->items[i];
        if (as_json)
            print_json(finding);
        else
            console_line("%-4s  %-26s  %s", doctor_report_severity_name(finding->severity),
                         finding->setting, finding->text);
    }
}

/* `make run` reads it, the programs by themselves do not. */
static void check_file(const struct command_line *line, struct doctor_report *report)
{
    if (line->config == NULL && access("config.json", F_OK) == 0)
        doctor_report_add(report, DOCTOR_WARN, "--config",
                          "not given, and `make run` reads ./config.json: give --config "
                          "config.json if the messenger runs so");
}

int doctor_run(const struct command_line *line)
{
    struct settings settings;
    struct doctor_report report = { 0 };
    int64_t deadline_us = clock_mono_us() + LOOK_UP_MS * 1000;
    struct doctor_look_up look_up = { doctor_hosts_look_up, &deadline_us };
    int code = EXIT_UNUSABLE;

    if (load(line, &settings)) {
        check_file(line, &report);
        doctor_checks_settings(&report, &settings, &look_up);
        doctor_checks_files(&report, &settings);
        print(&report, (line->options & OPTION_JSON) != 0);
        code = doctor_report_warns(&report) ? EXIT_FINDINGS : EXIT_FIT;
    }
    doctor_report_finish(&report);
    settings_finish(&settings);
    return code;
}
