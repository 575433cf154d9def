#ifndef USER_LOGIN_CLIENT_NETWORK_H
#define USER_LOGIN_CLIENT_NETWORK_H

#include <stdbool.h>

/*
 * The network of a client, as a gateway passes it on. What one customer of a provider has whole is
 * one client: an IPv4 address, or the /64 of an IPv6 address (RFC 6177: the smallest that a site
 * gets). Not the /24 of an IPv4 address, whose neighbours are other customers.
 */
enum { CLIENT_NETWORK_SIZE = 64 };
struct client_network {
    char name[CLIENT_NETWORK_SIZE]; /* "192.0.2.3", "2001:db8:0:1::/64"; "": unknown */
    char site[CLIENT_NETWORK_SIZE]; /* IPv6: its /48, of which a customer may have all; else "" */
};

/*
 * False unless the text is "" or such a name in canonical form (RFC 5952; not an IPv4 address
 * inside IPv6). It is untrusted, and of any length. False zeroes the network.
 */
bool client_network_parse(const char *text, struct client_network *network_out);

/* The same for handlers: what is wrong with the field client_network of a request; NULL: nothing.
 */
const char *client_network_check(const char *text, struct client_network *network_out);

/* The canonical form of an address in any form, and its network. When it is none: the text itself,
 * cut off, and "". */
void client_network_of(const char *address, char address_out[CLIENT_NETWORK_SIZE],
                       char network_out[CLIENT_NETWORK_SIZE]);

#endif
