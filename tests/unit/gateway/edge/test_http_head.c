/* gateway/edge/http_head: what is a request, to the letter. From outside: e2e/test_http_standard.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "gateway/edge/http_head.h"

/* The result for bytes that arrive in pieces of `step`; the head, if it is complete. */
static int read_in_steps(const char *bytes, size_t length, size_t step, struct http_head *head)
{
    struct http_head_scan scan = { 0 };
    int result = HTTP_HEAD_INCOMPLETE;

    *head = (struct http_head){ 0 };
    for (size_t got = 0; result == HTTP_HEAD_INCOMPLETE && got < length;) {
        got = got + step < length ? got + step : length;
        result = http_head_scan_on(&scan, bytes, got);
    }
    if (result == HTTP_HEAD_COMPLETE)
        result = http_head_read(bytes + scan.begin, scan.seen - scan.begin, head);
    return result;
}

static void expect_of(const char *bytes, size_t length, int expected)
{
    for (size_t step = 1; step <= length; step += step < 4 ? 1 : length / 2) {
        struct http_head head;
        int result = read_in_steps(bytes, length, step, &head);
        http_head_finish(&head);
        if (result != expected)
            fail_msg("%d instead of %d, in steps of %zu:\n%s", result, expected, step, bytes);
    }
}

#define EXPECT(text, expected) expect_of(text, sizeof(text) - 1, expected)
#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"

static void a_head_is_complete_at_its_empty_line(void **state)
{
    (void)state;
    EXPECT(HEAD "\r\n", 200);
    EXPECT("\r\n" HEAD "\r\n", 200);
    EXPECT(HEAD, HTTP_HEAD_INCOMPLETE);
    EXPECT(HEAD "\r", HTTP_HEAD_INCOMPLETE);
    EXPECT("\r\n", HTTP_HEAD_INCOMPLETE);
    EXPECT("G", HTTP_HEAD_INCOMPLETE);
}

static void nothing_behind_the_head_is_read(void **state)
{
    static const char bytes[] = HEAD "\r\nBODY";
    struct http_head_scan scan = { 0 };

    (void)state;
    assert_int_equal(http_head_scan_on(&scan, bytes, sizeof(bytes) - 1), HTTP_HEAD_COMPLETE);
    assert_int_equal(scan.seen, sizeof(bytes) - 1 - 4);
}

static void a_byte_that_no_line_has_is_refused_before_the_end(void **state)
{
    (void)state;
    EXPECT("\x16\x03\x01", 400);
    EXPECT("GET / HTTP/1.1\n", 400);
    EXPECT("GET / HTTP/1.1\rH", 400);
    EXPECT(HEAD "A: \0", 400);
    EXPECT(HEAD "A: \x7f", 400);
    EXPECT("\r\n\r\n", 400);
}

