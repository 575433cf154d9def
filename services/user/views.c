#include "services/user/views.h"

#include "services/common/rpc/wire.h"

void views_set_user(const struct user *user, char hex[ID_HEX + 1], Messenger__User *view)
{
    messenger__user__init(view);
    id_to_hex(&user->id, hex);
    view->id = hex;
    view->tag = wire_borrow(user->tag);
    view->first_name = wire_borrow(user->first_name);
    view->last_name = wire_borrow(user->last_name);
    view->img = wire_borrow(user->img);
}

void views_reply_user(struct rpc_request *call, const struct user *user)
{
    Messenger__User view;
    char hex[ID_HEX + 1];

    views_set_user(user, hex, &view);
    rpc_request_reply(call, &view.base);
}

void views_reply_account(struct rpc_request *call, const struct user *user, const char *session_id)
{
    Messenger__Account account = MESSENGER__ACCOUNT__INIT;
    Messenger__User view;
    char hex[ID_HEX + 1];

    views_set_user(user, hex, &view);
    account.user = &view;
    account.email = wire_borrow(user->email);
    account.session_id = wire_borrow(session_id);
    rpc_request_reply(call, &account.base);
}
