#ifndef GATEWAY_API_CLIENT_CALLS_H
#define GATEWAY_API_CLIENT_CALLS_H

#include <stddef.h>

/*
 * Carries out what clients ask. Of each session one text is under way at a time (session.h). What
 * does not block, such as sending a message, is begun where it arrives, and its answer goes out
 * where the service's reply arrives; all else gets a thread of a pool meanwhile. If all of those
 * are taken, it waits, and its time runs: so whoever asks is told in time that the services are
 * unavailable, however many ask.
 */
struct client_calls;
struct api_context;
struct session;

/* `api` is borrowed until client_calls_destroy. */
struct client_calls *client_calls_create(const struct api_context *api);

/* Carries out a text of the session; from its session_call_begins, which this calls, to its
 * session_call_ends. `text` is not needed afterwards. The thread of the socket; does not block. */
void client_calls_begin(struct client_calls *calls, struct session *session, const char *text,
                        size_t length);

/* After all sessions are shut, or as good as that. What is under way is given up: the requests of
 * this process to services, of calls or not, end as unavailable. */
void client_calls_destroy(struct client_calls **calls);

#endif
