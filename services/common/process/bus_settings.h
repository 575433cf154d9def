#ifndef COMMON_PROCESS_BUS_SETTINGS_H
#define COMMON_PROCESS_BUS_SETTINGS_H

#include "services/common/bus/bus.h"
#include "services/common/process/settings.h"

/* How to connect to NATS, by the configuration, without callbacks. Its texts are the settings',
 * and `name`, borrowed. */
struct bus_options bus_settings_options(const struct settings *settings, const char *name);

#endif
