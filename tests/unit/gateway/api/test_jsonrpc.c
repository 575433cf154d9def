/* gateway/api/jsonrpc: requests, notifications and batches against a table of methods. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/jsonrpc.h"
#include "services/common/base/json.h"

/* What the methods below did, in order. */
struct calls {
    char log[4096];
    bool refuse;
    struct jsonrpc_call *held;
};

static void note(struct jsonrpc_call *call, const char *what)
{
    struct calls *calls = call->ctx;
    snprintf(calls->log + strlen(calls->log), sizeof(calls->log) - strlen(calls->log), "%s ", what);
}

static void handle_echo(struct jsonrpc_call *call)
{
    note(call, call->params[0].text);
    json_begin_array(&call->result);
    json_string(&call->result, call->params[0].text);
    json_int(&call->result, call->params[1].number);
    json_end_array(&call->result);
}

static void handle_nothing(struct jsonrpc_call *call)
{
    note(call, "nothing");
    json_null(&call->result);
}

static void handle_failing(struct jsonrpc_call *call)
{
    json_begin_object(&call->result); /* half of a result, which must not be seen */
    json_key(&call->result, "half");
    jsonrpc_fail(call, JSONRPC_CONFLICT, "it \"failed\"", 250);
}

static void handle_failing_plainly(struct jsonrpc_call *call)
{
    jsonrpc_fail(call, JSONRPC_SERVER_ERROR, NULL, 0);
}

static void *finish_it(void *call)
{
    jsonrpc_finish(call);
    return NULL;
}

/* Goes on, and is finished by another thread. */
static void handle_later(struct jsonrpc_call *call)
{
    pthread_t thread;
    note(call, call->params[0].text);
    json_string(&call->result, call->params[0].text);
    assert_int_equal(pthread_create(&thread, NULL, finish_it, call), 0);
    pthread_detach(thread);
}

/* Goes on until the test finishes it. */
static void handle_held(struct jsonrpc_call *call)
{
    struct calls *calls = call->ctx;
    json_null(&call->result);
    calls->held = call;
}

static const struct jsonrpc_method methods[] = {
    { "echo",
      { { "text", JSONRPC_TEXT, true, { .text = NULL } },
        { "index", JSONRPC_INDEX, false, { .number = 30 } } },
      2,
      handle_echo,
      false },
    { "nothing", { { NULL, JSONRPC_TEXT, false, { .text = NULL } } }, 0, handle_nothing, false },
    { "failing", { { NULL, JSONRPC_TEXT, false, { .text = NULL } } }, 0, handle_failing, false },
    { "failingPlainly",
      { { NULL, JSONRPC_TEXT, false, { .text = NULL } } },
      0,
      handle_failing_plainly,
      false },
    { "later", { { "text", JSONRPC_TEXT, true, { .text = NULL } } }, 1, handle_later, true },
    { "held", { { NULL, JSONRPC_TEXT, false, { .text = NULL } } }, 0, handle_held, true },
};

static bool admit(void *ctx, int64_t *retry_after_ms_out)
{
    *retry_after_ms_out = 77;
    return !((struct calls *)ctx)->refuse;
}

struct done {
    struct buffer *answer;
    sem_t said;
};

static void take_answer(void *ctx, struct buffer *answer_take)
{
    struct done *done = ctx;
    buffer_finish(done->answer);
    *done->answer = *answer_take;
    sem_post(&done->said);
}

/* Carries out and waits for the answer. */
static void jsonrpc_handle(const struct jsonrpc_options *options, const char *text, size_t length,
                           struct buffer *answer)
{
    struct done done = { .answer = answer };
    sem_init(&done.said, 0, 0);
    jsonrpc_carry_out(jsonrpc_read(options, text, length), take_answer, &done);
    assert_int_equal(sem_wait(&done.said), 0);
    sem_destroy(&done.said);
}

static void assert_answer_of(struct calls *calls, bool numeric_version, const char *request,
                             const char *expected)
{
    struct jsonrpc_options options = { methods, COUNT_OF(methods), numeric_version, admit, calls };
    struct buffer answer = { 0 };
    jsonrpc_handle(&options, request, strlen(request), &answer);
    if (strcmp(buffer_text(&answer), expected) != 0)
        fail_msg("%s\nanswers  %s\nand not %s", request, buffer_text(&answer), expected);
    buffer_finish(&answer);
}

