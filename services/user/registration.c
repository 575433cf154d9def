#include "services/user/registration.h"

#include <string.h>
#include <strings.h>

#include "services/user/codes.h"

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

enum status registration_admit(struct user_service *service, const char *invite,
                               struct user_code *invite_out, const char **reason_out)
{
    *invite_out = (struct user_code){ .account_tag = "" };
    *reason_out = NULL;
    if (service->registration == REGISTRATION_OPEN)
        return STATUS_OK;
    if (service->registration == REGISTRATION_CLOSED) {
        *reason_out = "registration: is closed";
        return STATUS_FORBIDDEN;
    }
    if (*invite == '\0') {
        *reason_out = "invite: is needed";
        return STATUS_FORBIDDEN;
    }
    return refuse_invite(codes_find(service, USER_CODE_INVITE, invite, invite_out), reason_out);
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
