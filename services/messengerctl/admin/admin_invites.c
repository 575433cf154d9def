#include "services/messengerctl/admin/admin_invites.h"

#include <stdlib.h>

#include "admin.pb-c.h"
#include "services/common/base/memory.h"
#include "services/common/rpc/wire.h"
#include "services/messengerctl/admin/admin_print.h"
#include "services/messengerctl/console.h"

enum { PAGE = 1000 };

static const char unknown_method[] = "the user service does not know this; is it of this version?";

bool admin_invites_create(struct admin_link *link, const struct command_line *line)
{
    Messenger__MakeInviteRequest request = MESSENGER__MAKE_INVITE_REQUEST__INIT;
    struct admin_call call = { "MakeInvite", &request.base, &messenger__one_time_code__descriptor,
                               unknown_method };
    Messenger__OneTimeCode *reply;
    char until[ADMIN_PRINT_DATE_SIZE];

    request.lifetime_s = line->expires_s;
    if (!admin_link_call(link, &call, &reply))
        return false;
    admin_print_end(reply->expires_at, until);
    admin_link_print_address(link, "invite", reply->code);
    console_line("invite %s, for one account, until %s", reply->id, until);
    wire_free(reply);
    return true;
}

bool admin_invites_revoke(struct admin_link *link, const struct command_line *line)
{
    Messenger__DropInviteRequest request = MESSENGER__DROP_INVITE_REQUEST__INIT;
    char *missing = xasprintf("there is no unused invite %s; see \"invite list\"", line->words[2]);
    struct admin_call call = { "DropInvite", &request.base, NULL, missing };

    request.id = wire_borrow(line->words[2]);
    bool done = admin_link_do(link, &call);
    if (done)
        console_line("invite %s is revoked", line->words[2]);
    free(missing);
    return done;
}

/* Frees the former one. */
static Messenger__InviteList *fetch_page(struct admin_link *link, Messenger__InviteList *before)
{
    Messenger__ListAllInvitesRequest request = MESSENGER__LIST_ALL_INVITES_REQUEST__INIT;
    struct admin_call call = { "ListAllInvites", &request.base, &messenger__invite_list__descriptor,
                               unknown_method };
    Messenger__InviteList *page;

    request.limit = PAGE;
    if (before != NULL)
        request.after_id = before->invites[before->n_invites - 1]->id;
    bool done = admin_link_call(link, &call, &page);
    wire_free(before);
    return done ? page : NULL;
}

bool admin_invites_list(struct admin_link *link, const struct command_line *line)
{
    struct table table = admin_print_invite_table();
    Messenger__InviteList *page = NULL;
    bool more = true;

    while (more && (page = fetch_page(link, page)) != NULL) {
        admin_print_invites(&table, (line->options & OPTION_JSON) != 0, page);
        more = page->n_invites == PAGE && console_is_written();
    }
    wire_free(page);
    return page != NULL;
}
