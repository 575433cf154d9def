#include "services/messengerctl/doctor/doctor_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "services/common/base/memory.h"
#include "services/common/base/networks.h"
#include "services/messengerctl/doctor/doctor_files.h"
#include "services/messengerctl/doctor/doctor_store_url.h"

enum { PASSWORD_BYTES_MIN = 8 };

/* The cheapest of the equivalent costs in the OWASP Password Storage Cheat Sheet: 7 MiB, 5 passes.
 */
static const int64_t HASH_COST_MIN = INT64_C(7168) * 5;

static enum doctor_reach reach_of(const struct doctor_look_up *look_up, const char *host)
{
    return look_up->reach(look_up->ctx, host);
}

/* --- who may come in ------------------------------------------------------------------------ */

static void check_registration(struct doctor_report *report, const struct settings *settings)
{
    const char *mode = settings->registration_mode;

    if (strcmp(mode, "open") == 0)
        doctor_report_add(report, DOCTOR_WARN, "registration.mode",
                          "open: everybody may sign up; set it to invite or closed");
    else
        doctor_report_add(report, DOCTOR_OK, "registration.mode", "%s", mode);
}

static void check_consent(struct doctor_report *report, const struct settings *settings)
{
    if (settings->contacts_consent)
        doctor_report_add(report, DOCTOR_OK, "contacts.consent", "true");
    else
        doctor_report_add(report, DOCTOR_WARN, "contacts.consent",
                          "false: every account sees who is online; set it to true");
}

/* A key that is a shorter text, over and over. */
static bool is_repetition(const char *key)
{
    size_t length = strlen(key);

    for (size_t period = 1; period <= length / 2; period++)
        if (memcmp(key, key + period, length - period) == 0)
            return true;
    return false;
}

static void check_key(struct doctor_report *report, const struct settings *settings)
{
    static const char name[] = "JWT.privateKey";
    const char *key = settings->jwt_private_key;
    const char *weak = settings_weak_key(key);

    if (*key == '\0')
        doctor_report_add(report, DOCTOR_BAD, name,
                          "missing: set it to the gateway's, or name the directory of `make run` "
                          "with --data");
    else if (weak != NULL || is_repetition(key))
        doctor_report_add(report, DOCTOR_BAD, name,
                          "weak, %s: with it anybody can act as any user; make one with `openssl "
                          "rand -hex 32`, and set MESSENGER_ENV=production",
                          weak != NULL ? weak : "it repeats itself");
    else
        doctor_report_add(report, DOCTOR_OK, name, "at least 32 bytes, not known");
}

/* --- TLS in front --------------------------------------------------------------------------- */

/* A URL or an origin. */
static struct doctor_host host_of(const char *url)
{
    struct doctor_host host = { "", false, false };

    doctor_hosts_next(&url, &host);
    return host;
}

static bool has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), of_end = strlen(end);

    return length >= of_end && strcasecmp(text + length - of_end, end) == 0;
}

/* A name that does not resolve is not public if it has no dot, or one of the ends for private use
 * (RFC 6762, RFC 8375). */
static bool is_public(const struct doctor_look_up *look_up, const char *host)
{
    static const char *const private[] = { ".local", ".lan", ".internal", ".home.arpa" };
    enum doctor_reach reach = reach_of(look_up, host);

    if (reach != DOCTOR_REACH_UNKNOWN)
        return reach == DOCTOR_REACH_PUBLIC;
    for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
        if (ends_with(host, private[i]))
            return false;
    return strchr(host, '.') != NULL;
}

static void check_address(struct doctor_report *report, const struct settings *settings,
                          const struct doctor_look_up *look_up)
{
    static const char name[] = "app.url";
    const char *url = settings->app_url;
    struct doctor_host host = host_of(url);

    if (*url == '\0')
        doctor_report_add(report, DOCTOR_WARN, name,
                          "not set: put TLS in front (docs/operating.md, HTTPS), and set it to the "
                          "https:// address");
    else if (has_scheme(url, "https://"))
        doctor_report_add(report, DOCTOR_OK, name, "%s", url);
    else
        doctor_report_add(report, is_public(look_up, host.name) ? DOCTOR_BAD : DOCTOR_WARN, name,
                          "%s is without TLS: passwords and messages can be read on the way; put "
                          "TLS in front (docs/operating.md, HTTPS), and set it to https://",
                          url);
}

static void check_cookie(struct doctor_report *report, const struct settings *settings)
{
    static const char name[] = "cookie.secure";

    if (settings->cookie_secure)
        doctor_report_add(report, DOCTOR_OK, name, "true");
    else if (*settings->gateway_trusted_proxies != '\0')
        doctor_report_add(report, DOCTOR_OK, name,
                          "as the proxies of gateway.trustedProxies report");
    else
        doctor_report_add(report, DOCTOR_WARN, name,
                          "false, and no proxy is trusted: the cookie also goes over plain HTTP; "
                          "set gateway.trustedProxies to the proxy with TLS, or this to true");
}

