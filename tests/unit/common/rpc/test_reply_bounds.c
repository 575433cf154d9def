/* What a reply must have inside it. */
#include "services/common/rpc/reply_bounds.h"

#include "admin.pb-c.h"
#include "message.pb-c.h"
#include "tests/unit/unit.h"
#include "user.pb-c.h"

static void a_missing_message_is_noticed(void **state)
{
    Messenger__SendReply reply = MESSENGER__SEND_REPLY__INIT;
    Messenger__Message message = MESSENGER__MESSAGE__INIT;

    (void)state;
    assert_false(reply_bounds_are_kept(&reply.base));
    reply.message = &message;
    assert_true(reply_bounds_are_kept(&reply.base));
}

static void one_that_is_missing_in_a_list_is_noticed(void **state)
{
    Messenger__DialogList reply = MESSENGER__DIALOG_LIST__INIT;
    Messenger__Dialog whole = MESSENGER__DIALOG__INIT, broken = MESSENGER__DIALOG__INIT;
    Messenger__Message message = MESSENGER__MESSAGE__INIT;
    Messenger__Dialog *dialogs[] = { &whole, &broken };

    (void)state;
    assert_true(reply_bounds_are_kept(&reply.base));
    whole.last_message = &message; /* without `visibility`, which an older service does not send */
    reply.dialogs = dialogs;
    reply.n_dialogs = 1;
    assert_true(reply_bounds_are_kept(&reply.base));
    reply.n_dialogs = 2;
    assert_false(reply_bounds_are_kept(&reply.base));
}

static void one_that_is_missing_further_inside_is_noticed(void **state)
{
    Messenger__UserDetails reply = MESSENGER__USER_DETAILS__INIT;
    Messenger__UserRecord record = MESSENGER__USER_RECORD__INIT;
    Messenger__User user = MESSENGER__USER__INIT;

    (void)state;
    reply.record = &record;
    assert_false(reply_bounds_are_kept(&reply.base));
    record.user = &user;
    assert_true(reply_bounds_are_kept(&reply.base));
}

static void the_account_of_a_sign_up_that_waits_has_no_user(void **state)
{
    Messenger__Account reply = MESSENGER__ACCOUNT__INIT;

    (void)state;
    assert_true(reply_bounds_are_kept(&reply.base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_message_is_noticed),
        cmocka_unit_test(one_that_is_missing_in_a_list_is_noticed),
        cmocka_unit_test(one_that_is_missing_further_inside_is_noticed),
        cmocka_unit_test(the_account_of_a_sign_up_that_waits_has_no_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
