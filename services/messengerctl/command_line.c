#include "services/messengerctl/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/text.h"
#include "services/messengerctl/console.h"

static const struct option {
    const char *name;
    enum command_option option;
    bool has_value;
} options[] = {
    { "--data", OPTION_DATA, true },     { "--force", OPTION_FORCE, false },
    { "--json", OPTION_JSON, false },    { "--expires", OPTION_EXPIRES, true },
    { "--config", OPTION_CONFIG, true },
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

static bool set_option(struct command_line *line, const struct option *option, const char *value)
{
    line->options |= option->option;
    if (option->option == OPTION_DATA)
        line->data = value;
    else if (option->option == OPTION_CONFIG)
        line->config = value;
    else if (option->option == OPTION_EXPIRES && !text_to_seconds(value, &line->expires_s)) {
        console_error("--expires %s is no duration such as 30m, 24h or \"1 week\"", value);
        return false;
    }
    return true;
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
        if (option->has_value && (value = argv[++i]) == NULL) {
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
