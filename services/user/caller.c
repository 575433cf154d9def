#include "services/user/caller.h"

#include <stdlib.h>
#include <string.h>

bool caller_is_account(const struct user *user, const char *id)
{
    struct id wanted;

    return id_from_hex(id, &wanted) && memcmp(wanted.bytes, user->id.bytes, ID_BYTES) == 0;
}

enum status caller_load(struct user_service *service, const char *tag, const char *id,
                        struct user *user_out)
{
    char key[TAG_SIZE];
    const char *keys[] = { key };
    struct user_list list;

    if (!tag_to_key(tag, key))
        return STATUS_UNAUTHENTICATED;
    enum status status = user_store_by_keys(service->store, keys, 1, &list);
    if (status != STATUS_OK)
        return status;
    if (list.count == 1)
        *user_out = list.items[0];
    if (list.count != 1 || user_out->disabled || (*id != '\0' && !caller_is_account(user_out, id)))
        status = STATUS_UNAUTHENTICATED;
    free(list.items);
    return status;
}

enum status caller_load_account(struct user_service *service, const Messenger__AccountName *account,
                                struct user *user_out)
{
    if (account == NULL || *account->id == '\0')
        return STATUS_UNAUTHENTICATED;
    return caller_load(service, account->tag, account->id, user_out);
}
