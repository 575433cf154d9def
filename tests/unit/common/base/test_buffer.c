/* services/common/base/buffer: bytes that grow. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "services/common/base/buffer.h"

static void a_zeroed_struct_is_an_empty_buffer(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    assert_null(buffer.data);
    buffer_append(&buffer, "x", 0);
    buffer_append_text(&buffer, "");
    assert_null(buffer.data);
    assert_string_equal(buffer_text(&buffer), "");
    assert_int_equal(buffer.length, 0);
    buffer_finish(&buffer);
    buffer_finish(&buffer);
    assert_null(buffer.data);
}

static void appended_bytes_are_in_order(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_append(&buffer, "a\0b", 3);
    buffer_append_text(&buffer, "cd");
    buffer_append_char(&buffer, '\n');
    buffer_printf(&buffer, "%d-%s", 42, "e");
    buffer_printf(&buffer, "%s", "");
    assert_int_equal(buffer.length, 10);
    assert_memory_equal(buffer.data, "a\0bcd\n42-e", 10);
    assert_int_equal(buffer_text(&buffer)[10], '\0');
    assert_int_equal(buffer.length, 10);
    buffer_finish(&buffer);
}

static void an_array_grows_at_every_size(void **state)
{
    (void)state;
    struct buffer bytewise = { 0 };
    for (size_t i = 0; i < 5000; i++) {
        buffer_append_char(&bytewise, (char)('a' + i % 26));
        assert_int_equal(buffer_text(&bytewise)[i + 1], '\0');
        assert_true(bytewise.length < bytewise.capacity);
    }
    for (size_t length = 0; length < 600; length++) {
        struct buffer buffer = { 0 };
        char text[601];
        memset(text, 'x', length);
        text[length] = '\0';
        buffer_printf(&buffer, "%s", text);
        buffer_append(&buffer, text, length);
        assert_int_equal(buffer.length, 2 * length);
        assert_int_equal(strlen(buffer_text(&buffer)), 2 * length);
        buffer_finish(&buffer);
    }
    for (size_t i = 0; i < bytewise.length; i++)
        assert_int_equal(bytewise.data[i], 'a' + i % 26);
    buffer_finish(&bytewise);
}

static void reserved_room_counts_when_it_is_committed(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_append_text(&buffer, "head");
    char *capacity = buffer_reserve(&buffer, 100000);
    assert_ptr_equal(capacity, buffer.data + 4);
    assert_int_equal(buffer.length, 4);
    memset(capacity, 'r', 100000);
    buffer.length += 100000;
    assert_int_equal(strlen(buffer_text(&buffer)), 100004);
    assert_memory_equal(buffer.data, "headrrr", 7);
    buffer_finish(&buffer);
}

static void taking_transfers_the_content(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    size_t length = 99;
    char *text = buffer_take(&buffer, &length);
    assert_string_equal(text, "");
    assert_int_equal(length, 0);
    free(text);
    buffer_append_text(&buffer, "abc");
    text = buffer_take(&buffer, NULL);
    assert_string_equal(text, "abc");
    free(text);
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
    buffer_append_text(&buffer, "again");
    assert_string_equal(buffer_text(&buffer), "again");
    buffer_finish(&buffer);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_append_text(&buffer, "something long enough to be worth keeping");
    char *data = buffer.data;
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_append_text(&buffer, "new");
    assert_ptr_equal(buffer.data, data);
    assert_int_equal(buffer.capacity, capacity);
    assert_string_equal(buffer_text(&buffer), "new");
    buffer_finish(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_struct_is_an_empty_buffer),
        cmocka_unit_test(appended_bytes_are_in_order),
        cmocka_unit_test(an_array_grows_at_every_size),
        cmocka_unit_test(reserved_room_counts_when_it_is_committed),
        cmocka_unit_test(taking_transfers_the_content),
        cmocka_unit_test(clearing_keeps_the_memory),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