static void assert_answer(const char *request, const char *expected)
{
    struct calls calls = { .refuse = false };
    assert_answer_of(&calls, false, request, expected);
}

#define CALL(rest) "{\"jsonrpc\":\"2.0\",\"id\":1," rest "}"
#define RESULT(value) "{\"jsonrpc\":\"2.0\",\"result\":" value ",\"id\":1}"
#define ERROR_OF(id, code, message)                                                                \
    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" code ",\"message\":\"" message "\"},\"id\":" id "}"
#define INVALID_PARAMS(reason)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"Invalid params\","              \
    "\"data\":{\"reason\":\"" reason "\"}},\"id\":1}"
#define INVALID_REQUEST(id) ERROR_OF(id, "-32600", "Invalid Request")

/* Requests */

static void a_request_is_answered_with_its_result(void **state)
{
    (void)state;
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"hi\",3]"), RESULT("[\"hi\",3]"));
    assert_answer(CALL("\"method\":\"nothing\""), RESULT("null"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":[]"), RESULT("null"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":{}"), RESULT("null"));
    assert_answer(CALL("\"method\":\"nothing\",\"more\":{\"is\":\"ignored\"}"), RESULT("null"));
}

static void the_version_may_be_that_of_the_original(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    assert_answer_of(&calls, true, CALL("\"method\":\"nothing\""),
                     "{\"jsonrpc\":2,\"result\":null,\"id\":1}");
    assert_answer_of(&calls, true, "x",
                     "{\"jsonrpc\":2,\"error\":{\"code\":-32700,\"message\":\"Parse error\"},"
                     "\"id\":null}");
}

static void an_id_is_returned_unchanged(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "\"1\"",
        "\"\"",
        "\"\\\"\\\\\\n\xC3\xA4\"",
        "0",
        "-7",
        "1.5",
        "9007199254740991",
        "null",
        "123456789012345",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551617",
        "1e2",
        "1E+2",
        "1.0",
        "-0",
        "-0.0",
        "0.10",
        "1e400",
        "-1e-999",
        "3.14159265358979323846264338327950288",
        "100000000000000000000000000000000000000000000000000000000000000"
    };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char request[128], expected[128];
        snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"nothing\"}",
                 ids[i]);
        snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":%s}",
                 ids[i]);
        assert_answer(request, expected);
    }
}

static void an_id_is_found_among_other_numbers_and_members(void **state)
{
    (void)state;
    static const char result[] = "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1e2}";
    static const char *const requests[] = {
        "{\"x\":[1,2.50,{\"id\":3e3}],\"jsonrpc\":\"2.0\",\"id\":1e2,\"method\":\"nothing\"}",
        "{\"jsonrpc\":\"2.0\",\"n\":-7.0,\"s\":\"9 \\\" 8\",\"id\":1e2,\"method\":\"nothing\","
        "\"id\":4}",
        "{\"jsonrpc\":\"2.0\",\"\\u0069d\":1e2,\"method\":\"nothing\"}",
        "\xEF\xBB\xBF{\"8\":9,\"jsonrpc\":\"2.0\",\"id\" : 1e2 ,\"method\":\"nothing\"}",
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        assert_answer(requests[i], result);
    assert_answer(
        "[{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"nothing\"},"
        "{\"jsonrpc\":\"2.0\",\"id\":2.00,\"method\":\"absent\"}]",
        "[{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1.0},"
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"},"
        "\"id\":2.00}]");
}

static void an_answer_is_json_whatever_the_id(void **state)
{
    (void)state;
    static const char *const ids[] = { "1e400",
                                       "-1e999",
                                       "1e308",
                                       "5e-324",
                                       "1e-999",
                                       "0.1",
                                       "18446744073709551616",
                                       "\"\\u0001\\u001f\\\\\"" };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct calls calls = { .refuse = false };
        struct jsonrpc_options options = { methods, COUNT_OF(methods), false, admit, &calls };
        struct buffer answer = { 0 };
        char request[128];
        int n = snprintf(request, sizeof(request),
                         "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"nothing\"}", ids[i]);
        jsonrpc_handle(&options, request, (size_t)n, &answer);
        struct json *root = json_parse(answer.data, answer.length);
        if (root == NULL)
            fail_msg("id %s: %s", ids[i], buffer_text(&answer));
        json_destroy(&root);
        buffer_finish(&answer);
    }
}

