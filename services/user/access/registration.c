#include "services/user/access/registration.h"

#include <string.h>
#include <strings.h>

#include "services/user/access/codes.h"

bool registration_mode_from_name(const char *name, enum registration_mode *mode_out)
{
    static const char *const names[] = {
        [REGISTRATION_OPEN] = "open",
        [REGISTRATION_INVITE] = "invite",
        [REGISTRATION_CLOSED] = "closed",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *mode_out = (enum registration_mode)i;
            return true;
        }
    return false;
}

bool registration_is_reserved(const char *reserved_tags, const char *tag)
{
    tag += *tag == '@';
    size_t length = strlen(tag);
    for (const char *at = reserved_tags; *at != '\0';) {
        at += strspn(at, ", @");
        size_t word = strcspn(at, ", ");
        if (word > 0 && word == length && strncasecmp(at, tag, length) == 0)
            return true;
        at += word;
    }
    return false;
}

static enum status refuse_invite(enum status status, const char **reason_out)
{
    if (status == STATUS_FORBIDDEN)
        *reason_out = "invite: is unknown, expired, or used";
    return status;
}

/* STATUS_OK: `*asks_out` says whether an invite is to be found. */
static enum status admit(const struct user_service *service, bool has_invite, bool *asks_out,
                         const char **reason_out)
{
    *reason_out = NULL;
    *asks_out = service->registration == REGISTRATION_INVITE;
    if (service->registration == REGISTRATION_CLOSED)
        *reason_out = "registration: is closed";
    else if (*asks_out && !has_invite)
        *reason_out = "invite: is needed";
    return *reason_out == NULL ? STATUS_OK : STATUS_FORBIDDEN;
}

enum status registration_admit(struct user_service *service, const char *invite,
                               struct user_code *invite_out, const char **reason_out)
{
    bool asks;

    *invite_out = (struct user_code){ .account_tag = "" };
    enum status status = admit(service, *invite != '\0', &asks, reason_out);
    if (status != STATUS_OK || !asks)
        return status;
    return refuse_invite(codes_find(service, USER_CODE_INVITE, invite, invite_out), reason_out);
}

enum status registration_admit_again(struct user_service *service, const struct id *invite_key,
                                     struct user_code *invite_out, const char **reason_out)
{
    static const struct id none = { { 0 } };
    bool asks;

    *invite_out = (struct user_code){ .account_tag = "" };
    enum status status =
        admit(service, memcmp(invite_key, &none, sizeof(none)) != 0, &asks, reason_out);
    if (status != STATUS_OK || !asks)
        return status;
    return refuse_invite(codes_find_key(service, USER_CODE_INVITE, invite_key, invite_out),
                         reason_out);
}

enum status registration_take(struct user_service *service, struct user_code *invite,
                              const struct user *user, const char **reason_out)
{
    struct user_code found = *invite;

    if (invite->expires_at_s == 0)
        return STATUS_OK;
    return refuse_invite(codes_use(service, &found, &user->id, user->tag, invite), reason_out);
}

void registration_give_back(struct user_service *service, const struct user_code *invite)
{
    if (invite->expires_at_s != 0)
        codes_give_back(service, invite);
}
