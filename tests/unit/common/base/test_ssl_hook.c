/* services/common/base/ssl_hook: OpenSSL's functions as a library finds them, over a pair of
 * sockets. */
#include "services/common/base/ssl_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { BUFFER = 32 * 1024, MUCH = 4 * 1024 * 1024 };

struct fixture {
    int fds[2];
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    char buffer[BUFFER];
};

static char reported[256];

static void note_failure(const char *reason)
{
    snprintf(reported, sizeof(reported), "%s", reason);
}

/* --- two ends ------------------------------------------------------------------------------- */

/* Signed by itself: a client that verifies it refuses it. */
static void add_certificate(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, f->fds) != 0)
        return -1;
    f->client_ctx = SSL_CTX_new(TLS_client_method());
    f->server_ctx = SSL_CTX_new(TLS_server_method());
    add_certificate(f->server_ctx);
    f->client = SSL_new(f->client_ctx);
    f->server = SSL_new(f->server_ctx);
    SSL_set_fd(f->client, f->fds[0]);
    SSL_set_fd(f->server, f->fds[1]);
    SSL_set_connect_state(f->client);
    SSL_set_accept_state(f->server);
    reported[0] = '\0';
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ssl_hook_set(NULL, NULL);
    ssl_hook_watch(0, NULL);
    SSL_free(f->client);
    SSL_free(f->server);
    SSL_CTX_free(f->client_ctx);
    SSL_CTX_free(f->server_ctx);
    close(f->fds[0]);
    if (f->fds[1] >= 0)
        close(f->fds[1]);
    free(f);
    return 0;
}

static void *accept_client(void *arg)
{
    struct fixture *f = arg;

    SSL_accept(f->server);
    return NULL;
}

