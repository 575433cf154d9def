#ifndef MESSENGERCTL_DOCTOR_DOCTOR_STORE_URL_H
#define MESSENGERCTL_DOCTOR_DOCTOR_STORE_URL_H

#include <stdbool.h>

/* The servers of a mongodb:// or mongodb+srv:// URL, and whether the connection is encrypted. */
struct doctor_store_url {
    char *hosts;  /* separated by commas, without the log-in */
    bool has_tls; /* and certificates are verified */
};

/* False, and nothing to free, for any other URL. */
bool doctor_store_url_read(const char *url, struct doctor_store_url *parts_out);
void doctor_store_url_finish(struct doctor_store_url *parts);

#endif
