#ifndef COMMON_PROCESS_SETTINGS_ROWS_H
#define COMMON_PROCESS_SETTINGS_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* The settings, one row each, by key: what settings.c reads, checks and prints. */

/* `SECRET` is a text that is never printed; `SECONDS` are written with a unit, "72h". */
enum settings_kind {
    SETTINGS_TEXT,
    SETTINGS_SECRET,
    SETTINGS_INT,
    SETTINGS_BOOL,
    SETTINGS_SECONDS
};

struct settings_row {
    const char *key;
    enum settings_kind kind;
    size_t offset; /* in struct settings */
    const char *initial;
    int64_t min, max; /* of an int; of a text, its length */
    const char *meaning;
};

extern const struct settings_row settings_rows[];
extern const size_t settings_row_count;

#endif
