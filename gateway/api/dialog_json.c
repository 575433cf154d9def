#include "gateway/api/dialog_json.h"

#include "gateway/json/message_json.h"

void dialog_json_put(struct json_writer *w, const Messenger__Dialog *dialog,
                     const struct profiles *profiles)
{
    const Messenger__Message *last = dialog->last_message;

    json_put_string(w, "_id", dialog->conversation_id);
    json_put_string(w, "senderTag", last->sender_tag);
    json_put_string(w, "receiverTag", last->receiver_tag);
    message_json_put_iso_date(w, last->date_ms);
    json_put_string(w, "text", last->text);
    json_put_int(w, "unreadCount", (int64_t)(dialog->unread_incoming + dialog->unread_outgoing));
    json_put_int(w, "unreadIncoming", (int64_t)dialog->unread_incoming);
    json_put_int(w, "unreadOutgoing", (int64_t)dialog->unread_outgoing);
    json_put_int(w, "seq", (int64_t)last->seq);
    if (*last->text == '\0')
        json_put_bool(w, "isDeleted", true);
    if (dialog->is_request)
        json_put_bool(w, "isRequest", true);
    if (dialog->is_blocked)
        json_put_bool(w, "isBlocked", true);
    json_key(w, "userInfo");
    profiles_put_user(w, profiles, dialog->peer_tag);
}
