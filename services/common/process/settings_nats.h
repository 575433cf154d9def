#ifndef COMMON_PROCESS_SETTINGS_NATS_H
#define COMMON_PROCESS_SETTINGS_NATS_H

#include "services/common/base/buffer.h"

/* The values of nats.*; none is NULL. */
struct settings_nats {
    const char *url, *user, *password;
    const char *ca_file, *cert_file, *key_file;
};

/* Appends a line to `problems` for each value that is not good, or does not go with the others;
 * files are opened. */
void settings_nats_check(const struct settings_nats *nats, struct buffer *problems);

#endif
