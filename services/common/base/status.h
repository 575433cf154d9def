#ifndef COMMON_BASE_STATUS_H
#define COMMON_BASE_STATUS_H

/*
 * The one closed list of outcomes. The numbers are those of messenger.ErrorCode
 * (proto/common.proto) and travel in the header Nats-Service-Error-Code; rpc_server.c
 * asserts that the two lists agree.
 */
enum status {
    STATUS_OK = 0,
    STATUS_INVALID_ARGUMENT = 400,
    STATUS_UNAUTHENTICATED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404,
    STATUS_ALREADY_EXISTS = 409,
    STATUS_CONFLICT = 410,
    STATUS_LIMITED = 420,
    STATUS_BUSY = 429,
    STATUS_INTERNAL = 500,
    STATUS_UNAVAILABLE = 503,
    STATUS_DEADLINE_EXCEEDED = 504,
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* "NOT_FOUND"; never NULL, "UNKNOWN" for a number that is not in the list. */
const char *status_name(enum status status);

/* The status of a number read from outside; STATUS_INTERNAL when it is not in the list. */
enum status status_from_number(long number);

#endif
