/* services/common/store/mongo_db: what can be said of it without a server. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/common/store/mongo_db.h"
#include "tests/unit/capture.h"

enum { SELECT_MS = 300, PAUSE_MAX_MS = 3000, TRIES = 5 };

/* A port at which nobody listens, held so that nobody will. */
static int hold_port(uint16_t *port_out)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port_out = ntohs(address.sin_port);
    return fd;
}

static void take_none(void *ctx, const bson_t *document)
{
    (void)document;
    *(bool *)ctx = true;
}

/* Not by the clock of the code, which is stopped. */
static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long a call took to fail. */
static int64_t fail_once(struct mongo_db *db)
{
    struct capture capture = capture_begin();
    int64_t begin = now_ms();
    bool found = false;
    enum status status = mongo_find(db, "any", bson_new(), NULL, take_none, &found);
    int64_t took = now_ms() - begin;

    free(capture_end(&capture));
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_false(found);
    return took;
}

/* It is when one of several calls has failed sooner than a try could: any one may be kept waiting.
 */
static bool is_left_alone(struct mongo_db *db)
{
    for (int i = 0; i < TRIES; i++)
        if (fail_once(db) < SELECT_MS / 2)
            return true;
    return false;
}

static void an_unreachable_server_is_not_tried_for_a_while(void **state)
{
    struct mongo_db *db = NULL;
    char url[128];
    uint16_t port;
    int held = hold_port(&port);

    (void)state;
    snprintf(url, sizeof(url), "mongodb://127.0.0.1:%u/any?serverSelectionTimeoutMS=%d", port,
             SELECT_MS);
    assert_int_equal(mongo_db_open(url, &db), STATUS_OK);
    for (int tries = 0; tries < 8; tries++) {
        assert_true(fail_once(db) >= SELECT_MS / 2); /* it was tried... */
        assert_true(is_left_alone(db));              /* ...and is not, again */
        clock_advance_for_test(PAUSE_MAX_MS);        /* no pause is longer */
    }
    mongo_db_close(&db);
    close(held);
}

static void an_invalid_server_url_is_rejected(void **state)
{
    static const char *const urls[] = { "mongodb://host:notaport/x", "mongodb://", "sqlite:///x",
                                        "" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct mongo_db *db = NULL;
        struct capture capture = capture_begin();
        enum status status = mongo_db_open(urls[i], &db);
        free(capture_end(&capture));
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        assert_null(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unreachable_server_is_not_tried_for_a_while),
        cmocka_unit_test(an_invalid_server_url_is_rejected),
    };
    clock_stop_for_test();
    log_init("unit", LOG_LEVEL_WARN);
    return cmocka_run_group_tests_name("mongo_db", tests, NULL, NULL);
}
