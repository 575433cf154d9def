#include <stdlib.h>

#include "gateway/methods.h"
#include "gateway/people.h"
#include "gateway/service_call.h"
#include "services/common/wire.h"
#include "user.pb-c.h"

enum { FIND_MOST = 30 };

static void put_user_object(struct json_writer *w, const Messenger__User *user)
{
    json_begin_object(w);
    people_put(w, user);
    json_end_object(w);
}

void method_get_self_info(struct jsonrpc_call *call)
{
    Messenger__GetUsersRequest request = MESSENGER__GET_USERS_REQUEST__INIT;
    Messenger__UserList *reply;
    struct rpc_context context;
    char *tags[] = { (char *)(uintptr_t)caller_tag(call) };

    service_context(caller_of(call)->gateway, &context);
    request.n_tags = 1;
    request.tags = tags;
    if (!service_call(call, &context, "user.GetUsers", &request.base,
                      &messenger__user_list__descriptor, &reply))
        return;
    if (reply->n_users == 1)
        put_user_object(call->result, reply->users[0]);
    else /* the store was exchanged under a token that is still good */
        jsonrpc_fail(call, JSONRPC_SERVER_ERROR, NULL, 0);
    wire_free(reply);
}

void method_set_self_info(struct jsonrpc_call *call)
{
    Messenger__UpdateProfileRequest request = MESSENGER__UPDATE_PROFILE_REQUEST__INIT;
    Messenger__User *reply;
    struct rpc_context context;

    service_context(caller_of(call)->gateway, &context);
    request.tag = (char *)(uintptr_t)caller_tag(call);
    request.first_name = (char *)(uintptr_t)call->params[0].text;
    request.last_name = (char *)(uintptr_t)call->params[1].text;
    request.img = (char *)(uintptr_t)call->params[2].text;
    request.origin = (char *)(uintptr_t)session_id(caller_of(call)->session);
    if (!service_call(call, &context, "user.UpdateProfile", &request.base,
                      &messenger__user__descriptor, &reply))
        return;
    put_user_object(call->result, reply);
    wire_free(reply);
}

void method_find_users_by_tag(struct jsonrpc_call *call)
{
    Messenger__FindUsersRequest request = MESSENGER__FIND_USERS_REQUEST__INIT;
    Messenger__UserList *reply;
    struct rpc_context context;

    service_context(caller_of(call)->gateway, &context);
    request.query = (char *)(uintptr_t)call->params[0].text;
    request.exclude_tag = (char *)(uintptr_t)caller_tag(call);
    request.limit = FIND_MOST;
    if (!service_call(call, &context, "user.FindUsers", &request.base,
                      &messenger__user_list__descriptor, &reply))
        return;
    bool *online = people_online(call, &context, reply);
    json_begin_array(call->result);
    for (size_t i = 0; i < reply->n_users; i++) {
        json_begin_object(call->result);
        people_put(call->result, reply->users[i]);
        json_put_bool(call->result, "isOnline", online[i]);
        json_end_object(call->result);
    }
    json_end_array(call->result);
    free(online);
    wire_free(reply);
}
