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
    OPTION_USER = 1 << 5,
    OPTION_KIND = 1 << 6,
    OPTION_ADDRESS = 1 << 7,
    OPTION_SINCE = 1 << 8,
    OPTION_UNTIL = 1 << 9,
    OPTION_LIMIT = 1 << 10,
};

enum { COMMAND_WORDS_MAX = 8 };

/* All strings are borrowed of the arguments and of the environment. */
struct command_line {
    const char *words[COMMAND_WORDS_MAX]; /* the rest is NULL */
    int count;
    unsigned options;                  /* that were given */
    const char *data;                  /* of --data, or of the environment, or NULL */
    const char *config;                /* of --config, or MESSENGER_CONFIG, or NULL */
    const char *user, *kind, *address; /* of these options, not empty, or NULL */
    int64_t since_ms, until_ms;        /* of these options, of the wall clock, or 0 */
    int64_t expires_s;                 /* of --expires, or 0 */
    int64_t limit;                     /* of --limit, or 0 */
};

/* False, printed, for an unknown option, a missing or invalid value, and too many words. */
bool command_line_read(int argc, char **argv, struct command_line *line_out);

/* The directory with the SQLite stores. */
const char *command_line_data(const struct command_line *line);

#endif