static void a_notification_is_carried_out_and_not_answered(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    assert_answer_of(&calls, false, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"a\"]}",
                     "");
    assert_answer_of(&calls, false, "{\"jsonrpc\":\"2.0\",\"method\":\"failing\"}", "");
    assert_answer_of(&calls, false, "{\"jsonrpc\":\"2.0\",\"method\":\"missing\"}", "");
    assert_answer_of(&calls, false, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[]}", "");
    assert_string_equal(calls.log, "a ");
}

static void invalid_json_is_a_parse_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "x", "{", "{\"jsonrpc\": \"2.0\", \"method\": \"x", "[1,", "{}{}", "\xFF"
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_answer(texts[i], ERROR_OF("null", "-32700", "Parse error"));
}

static void other_json_is_an_invalid_request(void **state)
{
    (void)state;
    assert_answer("1", INVALID_REQUEST("null"));
    assert_answer("\"text\"", INVALID_REQUEST("null"));
    assert_answer("null", INVALID_REQUEST("null"));
    assert_answer("{}", INVALID_REQUEST("null"));
    assert_answer("{\"id\":1,\"method\":\"nothing\"}", INVALID_REQUEST("1"));
    assert_answer("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"nothing\"}", INVALID_REQUEST("1"));
    assert_answer("{\"jsonrpc\":2,\"id\":1,\"method\":\"nothing\"}", INVALID_REQUEST("1"));
    assert_answer("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"nothing\"}", INVALID_REQUEST("1"));
    assert_answer(CALL("\"method\":1"), INVALID_REQUEST("1"));
    assert_answer(CALL("\"method\":null"), INVALID_REQUEST("1"));
    assert_answer(CALL("\"params\":[]"), INVALID_REQUEST("1"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":1"), INVALID_REQUEST("1"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":null"), INVALID_REQUEST("1"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":\"x\""), INVALID_REQUEST("1"));
}

static void an_id_of_another_kind_is_an_invalid_request(void **state)
{
    (void)state;
    static const char *const ids[] = { "true", "false", "[]", "{}", "[1]" };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char request[128];
        snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"nothing\"}",
                 ids[i]);
        assert_answer(request, INVALID_REQUEST("null"));
    }
}

static void an_unknown_method_is_not_found(void **state)
{
    (void)state;
    static const char *const names[] = { "missing", "", "Echo", "echo ", "ech", "rpc.echo" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char request[128];
        snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}",
                 names[i]);
        assert_answer(request, ERROR_OF("1", "-32601", "Method not found"));
    }
}

/* Parameters */

static void parameters_are_given_by_position_or_by_name(void **state)
{
    (void)state;
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"a\"]"), RESULT("[\"a\",30]"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":{\"text\":\"a\"}"), RESULT("[\"a\",30]"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":{\"index\":5,\"text\":\"a\"}"),
                  RESULT("[\"a\",5]"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"a\",null]"), RESULT("[\"a\",30]"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":{\"text\":\"a\",\"index\":null}"),
                  RESULT("[\"a\",30]"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"\",0]"), RESULT("[\"\",0]"));
}

static void missing_and_needless_parameters_are_refused(void **state)
{
    (void)state;
    assert_answer(CALL("\"method\":\"echo\""), INVALID_PARAMS("text: is missing"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":[]"), INVALID_PARAMS("text: is missing"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":[null]"),
                  INVALID_PARAMS("text: is missing"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":{\"index\":1}"),
                  INVALID_PARAMS("text: is missing"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"a\",1,2]"),
                  INVALID_PARAMS("too many parameters"));
    assert_answer(CALL("\"method\":\"nothing\",\"params\":[null]"),
                  INVALID_PARAMS("too many parameters"));
    assert_answer(CALL("\"method\":\"echo\",\"params\":{\"text\":\"a\",\"Index\":1}"),
                  INVALID_PARAMS("a parameter that this method has not"));
}

static void parameters_of_a_wrong_kind_are_refused(void **state)
{
    (void)state;
    static const char *const not_text[] = { "1", "true", "[]", "{}" };
    static const char *const not_index[] = { "\"1\"", "true",       "[]",   "{}",   "-1",
                                             "1.5",   "2147483648", "1e99", "-1e99" };
    char request[128];
    for (size_t i = 0; i < COUNT_OF(not_text); i++) {
        snprintf(request, sizeof(request), CALL("\"method\":\"echo\",\"params\":[%s]"),
                 not_text[i]);
        assert_answer(request, INVALID_PARAMS("text: must be a string"));
    }
    for (size_t i = 0; i < COUNT_OF(not_index); i++) {
        snprintf(request, sizeof(request), CALL("\"method\":\"echo\",\"params\":[\"a\",%s]"),
                 not_index[i]);
        assert_answer(request, INVALID_PARAMS("index: must be a whole number, 0 or more"));
    }
    assert_answer(CALL("\"method\":\"echo\",\"params\":[\"a\",2147483647]"),
                  RESULT("[\"a\",2147483647]"));
}

