/* gateway/http/accept_encoding: RFC 9110 section 12.5.3. */
#include "tests/unit/unit.h"

#include "gateway/http/accept_encoding.h"

enum {
    ALL = 1u << CODING_IDENTITY | 1u << CODING_GZIP | 1u << CODING_BR,
    NO_BR = 1u << CODING_IDENTITY | 1u << CODING_GZIP,
    PLAIN = 1u << CODING_IDENTITY,
};
enum { I = CODING_IDENTITY, G = CODING_GZIP, B = CODING_BR };

struct example {
    const char *value;
    int all, no_br; /* expected */
};

static void expect_each(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct example *e = &examples[i];
        const int chosen = (int)accept_encoding_choose(&e->value, 1, ALL);
        const int without = (int)accept_encoding_choose(&e->value, 1, NO_BR);
        if (chosen != e->all || without != e->no_br)
            fail_msg("\"%s\": %d and %d instead of %d and %d", e->value, chosen, without, e->all,
                     e->no_br);
        assert_int_equal(accept_encoding_choose(&e->value, 1, PLAIN), CODING_IDENTITY);
    }
}
#define EXPECT_EACH(examples) expect_each(examples, COUNT_OF(examples))

static void a_coding_that_is_listed_is_used_and_br_is_preferred(void **state)
{
    static const struct example examples[] = {
        { "br", B, I },
        { "gzip", G, G },
        { "gzip, br", B, G },
        { "br,gzip", B, G },
        { "gzip, deflate, br, zstd", B, G },
        { "identity", I, I },
        { "identity, gzip", G, G },
        { "br, identity", B, I },
        { "deflate", I, I },
        { "compress, zstd", I, I },
        { "x-gzip", G, G },
        { "GZIP", G, G },
        { "Br", B, I },
        { "gzipp, bro, b", I, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void the_highest_weight_wins(void **state)
{
    static const struct example examples[] = {
        { "gzip;q=1, br;q=0.9", G, G },
        { "gzip;q=0.5, br;q=0.501", B, G },
        { "gzip;q=0.501, br;q=0.5", G, G },
        { "gzip;q=0.5, br;q=0.5", B, G },
        { "br;q=0.001", B, I },
        { "gzip;q=0.8, identity;q=0.9", I, I },
        { "gzip;q=0.9, identity;q=0.9", G, G },
        { "br;q=0.3, gzip;q=0.2, identity;q=0.1", B, G },
        { "br;q=0.1, gzip;q=0.2, identity;q=0.3", I, I },
        { "br;q=1.000, gzip;q=1.0", B, G },
        { "br;q=1.", B, I },
        { "br;Q=0.5, gzip;Q=0.6", G, G },
        { "br ; q=0.5 , gzip;\tq=0.6\t", G, G },
        { "gzip;q=0.5", G, G }, /* identity is acceptable, but it is not asked for */
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void a_weight_of_nothing_excludes(void **state)
{
    static const struct example examples[] = {
        { "br;q=0, gzip", G, G },
        { "br;q=0", I, I },
        { "br;q=0.000, gzip;q=0.0", I, I },
        { "br;q=0., gzip;q=0.001", G, G },
        { "gzip;q=0", I, I },
        { "identity;q=0, gzip", G, G },
        { "identity;q=0, br;q=0.1", B, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void an_asterisk_stands_for_what_is_not_listed(void **state)
{
    static const struct example examples[] = {
        { "*", B, G },
        { "*;q=0.5", B, G },
        { "*, br;q=0", G, G },
        { "br;q=0, *;q=0.1", G, G },
        { "gzip;q=0.9, *;q=0.5", G, G },
        { "gzip;q=0.2, *;q=0.5", B, I },
        { "gzip, *;q=0", G, G },
        { "identity;q=0.5, *;q=0.1", I, I },
        { "identity;q=0.1, *;q=0.5", B, G },
        { "identity;q=0, *", B, G },
        { "gzip;q=0, br;q=0, *", I, I },
        { "**", I, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void what_excludes_everything_gets_identity(void **state)
{
    static const struct example examples[] = {
        { "*;q=0", I, I },
        { "identity;q=0", I, I },
        { "identity;q=0, *;q=0", I, I },
        { "identity;q=0, zstd", I, I },
        { "identity;q=0, br", B, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void what_is_malformed_is_ignored(void **state)
{
    static const struct example examples[] = {
        { "", I, I },
        { " \t ", I, I },
        { ",", I, I },
        { ",, ,gzip,, ,", G, G },
        { "br;q=2, gzip", G, G },
        { "br;q=1.001, gzip;q=0.1", G, G },
        { "br;q=0.0001, gzip;q=0.1", G, G },
        { "br;q=-1, gzip;q=0.1", G, G },
        { "br;q=.5, gzip;q=0.1", G, G },
        { "br;q=, gzip;q=0.1", G, G },
        { "br;q, gzip;q=0.1", G, G },
        { "br;, gzip;q=0.1", G, G },
        { "br;q=0.5x, gzip;q=0.1", G, G },
        { "br;q=0,5, gzip;q=0.1", G, G },
        { "br;q=a, gzip;q=0.1", G, G },
        { "br;level=1, gzip;q=0.1", G, G },
        { "br;q=1;q=1, gzip;q=0.1", G, G },
        { "br gzip", I, I },
        { "br q=1, gzip", G, G },
        { "br;q = 1, gzip", G, G },
        { "br;q= 1, gzip", G, G },
        { ";q=1", I, I },
        { ";", I, I },
        { "\"br\"", I, I },
        { "br\xff", I, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void the_first_of_equal_elements_counts(void **state)
{
    static const struct example examples[] = {
        { "br;q=0, br", I, I }, { "br, br;q=0", B, I }, { "x-gzip;q=0.1, gzip, br;q=0.5", B, G },
        { "*;q=0, *", I, I },   { "br;q=x, br", B, I },
    };

    (void)state;
    EXPECT_EACH(examples);
}

static void several_fields_are_one_list(void **state)
{
    const char *const fields[] = { "gzip;q=0.5", "", "br;q=0.9, identity;q=0", "*;q=1" };
    const char *const excluded_later[] = { "*", "br;q=0" };

    (void)state;
    assert_int_equal(accept_encoding_choose(fields, 0, ALL), CODING_IDENTITY);
    assert_int_equal(accept_encoding_choose(fields, 1, ALL), CODING_GZIP);
    assert_int_equal(accept_encoding_choose(fields, 3, ALL), CODING_BR);
    assert_int_equal(accept_encoding_choose(fields, 4, NO_BR), CODING_GZIP);
    assert_int_equal(accept_encoding_choose(excluded_later, 2, ALL), CODING_GZIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coding_that_is_listed_is_used_and_br_is_preferred),
        cmocka_unit_test(the_highest_weight_wins),
        cmocka_unit_test(a_weight_of_nothing_excludes),
        cmocka_unit_test(an_asterisk_stands_for_what_is_not_listed),
        cmocka_unit_test(what_excludes_everything_gets_identity),
        cmocka_unit_test(what_is_malformed_is_ignored),
        cmocka_unit_test(the_first_of_equal_elements_counts),
        cmocka_unit_test(several_fields_are_one_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
