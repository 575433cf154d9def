#include <stdlib.h>
#include <string.h>

#include "gateway/api/methods.h"
#include "gateway/api/profiles.h"
#include "gateway/api/service_call.h"
#include "gateway/json/user_json.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum { FIND_MAX = 30 };

static void put_user_object(struct json_writer *w, const Messenger__User *user)
{
    json_begin_object(w);
    user_json_put(w, user);
    json_end_object(w);
}

static void put_self(struct jsonrpc_call *call, const void *reply)
{
    static const struct rpc_error gone = { .reason = "the account does not exist" };
    const Messenger__UserList *list = reply;

    if (list->n_users == 1 && strcmp(list->users[0]->id, caller_id(call)) == 0)
        put_user_object(&call->result, list->users[0]);
    else /* the store of users was replaced */
        service_call_fail(call, NULL, "user.GetUsers", STATUS_UNAUTHENTICATED, &gone);
}

void methods_get_self_info(struct jsonrpc_call *call)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    struct rpc_context context;
    char *tags[] = { wire_borrow(caller_tag(call)) };

    service_call_context(call, &context);
    request.n_tags = 1;
    request.tags = tags;
    service_call_then(call, &context, "user.GetUsers", &request.base,
                      &messenger__user_list__descriptor, put_self);
}

static void put_changed_self(struct jsonrpc_call *call, const void *reply)
{
    put_user_object(&call->result, reply);
}

void methods_set_self_info(struct jsonrpc_call *call)
{
    Messenger__UpdateProfileRequest request = MESSENGER__UPDATE_PROFILE_REQUEST__INIT;
    struct rpc_context context;

    service_call_context(call, &context);
    request.tag = wire_borrow(caller_tag(call));
    request.account_id = wire_borrow(caller_id(call));
    request.first_name = wire_borrow(call->params[0].text);
    request.last_name = wire_borrow(call->params[1].text);
    request.img = wire_borrow(call->params[2].text);
    request.origin = wire_borrow(session_id(caller_of(call)->session));
    service_call_then(call, &context, "user.UpdateProfile", &request.base,
                      &messenger__user__descriptor, put_changed_self);
}

void methods_find_users_by_tag(struct jsonrpc_call *call)
{
    Messenger__FindUsersRequest request = MESSENGER__FIND_USERS_REQUEST__INIT;
    Messenger__UserList *reply;
    struct rpc_context context;

    service_call_context(call, &context);
    request.query = wire_borrow(call->params[0].text);
    request.exclude_tag = wire_borrow(caller_tag(call));
    request.limit = FIND_MAX;
    if (!service_call(call, &context, "user.FindUsers", &request.base,
                      &messenger__user_list__descriptor, &reply))
        return;
    json_begin_array(&call->result);
    if (reply->n_users > 0)
        profiles_put_found(call, &context, reply);
    json_end_array(&call->result);
    wire_free(reply);
}
