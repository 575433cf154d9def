#include "services/messengerctl/command_line.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "services/common/base/clock.h"
#include "services/common/base/text.h"
#include "services/messengerctl/console.h"
#include "services/messengerctl/local_time.h"

enum { NO_VALUE = -1, LIMIT_MAX = 1000000000 };

#define AT(field) (int)offsetof(struct command_line, field)

static const struct option {
    const char *name;
    enum command_option option;
    int place; /* of its value in the struct */
} options[] = {
    { "--data", OPTION_DATA, AT(data) },       { "--force", OPTION_FORCE, NO_VALUE },
    { "--json", OPTION_JSON, NO_VALUE },       { "--expires", OPTION_EXPIRES, AT(expires_s) },
    { "--config", OPTION_CONFIG, AT(config) }, { "--user", OPTION_USER, AT(user) },
    { "--kind", OPTION_KIND, AT(kind) },       { "--address", OPTION_ADDRESS, AT(address) },
    { "--since", OPTION_SINCE, AT(since_ms) }, { "--until", OPTION_UNTIL, AT(until_ms) },
    { "--limit", OPTION_LIMIT, AT(limit) },
};

/* Of a variable that is set and not empty, else NULL. */
static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    console_error("unknown option %s; see --help", name);
    return NULL;
}

static bool set_expires(struct command_line *line, const char *value)
{
    if (text_to_seconds(value, &line->expires_s))
        return true;
    console_error("--expires %s is no duration such as 30m, 24h or \"1 week\"", value);
    return false;
}

static bool set_limit(struct command_line *line, const char *value)
{
    if (text_to_int(value, 1, LIMIT_MAX, &line->limit))
        return true;
    console_error("--limit %s is no number from 1 to %d", value, LIMIT_MAX);
    return false;
}

static bool set_time(int64_t *wall_ms, const char *name, const char *value)
{
    if (local_time_read(value, clock_wall_ms(), wall_ms))
        return true;
    console_error("%s %s is no time such as 2h, 2026-11-28 or 2026-11-28T09:30", name, value);
    return false;
}

/* An empty one would stand for all. */
static bool set_text(struct command_line *line, const struct option *option, const char *value)
{
    enum { NEVER_EMPTY = OPTION_USER | OPTION_KIND | OPTION_ADDRESS };

    if (*value == '\0' && ((unsigned)option->option & NEVER_EMPTY) != 0) {
        console_error("%s is empty; see --help", option->name);
        return false;
    }
    memcpy((char *)line + option->place, &value, sizeof(value));
    return true;
}

static bool set_option(struct command_line *line, const struct option *option, const char *value)
{
    line->options |= option->option;
    switch (option->option) {
    case OPTION_EXPIRES:
        return set_expires(line, value);
    case OPTION_LIMIT:
        return set_limit(line, value);
    case OPTION_SINCE:
        return set_time(&line->since_ms, option->name, value);
    case OPTION_UNTIL:
        return set_time(&line->until_ms, option->name, value);
    default:
        return option->place == NO_VALUE || set_text(line, option, value);
    }
}

static bool add_word(struct command_line *line, const char *word)
{
    if (line->count == COMMAND_WORDS_MAX) {
        console_error("too many arguments; see --help");
        return false;
    }
    line->words[line->count++] = word;
    return true;
}

bool command_line_read(int argc, char **argv, struct command_line *line_out)
{
    bool good = true;

    *line_out = (struct command_line){ .config = from_environment("MESSENGER_CONFIG"),
                                       .data = from_environment("MESSENGER_DATA_DIRECTORY") };
    if (line_out->data == NULL)
        line_out->data = from_environment("DATA_DIR");
    for (int i = 1; i < argc && good; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--", 2) != 0) {
            good = add_word(line_out, argv[i]);
            continue;
        }
        const struct option *option = find_option(argv[i]);
        if (option == NULL)
            return false;
        if (option->place != NO_VALUE && (value = argv[++i]) == NULL) {
            console_error("%s needs a value; see --help", option->name);
            return false;
        }
        good = set_option(line_out, option, value);
    }
    return good;
}

const char *command_line_data(const struct command_line *line)
{
    return line->data != NULL ? line->data : "./data";
}
