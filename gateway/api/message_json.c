#include "gateway/api/message_json.h"

#include "services/common/base/text.h"

static void put_date(struct json_writer *w, int64_t date_ms)
{
    char date[TEXT_DATE_SIZE];

    text_iso_date(date_ms, date);
    json_put_string(w, "date", date);
}

void message_put(struct json_writer *w, const Messenger__Message *message)
{
    json_begin_object(w);
    json_put_string(w, "_id", message->id);
    json_put_string(w, "senderTag", message->sender_tag);
    json_put_string(w, "receiverTag", message->receiver_tag);
    json_put_string(w, "text", message->text);
    put_date(w, message->date_ms);
    json_put_bool(w, "isRead", message->is_read);
    json_put_int(w, "seq", (int64_t)message->seq);
    json_end_object(w);
}

void dialog_put(struct json_writer *w, const Messenger__Dialog *dialog, const struct people *people)
{
    const Messenger__Message *last = dialog->last_message;

    json_put_string(w, "_id", dialog->conversation_id);
    json_put_string(w, "senderTag", last->sender_tag);
    json_put_string(w, "receiverTag", last->receiver_tag);
    put_date(w, last->date_ms);
    json_put_string(w, "text", last->text);
    json_put_int(w, "unreadCount", (int64_t)(dialog->unread_incoming + dialog->unread_outgoing));
    json_put_int(w, "unreadIncoming", (int64_t)dialog->unread_incoming);
    json_put_int(w, "unreadOutgoing", (int64_t)dialog->unread_outgoing);
    json_put_int(w, "seq", (int64_t)last->seq);
    json_key(w, "userInfo");
    people_put_user(w, people, dialog->peer_tag);
}