/* Failures */

static void a_failing_method_answers_with_its_error_and_no_half_result(void **state)
{
    (void)state;
    assert_answer(CALL("\"method\":\"failing\""),
                  "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32003,\"message\":\"Conflict\","
                  "\"data\":{\"reason\":\"it \\\"failed\\\"\",\"retryAfterMs\":250}},\"id\":1}");
    assert_answer(CALL("\"method\":\"failingPlainly\""), ERROR_OF("1", "-32000", "Server error"));
}

static void a_call_that_is_not_admitted_exceeds_the_limit(void **state)
{
    (void)state;
    struct calls calls = { .refuse = true };
    assert_answer_of(&calls, false, CALL("\"method\":\"nothing\""),
                     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32002,\"message\":"
                     "\"Too many requests\",\"data\":{\"retryAfterMs\":77}},\"id\":1}");
    assert_string_equal(calls.log, "");
}

/* Batches */

/* "[one,two]"; caller frees. */
static char *join(const char *const *members, size_t count)
{
    struct buffer batch = { 0 };
    buffer_append_char(&batch, '[');
    for (size_t i = 0; i < count; i++)
        buffer_printf(&batch, "%s%s", i > 0 ? "," : "", members[i]);
    buffer_append_char(&batch, ']');
    return buffer_take(&batch, NULL);
}

static void a_batch_is_carried_out_in_order(void **state)
{
    (void)state;
    static const char *const requests[] = {
        CALL("\"method\":\"echo\",\"params\":[\"a\"]"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"b\"]}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"missing\"}",
        "5",
        "[]",
        "{\"foo\":\"boo\"}",
        CALL("\"method\":\"nothing\""),
    };
    static const char *const answers[] = {
        RESULT("[\"a\",30]"),    ERROR_OF("\"x\"", "-32601", "Method not found"),
        INVALID_REQUEST("null"), INVALID_REQUEST("null"),
        INVALID_REQUEST("null"), RESULT("null"),
    };
    struct calls calls = { .refuse = false };
    char *batch = join(requests, COUNT_OF(requests)), *expected = join(answers, COUNT_OF(answers));
    assert_answer_of(&calls, false, batch, expected);
    assert_string_equal(calls.log, "a b nothing ");
    free(batch);
    free(expected);
}

static void a_batch_of_notifications_is_not_answered(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    assert_answer_of(&calls, false,
                     "[{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"},"
                     "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}]",
                     "");
    assert_string_equal(calls.log, "nothing nothing ");
}

static size_t answers_of_batch(size_t calls_in_it, struct calls *calls)
{
    struct jsonrpc_options options = { methods, COUNT_OF(methods), false, admit, calls };
    struct buffer request = { 0 }, answer = { 0 };
    for (size_t i = 0; i < calls_in_it; i++)
        buffer_printf(&request, "%s%s", i == 0 ? "[" : ",", CALL("\"method\":\"failingPlainly\""));
    buffer_append_char(&request, ']');
    jsonrpc_handle(&options, request.data, request.length, &answer);
    struct json *root = json_parse(answer.data, answer.length);
    assert_non_null(root);
    size_t count = json_is_array(root) ? json_count(root) : 0;
    json_destroy(&root);
    buffer_finish(&request);
    buffer_finish(&answer);
    return count;
}

static void a_batch_has_1_to_100_calls(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    assert_int_equal(answers_of_batch(1, &calls), 1);
    assert_int_equal(answers_of_batch(JSONRPC_BATCH_MAX, &calls), JSONRPC_BATCH_MAX);
    assert_int_equal(answers_of_batch(JSONRPC_BATCH_MAX + 1, &calls), 0);
    assert_answer("[]", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":"
                        "\"Invalid Request\",\"data\":{\"reason\":\"an empty batch\"}},"
                        "\"id\":null}");
}

/* Methods that go on */

