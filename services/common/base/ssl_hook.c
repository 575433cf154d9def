#define _GNU_SOURCE /* RTLD_NEXT */
#include "services/common/base/ssl_hook.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static _Thread_local struct {
    ssl_hook *hook;
    void *ctx;
} set;

static _Atomic(ssl_hook_failed *) on_failed;
static atomic_int handshake_ms;

/* --- OpenSSL's own ------------------------------------------------------------------------- */

static struct {
    int (*read)(SSL *, void *, int);
    int (*write)(SSL *, const void *, int);
    int (*get_error)(const SSL *, int);
    int (*do_handshake)(SSL *);
} real;

static void find_one(const char *name, void *function, size_t size)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    memcpy(function, &symbol, size); /* C has no cast from void * to a function */
}

static void find_real(void)
{
    find_one("SSL_read", &real.read, sizeof(real.read));
    find_one("SSL_write", &real.write, sizeof(real.write));
    find_one("SSL_get_error", &real.get_error, sizeof(real.get_error));
    find_one("SSL_do_handshake", &real.do_handshake, sizeof(real.do_handshake));
}

static void need_real(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_real);
}

void ssl_hook_set(ssl_hook *hook, void *ctx)
{
    set.hook = hook;
    set.ctx = ctx;
}

void ssl_hook_watch(int timeout_ms, ssl_hook_failed *failed)
{
    atomic_store(&handshake_ms, timeout_ms);
    atomic_store(&on_failed, failed);
}

/* --- as a socket ----------------------------------------------------------------------------- */

/* The result of a call that returned `n`, which is not positive, with errno. */
static ssize_t socket_result(SSL *ssl, int n)
{
    int error = errno;

    switch (real.get_error(ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        errno = error == EAGAIN ? ECONNRESET : error;
        return error != 0 ? -1 : 0; /* 0: the end, without notice */
    default:
        errno = EPROTO;
        return -1;
    }
}

static int clip(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

static void begin_call(void)
{
    need_real();
    ERR_clear_error(); /* SSL_get_error looks at it */
    errno = 0;
}

ssize_t ssl_hook_receive(SSL *ssl, void *buffer, size_t size)
{
    begin_call();
    int n = real.read(ssl, buffer, clip(size));
    return n > 0 ? n : socket_result(ssl, n);
}

/* A write that was not completed is repeated with more data behind it, perhaps at another address.
 */
static int write_some(SSL *ssl, const void *data, int size)
{
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    begin_call();
    int n = real.write(ssl, data, size);
    return n > 0 ? n : (int)socket_result(ssl, n);
}

/* --- what fails ------------------------------------------------------------------------------ */

static bool is_watched(const SSL *ssl)
{
    return atomic_load(&on_failed) != NULL && !SSL_is_server(ssl) && SSL_get_fd(ssl) >= 0;
}

static void report(const SSL *ssl, int error)
{
    unsigned long cause = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(cause);

    if (ERR_GET_LIB(cause) == ERR_LIB_SSL &&
        ERR_GET_REASON(cause) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        reason = X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    else if (error == SSL_ERROR_WANT_READ)
        reason = "the server does not answer";
    else if (error == SSL_ERROR_SYSCALL)
        reason = "the server ends the connection";
    atomic_load (&on_failed)(reason != NULL ? reason : "an unknown error");
}

/* A blocking socket: without a limit the server could hold the thread for ever. */
static void limit_time(int fd, int ms)
{
    struct timeval wait = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

/* --- in the place of OpenSSL's ---------------------------------------------------------------- */

/* Visible to the libraries, unlike all other functions of this program. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int SSL_read(SSL *ssl, void *buffer, int size)
{
    if (set.hook != NULL)
        return (int)set.hook(set.ctx, ssl, buffer, size > 0 ? (size_t)size : 0);
    need_real();
    int n = real.read(ssl, buffer, size);
    if (n <= 0 && is_watched(ssl) && real.get_error(ssl, n) == SSL_ERROR_SSL)
        report(ssl, SSL_ERROR_SSL);
    return n;
}

EXPORTED int SSL_write(SSL *ssl, const void *data, int size)
{
    if (set.hook != NULL)
        return write_some(ssl, data, size);
    need_real();
    return real.write(ssl, data, size);
}

EXPORTED int SSL_get_error(const SSL *ssl, int result)
{
    if (set.hook != NULL)
        return result > 0 ? SSL_ERROR_NONE : SSL_ERROR_SYSCALL;
    need_real();
    return real.get_error(ssl, result);
}

EXPORTED int SSL_do_handshake(SSL *ssl)
{
    need_real();
    if (!is_watched(ssl))
        return real.do_handshake(ssl);
    limit_time(SSL_get_fd(ssl), atomic_load(&handshake_ms));
    ERR_clear_error(); /* what is found in it then is of this handshake */
    int result = real.do_handshake(ssl);
    limit_time(SSL_get_fd(ssl), 0);
    if (result != 1)
        report(ssl, real.get_error(ssl, result));
    return result;
}

/* --- self-test ----------------------------------------------------------------------------- */

enum { TEST_SIZE = 17, TEST_RESULT = 4711 };

static ssize_t note_call(void *ctx, SSL *ssl, void *buffer, size_t size)
{
    (void)ssl;
    (void)buffer;
    *(bool *)ctx = size == TEST_SIZE;
    return TEST_RESULT;
}

bool ssl_hook_works(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "SSL_read");
    int (*found)(SSL *, void *, int);
    ssl_hook *hook_before = set.hook;
    void *ctx_before = set.ctx;
    bool was_called = false;

    need_real();
    if (symbol == NULL || real.read == NULL || real.write == NULL || real.get_error == NULL ||
        real.do_handshake == NULL)
        return false;
    memcpy(&found, &symbol, sizeof(found));
    ssl_hook_set(note_call, &was_called);
    int result = found(NULL, NULL, TEST_SIZE);
    ssl_hook_set(hook_before, ctx_before);
    return was_called && result == TEST_RESULT;
}
