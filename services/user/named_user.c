#include "services/user/named_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/user/rules/user_rules.h"

enum status named_user_find(struct user_service *service, const char *name, struct user *user_out)
{
    char key[TAG_SIZE], email_key[USER_EMAIL_SIZE], tag[TAG_SIZE + 1];
    const char *keys[] = { key };
    struct user_list list;

    if (user_rules_check_email(name, email_key) == NULL)
        return user_store_by_email(service->store, email_key, user_out);
    snprintf(tag, sizeof(tag), "%s%s", *name == '@' ? "" : "@", name);
    if (strlen(name) >= TAG_SIZE || !tag_to_key(tag, key))
        return STATUS_NOT_FOUND;
    enum status status = user_store_by_keys(service->store, keys, 1, &list);
    if (status == STATUS_OK && list.count == 1)
        *user_out = list.items[0];
    else if (status == STATUS_OK)
        status = STATUS_NOT_FOUND;
    free(list.items);
    return status;
}
