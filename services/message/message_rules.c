#include "services/message/message_rules.h"

#include <string.h>

#include "services/common/base/text.h"

const char *message_rules_check_text(const char *text)
{
    size_t length = strlen(text);

    if (length == 0)
        return "text: must not be empty";
    if (length > MESSAGE_TEXT_MAX)
        return "text: must have at most 16384 bytes";
    return text_is_utf8(text, length) ? NULL : "text: must be UTF-8";
}

const char *message_rules_check_client_id(const char *client_message_id)
{
    size_t length = strlen(client_message_id);

    if (!text_is_utf8(client_message_id, length) ||
        text_code_points(client_message_id) > MESSAGE_CLIENT_ID_MAX)
        return "clientMessageId: must have 1 to 64 characters";
    return NULL;
}

const char *message_rules_check_range(uint32_t start, uint32_t end)
{
    if (end <= start)
        return "endIndex: must be greater than startIndex";
    return end - start <= MESSAGE_PAGE_MAX ? NULL : "endIndex: at most 1000 entries a call";
}