static void an_asynchronous_method_is_answered_when_it_finishes(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    struct jsonrpc_options options = { methods, COUNT_OF(methods), false, admit, &calls };
    struct buffer answer = { 0 };
    struct done done = { .answer = &answer };
    static const char request[] = CALL("\"method\":\"held\"");
    sem_init(&done.said, 0, 0);
    jsonrpc_carry_out(jsonrpc_read(&options, request, strlen(request)), take_answer, &done);
    assert_int_equal(answer.length, 0);
    assert_int_not_equal(sem_trywait(&done.said), 0);
    jsonrpc_finish(calls.held);
    assert_int_equal(sem_trywait(&done.said), 0);
    assert_string_equal(buffer_text(&answer), RESULT("null"));
    sem_destroy(&done.said);
    buffer_finish(&answer);
    assert_answer(CALL("\"method\":\"later\",\"params\":[\"x\"]"), RESULT("\"x\""));
    assert_answer("{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":[\"x\"]}", "");
}

static void a_batch_waits_for_each_asynchronous_call(void **state)
{
    (void)state;
    struct calls calls = { .refuse = false };
    assert_answer_of(
        &calls, false,
        "[" CALL("\"method\":\"later\",\"params\":[\"a\"]") "," CALL(
            "\"method\":\"echo\",\"params\":[\"b\"]") "," CALL("\"method\":\"later\",\"params\":["
                                                               "\"c\"]") "]",
        "[" RESULT("\"a\"") "," RESULT("[\"b\",30]") "," RESULT("\"c\"") "]");
    assert_string_equal(calls.log, "a b c ");
}

static void assert_quick(const char *text, bool quick)
{
    struct calls calls = { .refuse = true };
    struct jsonrpc_options options = { methods, COUNT_OF(methods), false, admit, &calls };
    struct buffer answer = { 0 };
    struct done done = { .answer = &answer };
    struct jsonrpc_message *message = jsonrpc_read(&options, text, strlen(text));
    sem_init(&done.said, 0, 0);
    if (jsonrpc_is_quick(message) != quick)
        fail_msg("%s is %squick", text, quick ? "not " : "");
    jsonrpc_carry_out(message, take_answer, &done);
    assert_int_equal(sem_trywait(&done.said), 0); /* nothing is called that is not admitted */
    sem_destroy(&done.said);
    buffer_finish(&answer);
}

static void only_what_does_not_block_is_quick(void **state)
{
    (void)state;
    assert_quick(CALL("\"method\":\"held\""), true);
    assert_quick(CALL("\"method\":\"nothing\""), false);
    assert_quick("[" CALL("\"method\":\"held\"") "]", false);
    assert_quick(CALL("\"method\":\"unknown\""), true);
    assert_quick("no json", true);
    assert_quick("{}", true);
    assert_quick("[]", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_with_its_result),
        cmocka_unit_test(the_version_may_be_that_of_the_original),
        cmocka_unit_test(an_id_is_returned_unchanged),
        cmocka_unit_test(an_id_is_found_among_other_numbers_and_members),
        cmocka_unit_test(an_answer_is_json_whatever_the_id),
        cmocka_unit_test(a_notification_is_carried_out_and_not_answered),
        cmocka_unit_test(invalid_json_is_a_parse_error),
        cmocka_unit_test(other_json_is_an_invalid_request),
        cmocka_unit_test(an_id_of_another_kind_is_an_invalid_request),
        cmocka_unit_test(an_unknown_method_is_not_found),
        cmocka_unit_test(parameters_are_given_by_position_or_by_name),
        cmocka_unit_test(missing_and_needless_parameters_are_refused),
        cmocka_unit_test(parameters_of_a_wrong_kind_are_refused),
        cmocka_unit_test(a_failing_method_answers_with_its_error_and_no_half_result),
        cmocka_unit_test(a_call_that_is_not_admitted_exceeds_the_limit),
        cmocka_unit_test(a_batch_is_carried_out_in_order),
        cmocka_unit_test(a_batch_of_notifications_is_not_answered),
        cmocka_unit_test(a_batch_has_1_to_100_calls),
        cmocka_unit_test(an_asynchronous_method_is_answered_when_it_finishes),
        cmocka_unit_test(a_batch_waits_for_each_asynchronous_call),
        cmocka_unit_test(only_what_does_not_block_is_quick),
    };
    return cmocka_run_group_tests_name("jsonrpc", tests, NULL, NULL);
}
