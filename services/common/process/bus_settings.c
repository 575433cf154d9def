#include "services/common/process/bus_settings.h"

struct bus_options bus_settings_options(const struct settings *settings, const char *name)
{
    return (struct bus_options){
        .url = settings->nats_url,
        .name = name,
        .user = settings->nats_user,
        .password = settings->nats_password,
        .tls = { settings->nats_ca_file, settings->nats_cert_file, settings->nats_key_file },
    };
}