/* Whether a list has both of two addresses that no network of one owner has. */
static bool holds_all(const struct networks *networks)
{
    for (int first = 0; first < 256; first += 2) {
        char one[24], other[24];
        snprintf(one, sizeof(one), "%d.0.113.7", first);
        snprintf(other, sizeof(other), "%d.0.113.7", first + 1);
        if (networks_contain(networks, one) && networks_contain(networks, other))
            return true;
    }
    return networks_contain(networks, "2001:db8::1") && networks_contain(networks, "2a00::1");
}

static void check_proxies(struct doctor_report *report, const struct settings *settings)
{
    static const char name[] = "gateway.trustedProxies";
    char bad[NETWORKS_ENTRY_SIZE];
    struct networks *networks = networks_parse(settings->gateway_trusted_proxies, bad);

    if (networks != NULL && holds_all(networks))
        doctor_report_add(report, DOCTOR_BAD, name,
                          "%s: clients may forge their address, and so evade limits; name the "
                          "proxies only",
                          settings->gateway_trusted_proxies);
    else if (*settings->gateway_trusted_proxies != '\0')
        doctor_report_add(report, DOCTOR_OK, name, "%s", settings->gateway_trusted_proxies);
    networks_destroy(&networks);
}

static bool check_origin(struct doctor_report *report, const char *name, const char *origin,
                         const struct doctor_look_up *look_up)
{
    struct doctor_host host = host_of(origin);

    if (!has_scheme(origin, "http://") || !is_public(look_up, host.name))
        return true;
    doctor_report_add(
        report, DOCTOR_WARN, name,
        "%s is without TLS: an attacker who changes that page on the way acts as its user; "
        "set it to the https:// origin",
        origin);
    return false;
}

static void check_origins(struct doctor_report *report, const struct settings *settings,
                          const struct doctor_look_up *look_up)
{
    char *list = xstrdup(settings->websocket_allowed_origins), *rest = list;

    if (check_origin(report, "client.url", settings->client_url, look_up))
        doctor_report_add(report, DOCTOR_OK, "client.url", "%s",
                          *settings->client_url != '\0' ? settings->client_url : "none");
    for (char *origin; (origin = strtok_r(rest, ", ", &rest)) != NULL;)
        check_origin(report, "webSocket.allowedOrigins", origin, look_up);
    free(list);
}

/* --- the bus -------------------------------------------------------------------------------- */

struct servers {
    size_t count;
    enum doctor_reach worst;
    char host[DOCTOR_HOST_SIZE]; /* the one of `worst` */
    bool has_login, is_tls, has_unknown;
    char unknown[DOCTOR_HOST_SIZE];
};

static struct servers look_at_servers(const char *urls, const struct doctor_look_up *look_up)
{
    struct servers servers = { .has_login = true, .is_tls = true };

    for (struct doctor_host host; doctor_hosts_next(&urls, &host);) {
        enum doctor_reach reach = reach_of(look_up, host.name);
        servers.count++;
        servers.has_login = servers.has_login && host.has_login;
        servers.is_tls = servers.is_tls && host.is_tls;
        if (reach == DOCTOR_REACH_UNKNOWN) {
            servers.has_unknown = true;
            snprintf(servers.unknown, sizeof(servers.unknown), "%s", host.name);
        } else if (reach > servers.worst) {
            servers.worst = reach;
            snprintf(servers.host, sizeof(servers.host), "%s", host.name);
        }
    }
    return servers;
}

static void check_nats_url(struct doctor_report *report, const struct servers *servers)
{
    static const char name[] = "nats.url";

    if (servers->count == 0)
        doctor_report_add(report, DOCTOR_BAD, name, "names no server");
    else if (servers->is_tls)
        doctor_report_add(report, DOCTOR_OK, name, "with TLS");
    else if (servers->worst == DOCTOR_REACH_PUBLIC)
        doctor_report_add(report, DOCTOR_BAD, name,
                          "%s has a public address, and no TLS: passwords and messages can be read "
                          "on the way; use a private address, or tls://",
                          servers->host);
    else if (servers->has_unknown)
        doctor_report_add(
            report, DOCTOR_WARN, name,
            "%s does not resolve here: run this where the services run, or use tls://",
            servers->unknown);
    else
        doctor_report_add(report, DOCTOR_OK, name, "%s is %s", servers->host,
                          servers->worst == DOCTOR_REACH_PRIVATE ? "on a private network"
                                                                 : "this machine");
}

static void check_nats(struct doctor_report *report, const struct settings *settings,
                       const struct doctor_look_up *look_up)
{
    static const char name[] = "nats.user";
    struct servers servers = look_at_servers(settings->nats_url, look_up);

    check_nats_url(report, &servers);
    if (*settings->nats_user != '\0')
        doctor_report_add(report, DOCTOR_OK, name, "%s, with a password", settings->nats_user);
    else if (servers.has_login)
        doctor_report_add(report, DOCTOR_OK, name, "the log-in is in nats.url");
    else
        doctor_report_add(report, servers.worst == DOCTOR_REACH_LOOPBACK ? DOCTOR_WARN : DOCTOR_BAD,
                          name,
                          "none: anybody who reaches NATS reads all messages and acts as any user; "
                          "start it with deploy/nats.conf, and set nats.user and nats.password");
}

