#ifndef COMMON_BUS_BUS_LIBRARY_H
#define COMMON_BUS_BUS_LIBRARY_H

#include <nats/nats.h>
#include <stdbool.h>

/*
 * What we use of nats.c beyond what each version of its header declares. Every such function is
 * looked up when the program starts (a weak symbol), so that one source builds and runs with
 * Debian 12's 3.4.1 and Debian 13's 3.10.1.
 *
 * Read in the sources of 3.4.1, 3.10.1 and 3.13.0; built and tested with the first two.
 */
enum {
    BUS_LIBRARY_VERSION_MIN = 0x030400,
    BUS_LIBRARY_VERSION_END = 0x030e00, /* the first version whose source has not been read */
};

/*
 * Whether the library that is loaded, which need not be the one we were compiled with, can be used;
 * logs why not. A newer version than those read is used without the undeclared functions, after a
 * warning: slower, but nothing else depends on them.
 */
bool bus_library_check(void);

/* The same for a version given as (major << 16) | (minor << 8) | patch. */
bool bus_library_supports(unsigned version);

/* False: the undeclared functions count as missing, as they do for versions that were not reviewed.
 * True: they are looked up again. Only while there is no connection. */
void bus_library_use_undeclared(bool use);

/*
 * Undeclared: natsConn_setFilterWithClosure. `filter` sees each message on the thread that has read
 * it, under a lock of the connection, which it must not use; it keeps the message by setting
 * `*message` to NULL. May be set again. Where the function is missing, no filter is ever called and
 * the library's own threads deliver every message.
 */
typedef void bus_library_filter(natsConnection *nats, natsMsg **message, void *ctx);
void bus_library_set_filter(natsConnection *nats, bus_library_filter *filter, void *ctx);

/*
 * Undeclared: natsMsg_free. Frees a message on the calling thread; NULL is allowed. Where it is
 * missing, natsMsg_Destroy is called, which passes the message to a thread of the library: that
 * thread has to be woken, and memory freed on another thread is slow to reuse.
 */
void bus_library_free_message(natsMsg *message);

/*
 * Since 3.10 the library leaves the socket of a lost connection to its event loop, which closes it
 * by natsConnection_ProcessCloseEvent once it has stopped polling; before, the library closed it.
 * Nothing may read or write `fd` during the call, or after it.
 */
void bus_library_close_socket(int fd);

/* Since 3.11 the event loop must release the connection when it has detached from it
 * (natsConnection_ProcessDetachedEvent). The connection must not be used after it. */
void bus_library_release_detached(natsConnection *nats);

#endif
