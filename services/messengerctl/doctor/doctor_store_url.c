#include "services/messengerctl/doctor/doctor_store_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "services/common/base/memory.h"

/* As libmongoc has it: +srv implies TLS, so does any other option of it, tls or its older name ssl
 * decides. */
struct options {
    bool implied, given, wanted, is_unverified;
};

static bool is_true(const char *value)
{
    static const char *const words[] = { "true", "1", "yes", "y", "t" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

static void read_option(const char *key, const char *value, struct options *options)
{
    static const char *const unverified[] = { "tlsInsecure", "tlsAllowInvalidCertificates",
                                              "tlsAllowInvalidHostnames",
                                              "sslAllowInvalidCertificates",
                                              "sslAllowInvalidHostnames" };

    if (strcasecmp(key, "tls") == 0 || strcasecmp(key, "ssl") == 0) {
        options->given = true;
        options->wanted = is_true(value);
    } else if (strncasecmp(key, "tls", 3) == 0 || strncasecmp(key, "ssl", 3) == 0) {
        options->implied = true;
    }
    for (size_t i = 0; i < sizeof(unverified) / sizeof(unverified[0]); i++)
        if (strcasecmp(key, unverified[i]) == 0 && is_true(value))
            options->is_unverified = true;
}

static void read_options(const char *text, struct options *options)
{
    char *list = xstrdup(text), *rest = list;

    for (char *option; (option = strtok_r(rest, "&;", &rest)) != NULL;) {
        char *equals = strchr(option, '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        read_option(option, equals + 1, options);
    }
    memory_wipe(list, strlen(text));
    free(list);
}

bool doctor_store_url_read(const char *url, struct doctor_store_url *parts_out)
{
    static const char plain[] = "mongodb://", srv[] = "mongodb+srv://";
    struct options options = { 0 };

    options.implied = strncmp(url, srv, strlen(srv)) == 0;
    if (!options.implied && strncmp(url, plain, strlen(plain)) != 0)
        return false;
    url += options.implied ? strlen(srv) : strlen(plain);
    size_t length = strcspn(url, "/?");
    const char *query = strchr(url + length, '?');
    char *hosts = xstrndup(url, length), *login = strrchr(hosts, '@');
    if (query != NULL)
        read_options(query + 1, &options);
    parts_out->hosts = xstrdup(login != NULL ? login + 1 : hosts);
    parts_out->has_tls =
        (options.given ? options.wanted : options.implied) && !options.is_unverified;
    memory_wipe(hosts, length);
    free(hosts);
    return true;
}

void doctor_store_url_finish(struct doctor_store_url *parts)
{
    free(parts->hosts);
    parts->hosts = NULL;
}
