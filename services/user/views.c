#include "services/user/views.h"

#include <stdlib.h>

#include "services/common/base/clock.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/user/access/sessions.h"

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

static void set_session(const struct user_session *session, Messenger__Session *view)
{
    messenger__session__init(view);
    view->id = wire_borrow(session->id);
    view->device = wire_borrow(session->device);
    view->address = wire_borrow(session->address);
    view->created_ms = session->created_ms;
    view->seen_ms = session->seen_ms;
    view->expires_at = session->expires_at_s;
}

struct session_views *views_make_sessions(const struct user *user,
                                          const struct user_session_list *list)
{
    struct session_views *views = xcalloc(1, sizeof(*views));
    int64_t now_s = clock_wall_ms() / 1000;

    views->items = xcalloc(list->count, sizeof(*views->items));
    views->pointers = xcalloc(list->count, sizeof(*views->pointers));
    for (size_t i = 0; i < list->count; i++) {
        if (sessions_is_over(user, &list->items[i]) || list->items[i].expires_at_s <= now_s)
            continue;
        set_session(&list->items[i], &views->items[views->count]);
        views->pointers[views->count] = &views->items[views->count];
        views->count++;
    }
    return views;
}

void views_free_sessions(struct session_views *views)
{
    free(views->pointers);
    free(views->items);
    free(views);
}
