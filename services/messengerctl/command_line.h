#ifndef MESSENGERCTL_COMMAND_LINE_H
#define MESSENGERCTL_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* The options of messengerctl, and the words that are none. */
enum command_option {
    OPTION_DATA = 1 << 0,
    OPTION_FORCE = 1 << 1,
    OPTION_JSON = 1 << 2,
    OPTION_EXPIRES = 1 << 3,
    OPTION_CONFIG = 1 << 4,
};

enum { COMMAND_WORDS_MAX = 8 };

/* All strings are borrowed of the arguments and of the environment. */
struct command_line {
    const char *words[COMMAND_WORDS_MAX]; /* the rest is NULL */
    int count;
    unsigned options;   /* that were given */
    const char *data;   /* of --data, or of the environment, or NULL */
    const char *config; /* of --config, or MESSENGER_CONFIG, or NULL */
    int64_t expires_s;  /* of --expires, or 0 */
};

/* False, printed, for an unknown option, a missing or invalid value, and too many words. */
bool command_line_read(int argc, char **argv, struct command_line *line_out);

/* The directory with the SQLite stores. */
const char *command_line_data(const struct command_line *line);

#endif
