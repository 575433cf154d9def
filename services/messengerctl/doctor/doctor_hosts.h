#ifndef MESSENGERCTL_DOCTOR_DOCTOR_HOSTS_H
#define MESSENGERCTL_DOCTOR_DOCTOR_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The hosts in URLs, and from where their addresses are reached. */

/* By the address of a host that is reached from the largest network. */
enum doctor_reach {
    DOCTOR_REACH_UNKNOWN, /* the name does not resolve, or not in time */
    DOCTOR_REACH_LOOPBACK,
    DOCTOR_REACH_PRIVATE, /* RFC 1918, RFC 4193, link-local */
    DOCTOR_REACH_PUBLIC,  /* any other */
};

/* One entry of a list of URLs or hosts. */
enum { DOCTOR_HOST_SIZE = 256 };
struct doctor_host {
    char name[DOCTOR_HOST_SIZE]; /* without scheme, log-in, brackets, port and path; truncated */
    bool is_tls;                 /* the scheme is tls:// */
    bool has_login;
};

/* The next entry of a list that is separated by commas or spaces; moves `*list` behind it. False:
 * there is none. */
bool doctor_hosts_next(const char **list, struct doctor_host *host_out);

/* Of a numeric address, IPv4 or IPv6; DOCTOR_REACH_UNKNOWN for any other text. */
enum doctor_reach doctor_hosts_reach_of_address(const char *address);

/* Resolves a name, until `*deadline_us` of clock_mono_us at the latest: it is the `ctx` of a
 * doctor_look_up. */
enum doctor_reach doctor_hosts_look_up(void *deadline_us, const char *name);

#endif
