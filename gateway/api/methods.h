#ifndef GATEWAY_API_METHODS_H
#define GATEWAY_API_METHODS_H

#include "gateway/api/jsonrpc.h"

/*
 * The methods of the API, one row each; a handler's contract is its section in docs/api.md. The
 * `ctx` of a call is a struct caller. Handlers have no business rules: services do.
 */
extern const struct jsonrpc_method api_methods[];
extern const size_t api_method_count;

/* The value of the optional parameter upToSeq when it is missing. */
#define METHODS_NO_SEQ UINT64_MAX

void methods_get_self_info(struct jsonrpc_call *call);
void methods_set_self_info(struct jsonrpc_call *call);
void methods_find_users_by_tag(struct jsonrpc_call *call);

void methods_add_contact(struct jsonrpc_call *call);
void methods_remove_contact(struct jsonrpc_call *call);
void methods_block_user(struct jsonrpc_call *call);
void methods_unblock_user(struct jsonrpc_call *call);
void methods_list_blocked(struct jsonrpc_call *call);
void methods_get_privacy(struct jsonrpc_call *call);
void methods_set_privacy(struct jsonrpc_call *call);

void methods_list_sessions(struct jsonrpc_call *call);
void methods_revoke_session(struct jsonrpc_call *call);
void methods_revoke_other_sessions(struct jsonrpc_call *call);
void methods_change_password(struct jsonrpc_call *call);
void methods_delete_account(struct jsonrpc_call *call);
void methods_create_invite(struct jsonrpc_call *call);
void methods_list_invites(struct jsonrpc_call *call);
void methods_revoke_invite(struct jsonrpc_call *call);

void methods_export_my_data(struct jsonrpc_call *call);

void methods_hello(struct jsonrpc_call *call);
void methods_sync(struct jsonrpc_call *call);

void methods_send_message_to_user(struct jsonrpc_call *call);
void methods_get_dialogs_list(struct jsonrpc_call *call);
void methods_get_messages_with_user(struct jsonrpc_call *call);
void methods_mark_messages_with_user_as_read(struct jsonrpc_call *call);

#endif