/* --- the stores ----------------------------------------------------------------------------- */

static void check_store_url(struct doctor_report *report, const char *name, const char *url,
                            const struct doctor_look_up *look_up)
{
    struct doctor_store_url parts;
    struct servers servers;

    if (!doctor_store_url_read(url, &parts))
        return;
    servers = look_at_servers(parts.hosts, look_up);
    if (parts.has_tls)
        doctor_report_add(report, DOCTOR_OK, name, "MongoDB, with TLS");
    else if (servers.worst == DOCTOR_REACH_PUBLIC)
        doctor_report_add(report, DOCTOR_BAD, name,
                          "%s has a public address, and no verified TLS: what is stored can be "
                          "read on the way; use a private address, or tls=true",
                          servers.host);
    else if (servers.has_unknown)
        doctor_report_add(report, DOCTOR_WARN, name,
                          "%s does not resolve here: run this where the services run, or use "
                          "tls=true",
                          servers.unknown);
    else
        doctor_report_add(report, DOCTOR_OK, name, "MongoDB, not on a public address");
    doctor_store_url_finish(&parts);
}

/* --- the other numbers ---------------------------------------------------------------------- */

static void check_limits(struct doctor_report *report, const struct settings *settings)
{
    const struct {
        const char *name;
        int64_t value;
    } limits[] = {
        { "limits.callsPerSecond", settings->limit_calls_per_second },
        { "limits.connectionsPerAddress", settings->limit_connections_per_address },
        { "limits.failedLoginsPerAccount", settings->limit_failed_logins_per_account },
        { "limits.failedLoginsPerAddress", settings->limit_failed_logins_per_address },
        { "limits.loginsPerMinute", settings->limit_logins_per_minute },
        { "limits.messageKibPerMinute", settings->limit_message_kib_per_minute },
        { "limits.signupsPerMinute", settings->limit_signups_per_minute },
        { "limits.socketsPerAddress", settings->limit_sockets_per_address },
        { "limits.storedMibPerUser", settings->limit_stored_mib_per_user },
        { "limits.uploadsPerMinute", settings->limit_uploads_per_minute },
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].value == 0)
            doctor_report_add(report, DOCTOR_WARN, limits[i].name,
                              "0, so no limit: leave it at its default");
}

static void check_passwords(struct doctor_report *report, const struct settings *settings)
{
    if (settings->password_min_length < PASSWORD_BYTES_MIN)
        doctor_report_add(report, DOCTOR_WARN, "password.minLength",
                          "%" PRId64 ": leave it at %d, or more", settings->password_min_length,
                          PASSWORD_BYTES_MIN);
    if (settings->password_hash_memory_kib * settings->password_hash_passes < HASH_COST_MIN)
        doctor_report_add(report, DOCTOR_WARN, "password.hashMemoryKib",
                          "%" PRId64 ", with %" PRId64 " passes: a stolen store is guessed "
                          "cheaply; leave both at their defaults",
                          settings->password_hash_memory_kib, settings->password_hash_passes);
}

/* --- all ------------------------------------------------------------------------------------ */

void doctor_checks_settings(struct doctor_report *report, const struct settings *settings,
                            const struct doctor_look_up *look_up)
{
    check_registration(report, settings);
    check_consent(report, settings);
    check_key(report, settings);
    check_address(report, settings, look_up);
    check_cookie(report, settings);
    check_proxies(report, settings);
    check_origins(report, settings, look_up);
    check_nats(report, settings, look_up);
    check_store_url(report, "store.users", settings->store_users, look_up);
    check_store_url(report, "store.messages", settings->store_messages, look_up);
    check_limits(report, settings);
    check_passwords(report, settings);
}

static const char *sqlite_path(const char *url)
{
    static const char scheme[] = "sqlite://";

    return strncmp(url, scheme, strlen(scheme)) == 0 ? url + strlen(scheme) : NULL;
}

static void check_configured_file(struct doctor_report *report, const char *name, const char *url)
{
    const char *path = sqlite_path(url);

    if (path != NULL)
        doctor_files_check_stores(report, name, &path, 1);
}

void doctor_checks_files(struct doctor_report *report, const struct settings *settings)
{
    const char *paths[2];
    size_t count = 0;
    char *users = xasprintf("%s/users.db", settings->data_directory);
    char *messages = xasprintf("%s/messages.db", settings->data_directory);

    if (*settings->store_users == '\0')
        paths[count++] = users;
    if (*settings->store_messages == '\0')
        paths[count++] = messages;
    if (count > 0)
        doctor_files_check_stores(report, "data.directory", paths, count);
    check_configured_file(report, "store.users", settings->store_users);
    check_configured_file(report, "store.messages", settings->store_messages);
    free(messages);
    free(users);
}
