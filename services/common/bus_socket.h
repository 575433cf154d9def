#ifndef COMMON_BUS_SOCKET_H
#define COMMON_BUS_SOCKET_H

/*
 * Several messages for NATS in one system call. The library writes each with a send() of its own,
 * under the lock of its connection; most of the cost of a small message is that call. So this file
 * defines send() for the process, and the library, which calls it by name, gets this one. It
 * differs from the system's only on a thread that gathers: there the bytes are kept, and go out in
 * front of those of the last message, still under the connection's lock, so that nothing can come
 * between. They are whole messages, for between two calls below a thread sends whole ones only; if
 * the connection breaks meanwhile, they are lost as what the kernel holds is.
 *
 * A thread gathers for one connection at a time. With TLS the library does not call send(), and
 * nothing is gathered.
 */

/* What this thread sends from now on is kept in `kept`, all of it: small messages are meant. It is
 * the caller's, who lends it until bus_socket_end. May follow bus_socket_send_last. */
struct buffer;
void bus_socket_gather(struct buffer *kept);

/* What this thread sends next goes out at once, and takes along what was kept. */
void bus_socket_send_last(void);

/* After it; harmless without a beginning. What is still kept, for the library has not sent the
 * last, is forgotten. */
void bus_socket_end(void);

#endif
