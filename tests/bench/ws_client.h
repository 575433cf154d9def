#ifndef BENCH_WS_CLIENT_H
#define BENCH_WS_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/buffer.h"
#include "tests/bench/histogram.h"
#include "tests/bench/loop.h"

/*
 * WebSockets of a messenger: as many as are wanted, each with the token of a user, in one loop.
 * Answers pings. Masks with zeros, which is allowed and leaves the payload as it is.
 */
struct ws_client;

enum ws_state { WS_CLOSED, WS_CONNECTING, WS_UPGRADING, WS_OPEN };

/* Where the clients connect to, and what they call. */
struct ws_server {
    struct loop *loop;
    struct sockaddr_in address;
    const char *path;
    void (*on_text)(struct ws_client *client, const char *text, size_t length, int64_t now_ns);
    /* It is closed by now; it may be opened again, but not from here. NULL: a loss is a failure. */
    void (*on_lost)(struct ws_client *client, const char *why);
    /* What follows is kept here. */
    size_t opening, open, greeting;
    struct histogram upgrade_times; /* from the connect to the answer */
    unsigned next_source;
};

/* A zeroed one is closed. Fields but `owner` and `number` are for reading only. */
struct ws_client {
    struct watch watch;
    struct ws_server *server;
    enum ws_state state;
    bool greeting;     /* has said hello, and not been answered */
    const char *token; /* borrowed */
    int64_t began_ns;
    struct buffer out, rest;
    void *owner; /* the caller's */
    size_t number;
};

/* Takes "host:port" (a name, or an address of IPv4). The handlers are the caller's to set. */
void ws_server_init(struct ws_server *server, struct loop *loop, const char *address,
                    const char *path);

/* A socket that has begun to connect there. */
int ws_server_connect(struct ws_server *server);

/* Begins to connect. */
void ws_client_open(struct ws_client *client, struct ws_server *server, const char *token);

/* Closes without a word, as one who loses the network. */
void ws_client_close(struct ws_client *client);

/* Queues a text; all that is queued goes out with ws_client_flush, or at the end of the handler. */
void ws_client_send(struct ws_client *client, const char *text, size_t length);
void ws_client_flush(struct ws_client *client);

/* Opens them all, at most so many at a time, each with the token of its place; waits until they
 * are. Returns how many seconds it took. */
double ws_open_all(struct ws_server *server, struct ws_client *const *clients,
                   const char *const *tokens, size_t count, size_t at_once);

/* Calls `hello` on all of them and waits for the answers: only what happens after that is
 * guaranteed to be notified to each. */
void ws_greet_all(struct ws_server *server, struct ws_client *const *clients, size_t count);

#endif
