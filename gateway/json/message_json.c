#include "gateway/json/message_json.h"

#include "services/common/base/text.h"

void message_json_put_iso_date(struct json_writer *w, int64_t date_ms)
{
    char date[TEXT_DATE_SIZE];

    text_iso_date(date_ms, date);
    json_put_string(w, "date", date);
}

void message_json_put(struct json_writer *w, const Messenger__Message *message,
                      enum message_json_form form)
{
    json_put_string(w, "_id", message->id);
    json_put_string(w, "senderTag", message->sender_tag);
    json_put_string(w, "receiverTag", message->receiver_tag);
    json_put_string(w, "text", message->text);
    if (form == MESSAGE_JSON_LISTED)
        message_json_put_iso_date(w, message->date_ms);
    else
        json_put_int(w, "date", message->date_ms);
    if (form != MESSAGE_JSON_NOTIFIED)
        json_put_bool(w, "isRead", message->is_read);
    json_put_int(w, "seq", (int64_t)message->seq);
    if (*message->text == '\0')
        json_put_bool(w, "isDeleted", true);
    if (message->is_request)
        json_put_bool(w, "isRequest", true);
}

void message_json_put_listed(struct json_writer *w, const Messenger__Message *message)
{
    json_begin_object(w);
    message_json_put(w, message, MESSAGE_JSON_LISTED);
    json_end_object(w);
}
