/* gateway/edge/multipart: any prefix of a form is read without a fault; forms are shown from
 * outside (e2e/test_upload.py). */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/edge/multipart.h"

#define PART(name, data) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" data "\r\n"

static void a_field_is_found(void **state)
{
    static const char form[] = "preamble\r\n" PART("\"a\"", "1\r\n--c") PART("image", "")
        PART("\"image\"", "2") "--b--epilogue";
    const char *data;
    size_t size;

    (void)state;
    assert_true(multipart_find(form, sizeof(form) - 1, "b", "a", &data, &size));
    assert_int_equal(size, 6);
    assert_memory_equal(data, "1\r\n--c", 6);
    assert_true(multipart_find(form, sizeof(form) - 1, "b", "image", &data, &size));
    assert_int_equal(size, 0);
    assert_false(multipart_find(form, sizeof(form) - 1, "b", "c", &data, &size));
    assert_false(multipart_find(form, sizeof(form) - 1, "c", "a", &data, &size));
}

/* Each prefix in memory of its own size, so that a sanitizer notices a byte too many. */
static void a_form_without_its_end_has_no_field(void **state)
{
    static const char form[] =
        "\r\n" PART("a", "1") PART("\"x", "2") "--b\r\n\r\n3\r\n" PART("a", "4") "--b--";
    const char *data;
    size_t size, whole = sizeof(form) - 1;

    (void)state;
    for (size_t length = 1; length < whole; length++) {
        char *copy = malloc(length);
        memcpy(copy, form, length);
        assert_false(multipart_find(copy, length, "b", "a", &data, &size));
        free(copy);
    }
    assert_true(multipart_find(form, whole, "b", "a", &data, &size));
}

static void a_boundary_is_legal_or_there_is_none(void **state)
{
    static const struct {
        const char *type, *boundary; /* NULL: none */
    } rows[] = {
        { "multipart/form-data; boundary=x", "x" },
        { "MULTIPART/Form-Data;a=b; Boundary=\"x y\" ;c", "x y" },
        { "multipart/form-data; a=\"; boundary=no\"; boundary=yes", "yes" },
        { "multipart/form-data; boundary=\"a\\\"", NULL },
        { "multipart/form-data; boundary=\"a\"", "a" },
        { "multipart/form-data; boundary=\"a \"", NULL },
        { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=a@b", NULL },
        { "multipart/form-data", NULL },
        { "multipart/form-data2; boundary=x", NULL },
        { "multipart/mixed; boundary=x", NULL },
    };
    char out[MULTIPART_BOUNDARY_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(multipart_boundary(rows[i].type, out), rows[i].boundary != NULL);
        if (rows[i].boundary != NULL)
            assert_string_equal(out, rows[i].boundary);
    }
    assert_true(multipart_is_form("multipart/form-data"));
    assert_false(multipart_is_form(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found),
        cmocka_unit_test(a_form_without_its_end_has_no_field),
        cmocka_unit_test(a_boundary_is_legal_or_there_is_none),
    };
    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
