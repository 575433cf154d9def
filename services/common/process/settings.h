#ifndef COMMON_PROCESS_SETTINGS_H
#define COMMON_PROCESS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "services/common/base/buffer.h"
#include "services/common/base/status.h"
#include "services/common/process/settings_data.h"

/*
 * The configuration of all programs: one file and one table (settings_rows.c) for the four of them,
 * so that a single config.json serves the whole installation. Sources, later ones win: the default,
 * the JSON file, the environment variable of the key (app.port is MESSENGER_APP_PORT; secrets may
 * also come from the file that MESSENGER_<KEY>_FILE names). Read once at start, then constant.
 */

/*
 * Reads all sources. `file` may be NULL (none). STATUS_INVALID_ARGUMENT when anything is invalid;
 * then `problems` has one line for each problem. Free with settings_finish in either case.
 */
enum status settings_load(const char *file, struct settings *settings_out,
                          struct buffer *problems) MUST_CHECK;
void settings_finish(struct settings *settings);

/* Prints the table: key, environment variable, default, meaning. */
void settings_print(FILE *out);

/* Prints the value of a key on a line; for a secret "(set)" or an empty line. False: no such
 * key. */
bool settings_print_value(const struct settings *settings, const char *key, FILE *out);

/* Why this JWT key is weak; NULL when it is not. */
const char *settings_weak_key(const char *key);

#endif
