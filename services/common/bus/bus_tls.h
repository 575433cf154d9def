#ifndef COMMON_BUS_BUS_TLS_H
#define COMMON_BUS_BUS_TLS_H

#include <nats/nats.h>
#include <stdbool.h>

/*
 * TLS for the connection to NATS. The server's name must be in its certificate, and an authority of
 * this system or of `ca_file` must have signed it. A server that is reached as nats:// and demands
 * TLS gets it, by the same rules; one reached as tls:// that offers none is refused.
 */
struct bus_tls {
    const char *ca_file;   /* "" or NULL: only the authorities of the system */
    const char *cert_file; /* of this program, with its key_file, if servers ask for one; or "" */
    const char *key_file;
};

/* Whether the servers, by commas, are reached by TLS. */
bool bus_tls_is_url(const char *urls);

/* Reads the files. The reason of a failure is logged. */
natsStatus bus_tls_set(natsOptions *options, const char *urls, const struct bus_tls *tls);

/* As a failure that bus_tls_watch is about. */
void bus_tls_report(const char *reason);

/*
 * From now on, for all connections of this process: failures of TLS are logged, a repeated reason
 * once in 30 s, and passed to `failed`, unless NULL, on a thread of the library: it must not use
 * the bus, and may end the process.
 */
void bus_tls_watch(void (*failed)(void *ctx, const char *reason), void *ctx);

#endif
