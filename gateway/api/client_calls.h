#ifndef GATEWAY_API_CLIENT_CALLS_H
#define GATEWAY_API_CLIENT_CALLS_H

#include <stddef.h>

/*
 * Processes the calls of clients, one text of each session at a time (session.h). A call that does
 * not block, such as sending a message, is processed on the thread that received it, and its answer
 * is sent on the thread that receives the service's reply. Any other call runs on a thread of a
 * pool. While all of these are busy it is queued and its deadline runs, so that clients get their
 * "unavailable" in time, however many call.
 */
struct client_calls;
struct api_context;
struct session;

/* `api` is borrowed until client_calls_destroy. */
struct client_calls *client_calls_create(const struct api_context *api);

/* Processes a text of the session: calls session_call_begins at once, and session_call_ends when
 * the answer has been sent. `text` is borrowed for the call. On the socket's thread; does not
 * block. */
void client_calls_begin(struct client_calls *calls, struct session *session, const char *text,
                        size_t length);

/* After all sessions have been shut, or shutdown has timed out. All requests of this process to
 * services end as unavailable; waits until the calls in progress have ended. */
void client_calls_destroy(struct client_calls **calls);

#endif
