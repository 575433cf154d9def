#include "services/message/views.h"

#include <stdint.h>
#include <string.h>

#include "services/common/rpc/wire.h"

enum { REPLY_BYTES_MAX = 800 * 1024, ENTRY_BYTES = 256 };

void message_view_set(struct message_view *view, const struct message *message)
{
    messenger__message__init(&view->proto);
    id_to_hex(&message->id, view->hex);
    view->proto.id = view->hex;
    account_name_strip(message->sender_tag, view->sender_tag);
    account_name_strip(message->receiver_tag, view->receiver_tag);
    view->proto.sender_tag = view->sender_tag;
    view->proto.receiver_tag = view->receiver_tag;
    view->proto.text = message->text;
    view->proto.date_ms = message->date_ms;
    view->proto.seq = message->seq;
    view->proto.is_read = message->is_read;
}

void views_set_visibility(Messenger__Visibility *view, const struct relation *relation,
                          bool consent)
{
    messenger__visibility__init(view);
    view->hides_presence = !relation_i_see_them(relation, consent);
    view->hides_profile = relation_is_blocked(relation);
}

void dialog_view_set(struct dialog_view *view, const struct dialog *dialog, bool consent)
{
    messenger__dialog__init(&view->proto);
    message_view_set(&view->last, &dialog->last);
    id_to_hex(&dialog->conversation, view->conversation_hex);
    view->proto.conversation_id = view->conversation_hex;
    view->proto.last_message = &view->last.proto;
    view->proto.unread_incoming = dialog->unread_incoming;
    view->proto.unread_outgoing = dialog->unread_outgoing;
    account_name_strip(dialog->peer_tag, view->peer_tag);
    view->proto.peer_tag = view->peer_tag;
    view->proto.is_request = relation_is_request(&dialog->relation, consent);
    view->proto.is_blocked = dialog->relation.mine == RELATION_BLOCKED;
    views_set_visibility(&view->visibility, &dialog->relation, consent);
    view->proto.visibility = &view->visibility;
}

/* The numbers differ by one: 0 is a field that is not there. */
void views_set_privacy(Messenger__Privacy *view, struct privacy privacy)
{
    messenger__privacy__init(view);
    view->online = (Messenger__Audience)(privacy.online + 1);
    view->read_marks = (Messenger__Audience)(privacy.read_marks + 1);
}

enum audience views_read_audience(Messenger__Audience view, enum audience unchanged)
{
    return view == MESSENGER__AUDIENCE__AUDIENCE_UNCHANGED ? unchanged : (enum audience)(view - 1);
}

bool reply_budget_take(struct reply_budget *budget, const char *text)
{
    size_t bytes = strlen(text) + ENTRY_BYTES;

    size_t max = budget->max > 0 && budget->max < REPLY_BYTES_MAX ? budget->max : REPLY_BYTES_MAX;

    if (budget->entries > 0 && budget->bytes + bytes > max)
        return false;
    budget->entries++;
    budget->bytes += bytes;
    return true;
}
