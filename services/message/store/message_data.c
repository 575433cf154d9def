#include "services/message/store/message_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void message_list_finish(struct message_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].text);
    free(list->items);
    *list = (struct message_list){ 0 };
}

void dialog_list_finish(struct dialog_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].last.text);
    free(list->items);
    *list = (struct dialog_list){ 0 };
}

void message_contacts_finish(struct message_contacts *contacts)
{
    free(contacts->items);
    *contacts = (struct message_contacts){ 0 };
}

bool message_user_set(struct message_user *user, const char *name)
{
    snprintf(user->tag, sizeof(user->tag), "%s", name);
    return account_name_to_key(name, user->key);
}

void message_user_set_later(struct message_user *user, const char *account_id)
{
    char tag[TAG_SIZE];

    account_name_strip(user->tag, tag);
    account_name_set(user->tag, tag, account_id);
    account_name_to_key(user->tag, user->key);
}

bool message_text_agrees(const char *one, const char *other)
{
    return *one == '\0' || *other == '\0' || strcmp(one, other) == 0;
}

struct id message_conversation_id(const char *key, const char *other_key)
{
    return strcmp(key, other_key) < 0 ? id_from_parts(key, other_key)
                                      : id_from_parts(other_key, key);
}

struct id message_id_from_client(const char *sender_key, const char *client_message_id)
{
    return id_from_parts(sender_key, client_message_id);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct message_contact *)a)->key,
                  ((const struct message_contact *)b)->key);
}

void message_contacts_sort(struct message_contacts *contacts)
{
    if (contacts->count > 0)
        qsort(contacts->items, contacts->count, sizeof(*contacts->items), compare_keys);
}

void blocked_list_finish(struct blocked_list *list)
{
    free(list->items);
    *list = (struct blocked_list){ 0 };
}

void change_list_finish(struct change_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].message.text);
    free(list->items);
    dialog_list_finish(&list->dialogs);
    *list = (struct change_list){ 0 };
}