static int shake_hands(struct fixture *f)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, accept_client, f), 0);
    int result = SSL_do_handshake(f->client);
    if (result != 1)
        shutdown(f->fds[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    return result;
}

static void do_not_block(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static ssize_t receive(void *ctx, SSL *ssl, void *buffer, size_t size)
{
    (void)ctx;
    return ssl_hook_receive(ssl, buffer, size);
}

/* --- reading -------------------------------------------------------------------------------- */

static void without_a_hook_it_is_openssl(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(shake_hands(f), 1);
    assert_int_equal(SSL_write(f->server, "abc", 3), 3);
    assert_int_equal(SSL_read(f->client, f->buffer, BUFFER), 3);
    assert_memory_equal(f->buffer, "abc", 3);
    do_not_block(f->fds[0]);
    int n = SSL_read(f->client, f->buffer, BUFFER);
    assert_int_equal(SSL_get_error(f->client, n), SSL_ERROR_WANT_READ);
}

static void with_a_hook_a_read_that_would_block_is_like_that_of_a_socket(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(shake_hands(f), 1);
    do_not_block(f->fds[0]);
    ssl_hook_set(receive, NULL);
    errno = 0;
    int n = SSL_read(f->client, f->buffer, BUFFER);
    assert_int_equal(n, -1);
    assert_int_equal(SSL_get_error(f->client, n), SSL_ERROR_SYSCALL);
    assert_int_equal(errno, EAGAIN);
    ssl_hook_set(NULL, NULL);
    assert_int_equal(SSL_write(f->server, "abc", 3), 3);
    ssl_hook_set(receive, NULL);
    assert_int_equal(SSL_read(f->client, f->buffer, BUFFER), 3);
    assert_memory_equal(f->buffer, "abc", 3);
}

static void a_whole_record_is_read_at_once(void **state)
{
    struct fixture *f = *state;
    char sent[16 * 1024] = "";

    assert_int_equal(shake_hands(f), 1);
    do_not_block(f->fds[0]);
    assert_int_equal(SSL_write(f->server, sent, sizeof(sent)), sizeof(sent));
    assert_int_equal(ssl_hook_receive(f->client, f->buffer, BUFFER), sizeof(sent));
    assert_int_equal(SSL_pending(f->client), 0);
}

static void the_end_is_read_as_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(shake_hands(f), 1);
    SSL_shutdown(f->server);
    assert_int_equal(ssl_hook_receive(f->client, f->buffer, BUFFER), 0);
}

static void bytes_that_are_no_tls_are_an_error(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(shake_hands(f), 1);
    assert_int_equal(write(f->fds[1], "this is no record of TLS", 24), 24);
    do_not_block(f->fds[0]);
    assert_int_equal(ssl_hook_receive(f->client, f->buffer, BUFFER), -1);
    assert_int_equal(errno, EPROTO);
}

static void the_hook_need_not_use_the_connection(void **state)
{
    (void)state;
    ssl_hook_set(receive, NULL);
    errno = EAGAIN;
    assert_int_equal(SSL_get_error(NULL, -1), SSL_ERROR_SYSCALL);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(SSL_get_error(NULL, 1), SSL_ERROR_NONE);
}

/* --- writing -------------------------------------------------------------------------------- */

/* As the library does: what was not accepted moves to the front, and more comes behind it. */
static void a_write_that_would_block_is_resumed_from_another_address(void **state)
{
    struct fixture *f = *state;
    char *first = calloc(1, MUCH), *second = calloc(1, MUCH + 100);
    size_t sent = 0, got = 0;

    assert_int_equal(shake_hands(f), 1);
    do_not_block(f->fds[0]);
    do_not_block(f->fds[1]);
    ssl_hook_set(receive, NULL);
    int n;
    while ((n = SSL_write(f->client, first + sent, MUCH - (int)sent)) > 0)
        sent += (size_t)n;
    assert_int_equal(n, -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(sent > 0 && sent < MUCH);
    while (sent < MUCH + 100) {
        while ((n = SSL_read(f->server, f->buffer, BUFFER)) > 0)
            got += (size_t)n;
        n = SSL_write(f->client, second + sent, MUCH + 100 - (int)sent);
        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
    }
    while ((n = SSL_read(f->server, f->buffer, BUFFER)) > 0)
        got += (size_t)n;
    assert_int_equal(got, sent);
    free(first);
    free(second);
}

/* --- handshakes ----------------------------------------------------------------------------- */

static void a_handshake_without_an_answer_ends(void **state)
{
    struct fixture *f = *state;

    ssl_hook_watch(50, note_failure);
    assert_int_not_equal(SSL_do_handshake(f->client), 1);
    assert_string_equal(reported, "the server does not answer");
}

static void the_limit_is_for_the_handshake_only(void **state)
{
    struct fixture *f = *state;
    struct timeval wait;
    socklen_t size = sizeof(wait);

    ssl_hook_watch(2000, note_failure);
    assert_int_equal(shake_hands(f), 1);
    assert_int_equal(getsockopt(f->fds[0], SOL_SOCKET, SO_RCVTIMEO, &wait, &size), 0);
    assert_true(wait.tv_sec == 0 && wait.tv_usec == 0);
    assert_string_equal(reported, "");
}

static void a_certificate_that_is_not_good_is_reported(void **state)
{
    struct fixture *f = *state;

    ssl_hook_watch(2000, note_failure);
    SSL_set_verify(f->client, SSL_VERIFY_PEER, NULL);
    assert_int_not_equal(shake_hands(f), 1);
    assert_string_equal(reported, "self-signed certificate");
}

static void a_server_that_hangs_up_is_reported(void **state)
{
    struct fixture *f = *state;

    ssl_hook_watch(2000, note_failure);
    close(f->fds[1]);
    f->fds[1] = -1;
    assert_int_not_equal(SSL_do_handshake(f->client), 1);
    assert_string_equal(reported, "the server ends the connection");
}

/* As a server that wants a certificate: with TLS 1.3 the client has finished its handshake then. */
static void an_alert_after_the_handshake_is_reported(void **state)
{
    struct fixture *f = *state;

    ssl_hook_watch(2000, note_failure);
    SSL_set_verify(f->server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    assert_int_equal(shake_hands(f), 1);
    assert_true(SSL_read(f->client, f->buffer, BUFFER) <= 0);
    assert_non_null(strstr(reported, "certificate required"));
}

static void the_self_test_passes_and_restores_the_hook(void **state)
{
    struct fixture *f = *state;

    assert_true(ssl_hook_works());
    assert_int_equal(shake_hands(f), 1);
    do_not_block(f->fds[0]);
    ssl_hook_set(receive, NULL);
    assert_true(ssl_hook_works());
    assert_int_equal(SSL_read(f->client, f->buffer, BUFFER), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_hook_it_is_openssl, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            with_a_hook_a_read_that_would_block_is_like_that_of_a_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_whole_record_is_read_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_is_read_as_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_tls_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_hook_need_not_use_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_would_block_is_resumed_from_another_address,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handshake_without_an_answer_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_is_for_the_handshake_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_that_is_not_good_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_up_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_alert_after_the_handshake_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_self_test_passes_and_restores_the_hook, set_up,
                                        tear_down),
    };

    signal(SIGPIPE, SIG_IGN); /* as the programs do: OpenSSL writes by write() */
    return cmocka_run_group_tests_name("ssl_hook", tests, NULL, NULL);
}
