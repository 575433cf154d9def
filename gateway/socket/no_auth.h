#ifndef GATEWAY_SOCKET_NO_AUTH_H
#define GATEWAY_SOCKET_NO_AUTH_H

/* The error of a client that must log in, in answers of HTTP and as the reason of a close frame.
 * Clients of the original parse the reason as JSON. */

#define NO_AUTH_NAME "NoAuthJWTError"
#define NO_AUTH_MISSING "Authorization data missing."
#define NO_AUTH_EXPIRED "Authorization data expired."

#define NO_AUTH_REASON(message)                                                                    \
    "{\"Error\":{\"name\":\"" NO_AUTH_NAME "\",\"message\":\"" message "\"}}"

#endif