static void the_head_has_a_maximum(void **state)
{
    static char bytes[HTTP_HEAD_BYTES_MAX + 100];
    struct http_head head;

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    assert_int_equal(read_in_steps(bytes, HTTP_HEAD_BYTES_MAX, 100, &head), HTTP_HEAD_INCOMPLETE);
    assert_int_equal(read_in_steps(bytes, HTTP_HEAD_BYTES_MAX + 1, 100, &head), 414);
    memcpy(bytes, HEAD "A:", strlen(HEAD "A:"));
    assert_int_equal(read_in_steps(bytes, HTTP_HEAD_BYTES_MAX + 1, 100, &head), 431);
    memcpy(bytes + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(read_in_steps(bytes, HTTP_HEAD_BYTES_MAX, 100, &head), 200);
    http_head_finish(&head);
}

static void fields_have_a_maximum(void **state)
{
    struct http_head head;
    char bytes[4096];

    (void)state;
    for (int count = HTTP_HEAD_FIELDS_MAX - 1; count <= HTTP_HEAD_FIELDS_MAX; count++) {
        int n = snprintf(bytes, sizeof(bytes), HEAD);
        for (int i = 0; i < count; i++)
            n += snprintf(bytes + n, sizeof(bytes) - (size_t)n, "A: b\r\n");
        n += snprintf(bytes + n, sizeof(bytes) - (size_t)n, "\r\n");
        int result = read_in_steps(bytes, (size_t)n, (size_t)n, &head);
        http_head_finish(&head);
        assert_int_equal(result, count < HTTP_HEAD_FIELDS_MAX ? 200 : 431);
    }
}

static void a_head_is_read(void **state)
{
    static const char bytes[] = "POST http://A.test:80/x/y?z HTTP/1.1\r\nHost: a.test\r\n"
                                "Connection: x , Close\r\nCOOKIE:\t a \t\r\ncookie: b\r\n"
                                "Content-Length: 0012\r\n\r\n";
    const char *values[2];
    struct http_head head;

    (void)state;
    assert_int_equal(read_in_steps(bytes, sizeof(bytes) - 1, 7, &head), 200);
    assert_string_equal(head.method, "POST");
    assert_string_equal(head.path, "/x/y");
    assert_string_equal(head.host, "a.test");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.body, HTTP_HEAD_LENGTH);
    assert_int_equal(head.length, 12);
    assert_false(head.keeps_alive);
    assert_int_equal(http_head_values(&head, "Cookie", values, 2), 2);
    assert_string_equal(values[0], "a");
    assert_string_equal(values[1], "b");
    assert_string_equal(http_head_value(&head, "cookie"), "a");
    assert_null(http_head_value(&head, "Cook"));
    assert_true(http_head_has_token(&head, "connection", "CLOSE"));
    assert_false(http_head_has_token(&head, "connection", "clo"));
    http_head_finish(&head);
}

static void the_body_is_never_in_doubt(void **state)
{
    static const struct {
        const char *fields;
        int status;
        enum http_head_body body;
    } rows[] = {
        { "", 200, HTTP_HEAD_NO_BODY },
        { "Content-Length: 0\r\n", 200, HTTP_HEAD_NO_BODY },
        { "Content-Length: 9223372036854775807\r\n", 200, HTTP_HEAD_LENGTH },
        { "Content-Length: 9223372036854775808\r\n", 400, HTTP_HEAD_NO_BODY },
        { "Content-Length: 1\r\nContent-Length: 1\r\n", 400, HTTP_HEAD_NO_BODY },
        { "Content-Length: -0\r\n", 400, HTTP_HEAD_NO_BODY },
        { "Transfer-Encoding: cHuNkEd\r\n", 200, HTTP_HEAD_CHUNKED },
        { "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400, HTTP_HEAD_NO_BODY },
        { "Transfer-Encoding: gzip\r\n", 501, HTTP_HEAD_NO_BODY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        char bytes[256];
        int n = snprintf(bytes, sizeof(bytes), HEAD "%s\r\n", rows[i].fields);
        assert_int_equal(read_in_steps(bytes, (size_t)n, 5, &head), rows[i].status);
        if (rows[i].status == 200)
            assert_int_equal(head.body, rows[i].body);
        http_head_finish(&head);
    }
}

static void a_connection_is_kept_by_http_1_1_alone(void **state)
{
    struct http_head head;

    (void)state;
    assert_int_equal(read_in_steps(HEAD "\r\n", strlen(HEAD) + 2, 9, &head), 200);
    assert_true(head.keeps_alive);
    http_head_finish(&head);
    static const char old[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_int_equal(read_in_steps(old, sizeof(old) - 1, 9, &head), 200);
    assert_false(head.keeps_alive);
    assert_string_equal(head.host, "");
    http_head_finish(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_complete_at_its_empty_line),
        cmocka_unit_test(nothing_behind_the_head_is_read),
        cmocka_unit_test(a_byte_that_no_line_has_is_refused_before_the_end),
        cmocka_unit_test(the_head_has_a_maximum),
        cmocka_unit_test(fields_have_a_maximum),
        cmocka_unit_test(a_head_is_read),
        cmocka_unit_test(the_body_is_never_in_doubt),
        cmocka_unit_test(a_connection_is_kept_by_http_1_1_alone),
    };
    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
