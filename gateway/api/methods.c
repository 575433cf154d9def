#include "gateway/api/methods.h"

#define TEXT(name)                                                                                 \
    {                                                                                              \
        name, JSONRPC_TEXT, true,                                                                  \
        {                                                                                          \
            .text = ""                                                                             \
        }                                                                                          \
    }
#define OPTIONAL_TEXT(name)                                                                        \
    {                                                                                              \
        name, JSONRPC_TEXT, false,                                                                 \
        {                                                                                          \
            .text = ""                                                                             \
        }                                                                                          \
    }
#define OPTIONAL_INDEX(name, initial)                                                              \
    {                                                                                              \
        name, JSONRPC_INDEX, false,                                                                \
        {                                                                                          \
            .number = initial                                                                      \
        }                                                                                          \
    }

enum { BLOCKING = false, ASYNC = true };

const struct jsonrpc_method api_methods[] = {
    { "getSelfInfo", { { 0 } }, 0, methods_get_self_info, ASYNC },
    { "setSelfInfo",
      { OPTIONAL_TEXT("firstName"), OPTIONAL_TEXT("lastName"), OPTIONAL_TEXT("img") },
      3,
      methods_set_self_info,
      ASYNC },
    { "sendMessageToUser",
      { TEXT("receiverTag"),
        TEXT("text"),
        { "clientMessageId", JSONRPC_TEXT, false, { .text = 0 } } },
      3,
      methods_send_message_to_user,
      ASYNC },
    { "getDialogsList",
      { OPTIONAL_INDEX("startIndex", 0), OPTIONAL_INDEX("endIndex", 30) },
      2,
      methods_get_dialogs_list,
      BLOCKING },
    { "getMessagesWithUser",
      { TEXT("receiverTag"), OPTIONAL_INDEX("startIndex", 0), OPTIONAL_INDEX("endIndex", 100) },
      3,
      methods_get_messages_with_user,
      BLOCKING },
    { "markMessagesWithUserAsRead",
      { TEXT("senderTag"), { "upToSeq", JSONRPC_POSITION, false, { .position = METHODS_NO_SEQ } } },
      2,
      methods_mark_messages_with_user_as_read,
      ASYNC },
    { "findUsersByTag", { TEXT("tag") }, 1, methods_find_users_by_tag, BLOCKING },
    { "addContact", { TEXT("tag") }, 1, methods_add_contact, ASYNC },
    { "removeContact", { TEXT("tag") }, 1, methods_remove_contact, ASYNC },
    { "blockUser", { TEXT("tag") }, 1, methods_block_user, ASYNC },
    { "unblockUser", { TEXT("tag") }, 1, methods_unblock_user, ASYNC },
    { "listBlocked", { { 0 } }, 0, methods_list_blocked, BLOCKING },
    { "getPrivacy", { { 0 } }, 0, methods_get_privacy, ASYNC },
    { "setPrivacy",
      { OPTIONAL_TEXT("online"), OPTIONAL_TEXT("readMarks") },
      2,
      methods_set_privacy,
      ASYNC },
    { "listSessions", { { 0 } }, 0, methods_list_sessions, ASYNC },
    { "revokeSession", { TEXT("id") }, 1, methods_revoke_session, ASYNC },
    { "revokeOtherSessions", { { 0 } }, 0, methods_revoke_other_sessions, ASYNC },
    { "changePassword",
      { TEXT("oldPassword"), TEXT("newPassword") },
      2,
      methods_change_password,
      ASYNC },
    { "deleteAccount", { TEXT("password") }, 1, methods_delete_account, ASYNC },
    { "createInvite", { { 0 } }, 0, methods_create_invite, ASYNC },
    { "listInvites", { { 0 } }, 0, methods_list_invites, ASYNC },
    { "revokeInvite", { TEXT("id") }, 1, methods_revoke_invite, ASYNC },
    { "exportMyData", { OPTIONAL_TEXT("cursor") }, 1, methods_export_my_data, BLOCKING },
    { "hello", { { 0 } }, 0, methods_hello, BLOCKING },
    { "sync",
      { OPTIONAL_TEXT("epoch"),
        { "since", JSONRPC_POSITION, false, { .position = 0 } },
        OPTIONAL_INDEX("limit", 100) },
      3,
      methods_sync,
      BLOCKING },
};
const size_t api_method_count = sizeof(api_methods) / sizeof(api_methods[0]);
