#ifndef COMMON_PROCESS_HEALTHCHECK_H
#define COMMON_PROCESS_HEALTHCHECK_H

#include <stdbool.h>

#include "services/common/base/buffer.h"
#include "services/common/process/settings.h"

/*
 * Health checks of another process (`--healthcheck`), without a shell or another tool. Both wait at
 * most 3 seconds and give the reason of their verdict in a few words.
 */

/* Whether the instance of the service `name` on this host answers on the bus and is ready. With
 * several on one host, any of them; in a container there is one. */
bool healthcheck_ask_bus(const struct settings *settings, const char *name, struct buffer *why);

/* Whether GET http://<host>:<port><path> is answered with 200. `host` is an IPv4 address; "": this
 * host. */
bool healthcheck_ask_http(const char *host, int port, const char *path, struct buffer *why);

#endif
