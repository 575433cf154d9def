/* services/message/store/relation: the rules of what two users see of each other. */
#include "tests/unit/unit.h"

#include "services/message/store/relation.h"

static const struct relation strangers = { .they_wrote = true };
static const struct relation contacts = { .i_wrote = true, .they_wrote = true };

static void without_consent_everybody_sees_everything(void **state)
{
    (void)state;
    assert_true(relation_they_see_me(&strangers, false));
    assert_true(relation_i_see_them(&strangers, false));
    assert_true(relation_they_follow_me(&strangers, false));
    assert_true(relation_they_see_my_marks(&strangers, false));
    assert_false(relation_is_request(&strangers, false));
}

static void with_consent_strangers_see_nothing(void **state)
{
    (void)state;
    assert_false(relation_they_see_me(&strangers, true));
    assert_false(relation_i_see_them(&strangers, true));
    assert_false(relation_they_follow_me(&strangers, true));
    assert_false(relation_they_see_my_marks(&strangers, true));
    assert_true(relation_is_request(&strangers, true));
}

static void with_consent_contacts_see_everything(void **state)
{
    (void)state;
    assert_true(relation_they_see_me(&contacts, true));
    assert_true(relation_i_see_them(&contacts, true));
    assert_true(relation_they_follow_me(&contacts, true));
    assert_true(relation_they_see_my_marks(&contacts, true));
    assert_false(relation_is_request(&contacts, true));
}

static void what_is_added_works_one_way(void **state)
{
    (void)state;
    struct relation added = strangers;
    added.mine = RELATION_ADDED;
    assert_true(relation_they_see_me(&added, true));
    assert_false(relation_i_see_them(&added, true));
    assert_false(relation_is_request(&added, true));
    const struct relation other = relation_mirror(&added);
    assert_true(relation_i_see_them(&other, true));
    assert_false(relation_they_see_me(&other, true));
}

static void a_block_hides_everything_both_ways(void **state)
{
    (void)state;
    for (int by_me = 0; by_me <= 1; by_me++) {
        for (int consent = 0; consent <= 1; consent++) {
            struct relation blocked = contacts;
            *(by_me ? &blocked.mine : &blocked.theirs) = RELATION_BLOCKED;
            assert_true(relation_is_blocked(&blocked));
            assert_false(relation_they_see_me(&blocked, consent));
            assert_false(relation_i_see_them(&blocked, consent));
            assert_false(relation_they_follow_me(&blocked, consent));
            assert_false(relation_they_see_my_marks(&blocked, consent));
            assert_false(relation_is_request(&blocked, consent));
        }
    }
}

static void privacy_restricts_what_others_see(void **state)
{
    (void)state;
    static const struct {
        enum audience audience;
        bool is_contact, consent, is_seen;
    } cases[] = {
        { AUDIENCE_EVERYONE, false, false, true },  { AUDIENCE_EVERYONE, false, true, false },
        { AUDIENCE_EVERYONE, true, false, true },   { AUDIENCE_EVERYONE, true, true, true },
        { AUDIENCE_CONTACTS, false, false, false }, { AUDIENCE_CONTACTS, false, true, false },
        { AUDIENCE_CONTACTS, true, false, true },   { AUDIENCE_CONTACTS, true, true, true },
        { AUDIENCE_NOBODY, true, false, false },    { AUDIENCE_NOBODY, true, true, false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relation relation = cases[i].is_contact ? contacts : strangers;
        relation.my_privacy.online = cases[i].audience;
        assert_int_equal(relation_they_see_me(&relation, cases[i].consent), cases[i].is_seen);
        assert_int_equal(relation_i_see_them(&relation, cases[i].consent),
                         cases[i].is_contact || !cases[i].consent);
        relation.my_privacy = (struct privacy){ .read_marks = cases[i].audience };
        assert_int_equal(relation_they_see_my_marks(&relation, cases[i].consent), cases[i].is_seen);
    }
}

static void decisions_follow_from_the_state_before(void **state)
{
    (void)state;
    static const struct {
        enum relation_state before;
        enum relation_action action;
        enum relation_state after;
    } cases[] = {
        { RELATION_NONE, RELATION_ADD, RELATION_ADDED },
        { RELATION_NONE, RELATION_REMOVE, RELATION_NONE },
        { RELATION_NONE, RELATION_BLOCK, RELATION_BLOCKED },
        { RELATION_NONE, RELATION_UNBLOCK, RELATION_NONE },
        { RELATION_ADDED, RELATION_ADD, RELATION_ADDED },
        { RELATION_ADDED, RELATION_REMOVE, RELATION_NONE },
        { RELATION_ADDED, RELATION_BLOCK, RELATION_BLOCKED },
        { RELATION_ADDED, RELATION_UNBLOCK, RELATION_ADDED },
        { RELATION_BLOCKED, RELATION_REMOVE, RELATION_BLOCKED },
        { RELATION_BLOCKED, RELATION_BLOCK, RELATION_BLOCKED },
        { RELATION_BLOCKED, RELATION_UNBLOCK, RELATION_NONE },
    };
    enum relation_state after;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(relation_apply(cases[i].before, cases[i].action, &after), STATUS_OK);
        assert_int_equal(after, cases[i].after);
    }
    assert_int_equal(relation_apply(RELATION_BLOCKED, RELATION_ADD, &after), STATUS_FORBIDDEN);
    assert_int_equal(after, RELATION_BLOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_consent_everybody_sees_everything),
        cmocka_unit_test(with_consent_strangers_see_nothing),
        cmocka_unit_test(with_consent_contacts_see_everything),
        cmocka_unit_test(what_is_added_works_one_way),
        cmocka_unit_test(a_block_hides_everything_both_ways),
        cmocka_unit_test(privacy_restricts_what_others_see),
        cmocka_unit_test(decisions_follow_from_the_state_before),
    };
    return cmocka_run_group_tests_name("relation", tests, NULL, NULL);
}
